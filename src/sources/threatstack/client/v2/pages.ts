import { field, isObject, text } from '../../../../kit/read.js';
import { present } from '../../../../kit/present.js';
import type { Connection, Query } from '../connection.js';
import { ThreatStackApiError, ThreatStackPagingError } from '../errors.js';
import type { ApiRecord, Page } from '../records.js';

export type TokenPage<Item> = Page<Item> & {
  /** Leads to the page after this one; absent on the last. */
  readonly token?: string;
};

/** Where a list is, and the name that it has in the answers. */
export type Place = { readonly path: string; readonly name: string };

/** More than any list has between two elements; a list that goes on like this never ends. */
const maxEmptyPages = 20;

/**
 * The pages of a list until its token is null or empty. A token that leads back, or pages without end that hold
 * nothing, end it with an error rather than never.
 */
export async function* pagesOf<Item extends ApiRecord>(
  connection: Connection,
  place: Place,
  query: Query,
  signal: AbortSignal | undefined,
): AsyncGenerator<TokenPage<Item>, void, undefined> {
  const seen = new Set<string>();
  let empty = 0;
  for (let token: string | undefined; ;) {
    const page = await readPage<Item>(connection, place, { ...query, token }, signal);
    yield page;
    token = page.token;
    if (token === undefined) return;
    if (seen.has(token)) throw new ThreatStackPagingError(`the pages of ${place.path} lead back to one that was read`);
    seen.add(token);
    empty = page.items.length === 0 ? empty + 1 : 0;
    if (empty >= maxEmptyPages) {
      throw new ThreatStackPagingError(`${place.path} has ${String(empty)} pages in a row with nothing in them`);
    }
  }
}

/** The first page, or the one that the query's token leads to. What is no object in it is left out. */
export async function readPage<Item extends ApiRecord>(
  connection: Connection,
  { path, name }: Place,
  query: Query,
  signal: AbortSignal | undefined,
): Promise<TokenPage<Item>> {
  const { body, answer, answeredAt } = await connection.read(path, query, signal);
  const items = field(body, name);
  // An answer without its list must not look like an empty one.
  if (!Array.isArray(items)) throw new ThreatStackApiError(`the answer to ${path} has no list named ${name}`, answer);
  return present({
    items: items.filter(isObject) as readonly Item[],
    token: text(field(body, 'token')),
    answeredAt,
  });
}
