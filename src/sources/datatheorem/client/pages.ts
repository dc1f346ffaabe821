import { ApiError } from '../../../kit/api-error.js';
import type { Api, ApiAnswer, ApiRequest } from '../../../kit/api.js';
import { at, count, isObject, text } from '../../../kit/read.js';
import { present } from '../../../kit/present.js';
import { DataTheoremError } from './errors.js';

export type Query = NonNullable<ApiRequest['query']>;

/** One page of a list, as the vendor sent it. */
export type ApiPage = {
  readonly body: unknown;
  /** Asks for the page after this one; absent on the last. */
  readonly nextCursor?: string;
  /** How many elements the whole list has, where the vendor says it. */
  readonly totalCount?: number;
  /** When the vendor answered, by its own clock, in milliseconds; absent where it does not say. */
  readonly answeredAt?: number;
};

/** One page: the first, or the one that a cursor leads to. */
export async function pageOf(api: Api, path: string, query: Query, signal?: AbortSignal): Promise<ApiPage> {
  const answer = await ask(api, path, query, signal);
  const body = jsonOf(answer);
  const answeredAt = Date.parse(answer.headers.date ?? '');
  const facts = present({
    nextCursor: text(at(body, 'pagination_information', 'next_cursor')),
    totalCount: count(at(body, 'pagination_information', 'total_count')),
    answeredAt: Number.isNaN(answeredAt) ? undefined : answeredAt,
  });
  return { body, ...facts };
}

/** All pages of a list, one request each. A cursor that leads to itself ends in an error rather than never. */
export async function* pagesOf(
  api: Api,
  path: string,
  query: Query,
  signal?: AbortSignal,
): AsyncGenerator<ApiPage, void, undefined> {
  const asked = new Set<string>();
  for (let cursor: string | undefined; ;) {
    const page = await pageOf(api, path, { ...query, cursor }, signal);
    yield page;
    cursor = page.nextCursor;
    if (cursor === undefined) return;
    if (asked.has(cursor)) throw new DataTheoremError('the pages of the list lead back to one that was read');
    asked.add(cursor);
  }
}

/** One record by its id; undefined where the vendor has none. */
export async function oneOf(api: Api, path: string, id: string, signal?: AbortSignal): Promise<unknown> {
  try {
    return jsonOf(await ask(api, `${path}/${encodeURIComponent(id)}`, {}, signal));
  } catch (error) {
    if (error instanceof DataTheoremError && error.status === 404) return undefined;
    throw error;
  }
}

const meanings: Readonly<Record<number, string>> = {
  401: 'the API key is not accepted',
  403: 'the API key may not read this',
  404: 'there is nothing at this URL',
  429: 'too many requests',
};

async function ask(api: Api, path: string, query: Query, signal: AbortSignal | undefined): Promise<ApiAnswer> {
  const answer = await withOurError(() => api.request({ method: 'GET', path, query }, signal));
  const { status } = answer;
  if (status >= 200 && status < 300) return answer;
  const said = meanings[status] ?? answer.excerpt().slice(0, maxQuoted);
  throw new DataTheoremError(`Data Theorem answered ${String(status)}${said === '' ? '' : `: ${said}`}`, answer);
}

const maxQuoted = 300;

/** An object: an API that answers 200 with anything else is not this one. */
function jsonOf(answer: ApiAnswer): unknown {
  try {
    const body = answer.json();
    if (isObject(body)) return body;
  } catch (error) {
    throw ours(error);
  }
  throw new DataTheoremError('the answer is no object', answer);
}

async function withOurError<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw ours(error);
  }
}

/** Anything but an `ApiError` is the reason of an abort. */
function ours(error: unknown): unknown {
  return error instanceof ApiError ? new DataTheoremError(error.message, error, { cause: error }) : error;
}
