import { isObject, list } from '../../../../kit/read.js';
import { contentHash } from '../../../../kit/json.js';
import type { Connection, Query } from '../connection.js';
import { ThreatStackApiError, ThreatStackClientError, ThreatStackPagingError } from '../errors.js';
import type { ApiRecord, Page } from '../records.js';

/** Which part of a list. */
export type PageQuery = {
  /** From 0: this page, and no other. */
  readonly page?: number;
  /** How many a page has; where the pages come by themselves, 100 unless said otherwise. */
  readonly count?: number;
};

const usualCount = 100;

/**
 * The pages of a list from the first to the one that is empty, or the one that is asked for. A short page is not the
 * last: how many the API gives at most, its documents do not agree on. An API that gives a page twice, as one that does
 * not know `page` would, ends it with an error rather than never.
 */
export async function* pagesOf<Item extends ApiRecord>(
  connection: Connection,
  path: string,
  query: Query,
  { page: only, count }: PageQuery,
  signal: AbortSignal | undefined,
): AsyncGenerator<Page<Item>, void, undefined> {
  mustBeWhole('page', only, 0);
  mustBeWhole('count', count, 1);
  if (only !== undefined) {
    yield await readPage(connection, path, { ...query, page: only, count }, signal);
    return;
  }
  const seen = new Set<string>();
  for (let page = 0; ; page += 1) {
    const read = await readPage<Item>(connection, path, { ...query, page, count: count ?? usualCount }, signal);
    if (read.items.length === 0) return;
    const hash = contentHash(read.items);
    if (seen.has(hash)) throw new ThreatStackPagingError(`page ${String(page)} of ${path} is one that came before`);
    seen.add(hash);
    yield read;
  }
}

/** The whole of a list that has no pages, or one page of it. What is no object in it is left out. */
export async function readPage<Item extends ApiRecord>(
  connection: Connection,
  path: string,
  query: Query,
  signal: AbortSignal | undefined,
): Promise<Page<Item>> {
  const { body, answer, answeredAt } = await connection.read(path, query, signal);
  if (!Array.isArray(body)) throw new ThreatStackApiError(`the answer to ${path} is no list`, answer);
  return { items: list(body).filter(isObject) as readonly Item[], ...(answeredAt !== undefined && { answeredAt }) };
}

function mustBeWhole(name: string, value: number | undefined, min: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= min)) return;
  throw new ThreatStackClientError(`${name} must be a whole number from ${String(min)}, not ${String(value)}`);
}
