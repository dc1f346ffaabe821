import { Secret } from '../../../core/secret.js';
import { systemClock } from '../../../kit/api-clock.js';
import { Api, type ApiAnswer, type ApiOptions, type ApiRequest } from '../../../kit/api.js';
import { field, text } from '../../../kit/read.js';
import { asked, jsonOf } from './asking.js';
import { AlertLogicError } from './errors.js';
import { Incidents, type TimeQuery } from './incidents.js';
import type { ApiRecord, ClosingReason, EvidenceRecord, IncidentRecord, StatusChange } from './records.js';
import { Session, type Token } from './session.js';
import { untilAborted } from './until-aborted.js';

export { analyzeIncident } from '../analysis/incident.js';
export type * from '../analysis/incident.js';
export { reportOf, type ReportOptions } from '../analysis/report.js';
export { defanged } from '../defang.js';
export { AlertLogicError } from './errors.js';
export { LegacyAlertLogic, type LegacyOptions, type LegacyQuery } from './legacy.js';
export type { IncidentPage, TimeQuery } from './incidents.js';
export { closingReasons } from './records.js';
export type * from './records.js';

/** Where an account keeps its data: `default` is what the account says itself. */
export const residencies = ['default', 'us', 'emea'] as const;
export type Residency = (typeof residencies)[number];

export type AlertLogicOptions = {
  /** An access key: the console makes them, in a user's own page. It needs no second factor. */
  readonly accessKeyId: string;
  readonly secretKey: string | Secret;
  /** The account to ask; the user's own unless said otherwise. */
  readonly accountId?: string;
  /** Where AIMS and the endpoints service are: `https://api.cloudinsight.alertlogic.com` unless said otherwise; trusted. */
  readonly baseUrl?: string;
  /** Whose endpoint of IRIS is asked; `default` unless said otherwise. */
  readonly region?: Residency;
  /** For each attempt of a request, in milliseconds; 30 s unless said otherwise. */
  readonly timeout?: number;
  /** At most so many requests a minute. The vendor documents no limit, so there is none unless said otherwise. */
  readonly perMinute?: number;
  /** Bounds on the attempts of a request that meets 429, 5xx or a lost connection: 5, within 60 s. */
  readonly retries?: ApiOptions['retries'];
};

/** What a client in a router says beside: whose URL it is, and its clock. */
type Surroundings = Pick<ApiOptions, 'egress' | 'clock'>;

export const usualBaseUrl = 'https://api.cloudinsight.alertlogic.com';
const usualTimeoutMs = 30_000;
/** A page of evidence carries packets. */
const maxAnswerBytes = 32 * 1024 * 1024;

/**
 * Alert Logic: IRIS v3, signed in at AIMS with an access key, at the endpoint that the vendor names for the account.
 *
 *     const client = new AlertLogic({ accessKeyId, secretKey });
 *     for await (const incident of client.incidentsByTime({ start: '2026-02-16' })) …
 *
 * Every method takes an `AbortSignal` last, and throws its reason once it aborts. Answers that say no are thrown as
 * `AlertLogicError`, 401 and 403 among them; 429, 5xx and lost connections are tried again before.
 */
export class AlertLogic {
  readonly #incidents: Incidents;
  readonly #apis = new Map<string, Api>();
  readonly #optionsOf: (baseUrl: string) => ApiOptions;
  readonly #base: string;
  readonly #session: Session;
  readonly #region: Residency;
  readonly #accountId: string | undefined;
  #endpoint: Promise<string> | undefined;

  constructor(options: AlertLogicOptions, surroundings: Surroundings = { egress: 'trust-base-url' }) {
    const { accessKeyId, accountId, baseUrl = usualBaseUrl, region = 'default' } = options;
    const secretKey = options.secretKey instanceof Secret ? options.secretKey : new Secret(options.secretKey);
    if (accessKeyId.trim() === '') throw new TypeError('accessKeyId must not be empty');
    if (secretKey.reveal().trim() === '') throw new TypeError('secretKey must not be empty');
    const { timeout = usualTimeoutMs, perMinute, retries } = options;
    this.#optionsOf = (url) => ({
      baseUrl: url,
      timeoutMs: timeout,
      confidential: [secretKey],
      maxAnswerBytes,
      ...(perMinute !== undefined && { perMinute }),
      ...(retries && { retries }),
      ...surroundings,
    });
    const clock = { ...systemClock, ...surroundings.clock };
    this.#base = baseUrl;
    this.#region = region;
    this.#accountId = accountId;
    this.#session = new Session(this.#apiAt(baseUrl), { accessKeyId, secretKey }, clock);
    this.#incidents = new Incidents(
      (request, signal) => this.#irisRequest(request, signal),
      () => clock.now(),
    );
  }

  /** The account that is asked. */
  async accountId(signal?: AbortSignal): Promise<string> {
    return this.#accountId ?? (await this.#session.token(signal)).accountId;
  }

  /** By its id, of 16 characters or a UUID. Undefined where the account has no such incident. */
  incident(incidentId: string, signal?: AbortSignal): Promise<IncidentRecord | undefined> {
    return this.#incidents.get(incidentId, signal);
  }

  /** By the short id that people use, such as `k4w9tz`. Undefined where the account has no such incident. */
  async incidentByFriendlyId(friendlyId: string, signal?: AbortSignal): Promise<IncidentRecord | undefined> {
    const name = await this.#incidents.named(friendlyId, signal);
    return name && this.#incidents.get(name.incidentId, signal);
  }

  /** Every incident of a span of any length, asked for in windows of at most 7 days, the oldest first. */
  incidentsByTime(query: TimeQuery, signal?: AbortSignal): AsyncGenerator<IncidentRecord, void, undefined> {
    return this.#incidents.byTime(query, signal);
  }

  /** One page of a window of at most 7 days, as `Incidents.page`. */
  incidentsPage(...asked: Parameters<Incidents['page']>): ReturnType<Incidents['page']> {
    return this.#incidents.page(...asked);
  }

  /** The events of an incident, with their packets: what `analyzeIncident` takes. */
  associatedEvents(
    incidentId: string,
    options: { readonly limit?: number } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<EvidenceRecord, void, undefined> {
    return this.#incidents.associated(incidentId, 'event', options, signal);
  }

  /** The log messages of an incident. */
  associatedLogs(
    incidentId: string,
    options: { readonly limit?: number } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<EvidenceRecord, void, undefined> {
    return this.#incidents.associated(incidentId, 'log', options, signal);
  }

  /** Closes an incident. One that is closed already is an error of status 400, in the vendor's words. */
  complete(
    incidentId: string,
    closing: { readonly notes: string; readonly reasonCode: ClosingReason },
    signal?: AbortSignal,
  ): Promise<StatusChange> {
    return this.#incidents.complete(incidentId, closing, signal);
  }

  /** Tells the vendor what you think of an incident. */
  feedback(
    incidentId: string,
    given: { readonly feedback: string; readonly reason: string },
    signal?: AbortSignal,
  ): Promise<ApiRecord> {
    return this.#incidents.feedback(incidentId, given, signal);
  }

  /** Opens a closed incident again. */
  reopen(incidentId: string, reopening: { readonly notes: string }, signal?: AbortSignal): Promise<StatusChange> {
    return this.#incidents.reopen(incidentId, reopening, signal);
  }

  /** The classes, detection sources and threat levels that incidents have. */
  incidentFilters(signal?: AbortSignal): Promise<ApiRecord> {
    return this.#incidents.filters(signal);
  }

  /** Where a service of the vendor is for this account, as an absolute URL. */
  async endpointOf(service: string, signal?: AbortSignal): Promise<string> {
    const account = encodeURIComponent(await this.accountId(signal));
    const path = `/endpoints/v1/${account}/residency/${this.#region}/services/${encodeURIComponent(service)}/endpoint`;
    const answer = await this.#signedIn(this.#base, { method: 'GET', path }, signal);
    // An account without an entry is served where it signs in.
    if (answer.status === 404) return this.#base;
    return this.#trusted(text(field(jsonOf(answer), service)));
  }

  /** Gives up what is under way; may be called twice. */
  async close(): Promise<void> {
    await Promise.all([...this.#apis.values()].map((api) => api.close()));
  }

  async #irisRequest(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    const account = encodeURIComponent(await this.accountId(signal));
    const endpoint = await this.#iris(signal);
    const path = `/iris/v3${request.path.replace('{account}', () => account)}`;
    return this.#signedIn(endpoint, { ...request, path }, signal);
  }

  /** Asked once; a failure is not remembered. */
  async #iris(signal?: AbortSignal): Promise<string> {
    this.#endpoint ??= this.endpointOf('iris').catch((error: unknown) => {
      this.#endpoint = undefined;
      throw error;
    });
    return untilAborted(this.#endpoint, signal);
  }

  /** A token that is refused may have been revoked before its time: a new one is had, once. */
  async #signedIn(baseUrl: string, request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    const token = await this.#session.token(signal);
    const answer = await this.#withToken(baseUrl, request, token, signal);
    if (answer.status !== 401) return answer;
    this.#session.forget(token);
    return this.#withToken(baseUrl, request, await this.#session.token(signal), signal);
  }

  #withToken(baseUrl: string, request: ApiRequest, token: Token, signal?: AbortSignal): Promise<ApiAnswer> {
    return asked(this.#apiAt(baseUrl), { ...request, headers: { 'x-aims-auth-token': token.secret } }, signal);
  }

  #apiAt(baseUrl: string): Api {
    const known = this.#apis.get(baseUrl);
    if (known) return known;
    const api = new Api(this.#optionsOf(baseUrl));
    this.#apis.set(baseUrl, api);
    return api;
  }

  /** The token goes there: to a host of the vendor's, or to the one that we signed in at. */
  #trusted(host: string | undefined): string {
    const base = new URL(this.#base);
    if (host === base.host) return this.#base;
    if (host !== undefined && /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.alertlogic\.(?:com|net)$/i.test(host)) {
      return `https://${host}`;
    }
    throw new AlertLogicError(`Alert Logic: the endpoint ${JSON.stringify(host ?? '')} is no host of alertlogic.com`);
  }
}
