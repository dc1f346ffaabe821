import type { Api } from '../../../kit/api.js';
import { recordsOf, Related } from './joined.js';
import { pageOf, pagesOf, type ApiPage, type Query } from './pages.js';
import type { PolicyViolation, PolicyViolationRecord } from './records.js';

export type PolicyViolationQuery = {
  /** e.g. `['URGENT', 'IMPORTANT']`. */
  readonly relevance?: readonly string[];
  /** Only of assets with these tags: a list of values, or null for any value. */
  readonly assetTags?: Readonly<Record<string, readonly string[] | null>>;
};

export type PolicyViolationPage = ApiPage & {
  /** Joined with what this page and those read before with the same `related` hold. */
  readonly violations: readonly PolicyViolation[];
};

/** The policy violations of API Secure. The API has no filter by time and promises no order. */
export class PolicyViolations {
  constructor(
    private readonly api: Api,
    private readonly path: string,
  ) {}

  /**
   * All violations, each with its rule, the type of that, and its asset: page after page. One whose page does not hold
   * all of these comes when a later page has them, or at the end, as far as it is known.
   */
  async *list(
    query: PolicyViolationQuery = {},
    signal?: AbortSignal,
  ): AsyncGenerator<PolicyViolation, void, undefined> {
    const related = new Related();
    let waiting: readonly PolicyViolationRecord[] = [];
    for await (const { body } of pagesOf(this.api, this.path, parametersOf(query), signal)) {
      related.add(body);
      const records = [...waiting, ...violationsOf(body)];
      waiting = records.filter((record) => !related.isWhole(record));
      for (const record of records) if (related.isWhole(record)) yield related.join(record);
    }
    for (const record of waiting) yield related.join(record);
  }

  /** One page: the first, or the one that a cursor leads to. `related` remembers what the pages before it held. */
  async page(
    query: PolicyViolationQuery & { readonly cursor?: string } = {},
    signal?: AbortSignal,
    related = new Related(),
  ): Promise<PolicyViolationPage> {
    const { cursor, ...rest } = query;
    const page = await pageOf(this.api, this.path, { ...parametersOf(rest), cursor }, signal);
    related.add(page.body);
    return { ...page, violations: violationsOf(page.body).map((record) => related.join(record)) };
  }
}

function violationsOf(body: unknown): readonly PolicyViolationRecord[] {
  return recordsOf(body, 'policy_violations');
}

function parametersOf({ relevance, assetTags }: PolicyViolationQuery): Query {
  return {
    filter_by_relevance: relevance,
    filter_by_asset_tags: assetTags && JSON.stringify(assetTags),
  };
}
