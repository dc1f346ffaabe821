import type { Api } from '../../../kit/api.js';
import { at, isObject } from '../../../kit/read.js';
import { recordOf, recordsOf } from './joined.js';
import { oneOf, pageOf, pagesOf, type ApiPage, type Query } from './pages.js';
import type { ApiRecord } from './records.js';

/** What the mobile lists can be narrowed to. */
export type MobileQuery = {
  /** Only what a scan was active on since then. */
  readonly since?: Date;
  readonly mobileAppId?: string;
  readonly securityFindingId?: string;
  readonly issueTypeId?: string;
  readonly statusGroup?: 'OPEN' | 'CLOSED';
  readonly severity?: 'HIGH' | 'MEDIUM' | 'LOW';
};

/** A list of the Mobile Secure results whose records stand for themselves. */
export class ListOf<Item extends ApiRecord> {
  constructor(
    private readonly api: Api,
    private readonly path: string,
    /** The list's name in an answer. */
    private readonly name: string,
  ) {}

  /** All records, page after page. What is no object with an id is left out. */
  async *list(query: MobileQuery = {}, signal?: AbortSignal): AsyncGenerator<Item, void, undefined> {
    for await (const { body } of pagesOf(this.api, this.path, parametersOf(query), signal)) yield* this.#itemsOf(body);
  }

  /** One page: the first, or the one that a cursor leads to. */
  async page(
    query: MobileQuery & { readonly cursor?: string } = {},
    signal?: AbortSignal,
  ): Promise<ApiPage & { readonly items: readonly Item[] }> {
    const { cursor, ...rest } = query;
    const page = await pageOf(this.api, this.path, { ...parametersOf(rest), cursor }, signal);
    return { ...page, items: this.#itemsOf(page.body) };
  }

  /** Undefined where the vendor has no such record. */
  async get(id: string, signal?: AbortSignal): Promise<Item | undefined> {
    const body = await oneOf(this.api, this.path, id, signal);
    // Some APIs of this kind name what they wrap, some do not.
    const wrapped = isObject(body) ? at(body, this.name.replace(/s$/, '')) : undefined;
    return (recordOf(wrapped) ?? recordOf(body)) as Item | undefined;
  }

  /** The records of a list are what the vendor says they are: nothing but the id is looked at. */
  #itemsOf(body: unknown): readonly Item[] {
    return recordsOf(body, this.name) as readonly Item[];
  }
}

function parametersOf(query: MobileQuery): Query {
  return {
    results_since: query.since?.toISOString(),
    mobile_app_id: query.mobileAppId,
    security_finding_id: query.securityFindingId,
    issue_type_id: query.issueTypeId,
    status_group: query.statusGroup,
    severity: query.severity,
  };
}
