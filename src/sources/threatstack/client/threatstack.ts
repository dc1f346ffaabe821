import { Secret } from '../../../core/secret.js';
import { systemClock } from '../../../kit/api-clock.js';
import { Api, type ApiOptions } from '../../../kit/api.js';
import { Connection, type Signer } from './connection.js';
import { ThreatStackClientError } from './errors.js';
import { HawkSigner } from './hawk.js';
import { resourcesV1, type ResourcesV1 } from './v1/resources.js';
import { resourcesV2, type ResourcesV2 } from './v2/resources.js';

export {
  ThreatStackApiError,
  ThreatStackAuthError,
  ThreatStackClientError,
  ThreatStackConnectionError,
  ThreatStackError,
  ThreatStackPagingError,
  ThreatStackRateLimitError,
} from './errors.js';
export type { ApiRecord, Page, Time, TimeRange } from './records.js';
export type * as v1 from './v1/records.js';
export type * as v2 from './v2/records.js';
export type { ListQuery, LogQuery, PagedQuery, ResourcesV1 } from './v1/resources.js';
export type { AlertQuery, AlertStatus, Dismissal, DismissReason } from './v2/alerts.js';
export type { TokenPage } from './v2/pages.js';
export type { AgentQuery, ResourcesV2, ServerQuery } from './v2/resources.js';

export type ApiVersion = 1 | 2;

type CommonOptions = {
  readonly apiKey: string | Secret;
  /** The vendor's for the version unless said otherwise (`baseUrls`); trusted, wherever it leads. */
  readonly baseUrl?: string;
  /** For each attempt of a request, in milliseconds; 120 s unless said otherwise. */
  readonly timeout?: number;
  /** At most so many requests a minute; 200 unless said otherwise, which is what the vendor allows an organization. */
  readonly perMinute?: number;
  /** Bounds on the attempts of a request that meets 429, 5xx or a lost connection: 5, within 60 s. */
  readonly retries?: ApiOptions['retries'];
};

export type OptionsV1 = CommonOptions & {
  readonly apiVersion?: 1;
  /** Another than the key's own. */
  readonly orgId?: string;
  readonly userId?: string;
};

/** Version 2 signs its requests (Hawk), in the name of a user of an organization. */
export type OptionsV2 = CommonOptions & {
  readonly apiVersion: 2;
  readonly orgId: string;
  readonly userId: string;
};

/** What a client in a router says beside: what its config lets it call, and its clock. */
type Surroundings = Pick<ApiOptions, 'egress' | 'clock'>;

/** Version 2 is reported to have moved since: where it is, the console says. */
export const baseUrls: Readonly<Record<ApiVersion, string>> = {
  1: 'https://app.threatstack.com/api/v1',
  2: 'https://api.threatstack.com/v2',
};

const usualTimeoutMs = 120_000;
const usualPerMinute = 200;

class Client {
  readonly apiVersion: ApiVersion;
  readonly orgId: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  readonly #api: Api;

  constructor(options: OptionsV1 | OptionsV2, surroundings: Surroundings = { egress: 'trust-base-url' }) {
    const { apiVersion = 1, orgId, baseUrl = baseUrls[apiVersion], timeout = usualTimeoutMs, retries } = options;
    const apiKey = options.apiKey instanceof Secret ? options.apiKey : new Secret(options.apiKey);
    const clock = { ...systemClock, ...surroundings.clock };
    const signer = signerFor({ ...options, apiKey, apiVersion }, () => clock.now());
    this.apiVersion = apiVersion;
    this.orgId = orgId;
    this.timeout = timeout;
    this.#api = new Api({
      baseUrl,
      timeoutMs: timeout,
      confidential: [apiKey],
      perMinute: options.perMinute ?? usualPerMinute,
      ...(retries && { retries }),
      ...surroundings,
    });
    const connection = new Connection(this.#api, signer);
    Object.assign(this, apiVersion === 1 ? resourcesV1(connection) : resourcesV2(connection));
  }

  /** Gives up what is under way; may be called twice. */
  close(): Promise<void> {
    return this.#api.close();
  }
}

/**
 * A client of Threat Stack's API, version 1 unless said otherwise; it has the resources of its version.
 *
 *     const client = new ThreatStack({ apiKey });
 *     for await (const { title } of client.alerts.list({ start: '2026-03-01' })) …
 *
 * Lists are async generators that ask for page after page. Every method takes an `AbortSignal` last, and throws its
 * reason once it aborts. Answers that say no are thrown as `ThreatStackError`, 400, 401 and 403 among them; 429, 5xx and
 * lost connections are tried again before.
 */
export type ThreatStack<Version extends ApiVersion = 1> = Client & {
  readonly apiVersion: Version;
} & (Version extends 1 ? ResourcesV1 : ResourcesV2);

type ThreatStackConstructor = {
  new (options: OptionsV1, surroundings?: Surroundings): ThreatStack;
  new (options: OptionsV2, surroundings?: Surroundings): ThreatStack<2>;
};

/** The resources are put on a client as its version has them, which a class cannot say by itself. */
export const ThreatStack = Client as unknown as ThreatStackConstructor;

type Checked = Omit<OptionsV1 | OptionsV2, 'apiKey' | 'apiVersion'> & {
  readonly apiKey: Secret;
  readonly apiVersion: number;
};

function signerFor({ apiKey, apiVersion, orgId = '', userId = '' }: Checked, now: () => number): Signer {
  if (apiVersion !== 1 && apiVersion !== 2) throw new ThreatStackClientError('apiVersion must be 1 or 2');
  if (apiKey.reveal().trim() === '') throw new ThreatStackClientError('apiKey must not be empty');
  if (apiVersion === 1) {
    const headers = { authorization: apiKey, ...(orgId !== '' && { organization: orgId }) };
    return { headers: () => headers };
  }
  mustFitHeader('orgId', orgId);
  mustFitHeader('userId', userId);
  return new HawkSigner({ apiKey, orgId, userId }, now);
}

/** They are quoted in the header of each request. */
function mustFitHeader(name: string, value: string): void {
  if (/^[\w.:@+/=-]+$/.test(value)) return;
  throw new ThreatStackClientError(
    value === '' ? `${name} must not be empty with apiVersion 2` : `${name} has characters that no id has`,
  );
}
