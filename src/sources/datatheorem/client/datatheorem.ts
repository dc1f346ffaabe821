import { Secret } from '../../../core/secret.js';
import { Api, type ApiOptions } from '../../../kit/api.js';
import { ListOf } from './list-of.js';
import { PolicyViolations } from './policy-violations.js';
import type { FindingTargetRecord, MobileAppRecord, SecurityFindingRecord } from './records.js';

export { DataTheoremError } from './errors.js';
export type { ApiPage } from './pages.js';
export type { MobileQuery } from './list-of.js';
export type { PolicyViolationQuery, PolicyViolationPage } from './policy-violations.js';
export type * from './records.js';

export type DataTheoremOptions = {
  /** A key with access to the results: portal, SDLC, Results API access. */
  readonly apiKey: string | Secret;
  /** `https://api.securetheorem.com/apis` unless said otherwise; trusted, wherever it leads. */
  readonly baseUrl?: string;
  /** For each attempt of a request, in milliseconds; 30 s unless said otherwise. */
  readonly timeout?: number;
  /** At most so many requests a minute. The vendor documents no limit, so there is none unless said otherwise. */
  readonly perMinute?: number;
  /** Bounds on the attempts of a request that meets 429, 5xx or a lost connection: 5, within 60 s. */
  readonly retries?: ApiOptions['retries'];
};

/** What a client in a router says beside: whose URL it is, and its clock. */
type Surroundings = Pick<ApiOptions, 'egress' | 'clock'>;

export const usualBaseUrl = 'https://api.securetheorem.com/apis';
const usualTimeoutMs = 30_000;

/**
 * The Data Theorem Results API: `Authorization: APIKey …`, lists in pages that lead on by a cursor.
 *
 *     const client = new DataTheorem({ apiKey });
 *     for await (const { title, asset } of client.policyViolations.list()) …
 *
 * Every method takes an `AbortSignal` last, and throws its reason once it aborts. Answers that say no are thrown as
 * `DataTheoremError`, 401 and 403 among them; 429, 5xx and lost connections are tried again before.
 */
export class DataTheorem {
  /** API Secure: the assets that break a rule of your policies. */
  readonly policyViolations: PolicyViolations;
  /** Mobile Secure: what was found in your apps. */
  readonly securityFindings: ListOf<SecurityFindingRecord>;
  /** Mobile Secure: the places in an app that a finding is about. */
  readonly findingTargets: ListOf<FindingTargetRecord>;
  readonly mobileApps: ListOf<MobileAppRecord>;
  readonly #api: Api;

  constructor(options: DataTheoremOptions, surroundings: Surroundings = { egress: 'trust-base-url' }) {
    const { apiKey, baseUrl = usualBaseUrl, timeout = usualTimeoutMs, perMinute, retries } = options;
    const key = apiKey instanceof Secret ? apiKey.reveal() : apiKey;
    if (key.trim() === '') throw new TypeError('apiKey must not be empty');
    this.#api = new Api({
      baseUrl,
      timeoutMs: timeout,
      headers: { authorization: new Secret(`APIKey ${key}`) },
      confidential: [new Secret(key)],
      ...(perMinute !== undefined && { perMinute }),
      ...(retries && { retries }),
      ...surroundings,
    });
    const mobile = '/mobile_security/results/v2';
    this.policyViolations = new PolicyViolations(this.#api, '/api_security/results/v1beta1/policy_violations');
    this.securityFindings = new ListOf(this.#api, `${mobile}/security_findings`, 'security_findings');
    this.findingTargets = new ListOf(this.#api, `${mobile}/security_finding_targets`, 'targets');
    this.mobileApps = new ListOf(this.#api, `${mobile}/mobile_apps`, 'mobile_apps');
  }

  /** Gives up what is under way; may be called twice. */
  close(): Promise<void> {
    return this.#api.close();
  }
}
