import { Secret } from '../../../core/secret.js';
import { Api, type ApiOptions } from '../../../kit/api.js';
import { isObject, list } from '../../../kit/read.js';
import { asked, jsonOf } from './asking.js';
import type { ApiRecord } from './records.js';
import { basicAuthorization } from './session.js';
import { momentMs } from './windows.js';

export type LegacyOptions = {
  /** A key of the older API. */
  readonly apiKey: string | Secret;
  /** `https://api.alertlogic.net` unless said otherwise; trusted, wherever it leads. */
  readonly baseUrl?: string;
  /** For each attempt of a request, in milliseconds; 30 s unless said otherwise. */
  readonly timeout?: number;
  readonly retries?: ApiOptions['retries'];
};

export type LegacyQuery = {
  /** All customers below the one of the key, unless said otherwise. */
  readonly customerId?: string | number;
  /** Only what was escalated; false unless said otherwise. */
  readonly escalatedOnly?: boolean;
  /** Made from then on; a Date, or ISO 8601 text. */
  readonly start?: Date | string;
  readonly end?: Date | string;
};

const usualBaseUrl = 'https://api.alertlogic.net';
const usualTimeoutMs = 30_000;

/** The incident API v3 of before IRIS, `GET /api/incident/v3/incidents`, as AlertLogic-event-api asked it. */
export class LegacyAlertLogic {
  readonly #api: Api;

  constructor(options: LegacyOptions) {
    const { apiKey, baseUrl = usualBaseUrl, timeout = usualTimeoutMs, retries } = options;
    const key = apiKey instanceof Secret ? apiKey : new Secret(apiKey);
    if (key.reveal().trim() === '') throw new TypeError('apiKey must not be empty');
    // The key is the user, and there is no password.
    const authorization = basicAuthorization(key.reveal(), new Secret(''));
    this.#api = new Api({
      baseUrl,
      timeoutMs: timeout,
      headers: { authorization },
      confidential: [key],
      egress: 'trust-base-url',
      ...(retries && { retries }),
    });
  }

  /** Undefined where the vendor has no such incident: it then answers with an empty list. */
  async incident(
    incidentId: string | number,
    { customerId }: Pick<LegacyQuery, 'customerId'> = {},
    signal?: AbortSignal,
  ): Promise<ApiRecord | undefined> {
    const [first] = await this.#list(
      { incident_id: String(incidentId) },
      { ...(customerId !== undefined && { customerId }) },
      signal,
    );
    return first;
  }

  /** The incidents that were made in a span of time, in one answer: this API has no pages. */
  incidents(query: LegacyQuery = {}, signal?: AbortSignal): Promise<readonly ApiRecord[]> {
    const { start, end } = query;
    const seconds = (moment: Date | string): string => String(Math.floor(momentMs(moment) / 1_000));
    const created =
      start === undefined ? undefined : end === undefined ? `>${seconds(start)}` : `${seconds(start)}..${seconds(end)}`;
    return this.#list({ create_date: created }, query, signal);
  }

  /** Gives up what is under way; may be called twice. */
  close(): Promise<void> {
    return this.#api.close();
  }

  async #list(
    parameters: Readonly<Record<string, string | undefined>>,
    { customerId = 'all_children', escalatedOnly = false }: LegacyQuery,
    signal?: AbortSignal,
  ): Promise<readonly ApiRecord[]> {
    const query = { ...parameters, customer_id: String(customerId), escalated_only: String(escalatedOnly) };
    const answer = await asked(this.#api, { method: 'GET', path: '/api/incident/v3/incidents', query }, signal);
    if (answer.status === 404) return [];
    return list(jsonOf(answer)).filter(isObject);
  }
}
