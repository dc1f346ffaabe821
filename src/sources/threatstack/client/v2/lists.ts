import { part, type Connection, type Query } from '../connection.js';
import type { ApiRecord } from '../records.js';
import { pagesOf, readPage, type Place, type TokenPage } from './pages.js';

/** A list that leads on by a token. `Wanted` is what it can be narrowed to. */
export class TokenList<Item extends ApiRecord, Wanted extends object> {
  constructor(
    protected readonly connection: Connection,
    protected readonly place: Place,
    /** The parameters of each list that makes up the answer, in the order they are asked for. */
    private readonly parametersOf: (query: Partial<Wanted>) => readonly Query[],
  ) {}

  /** All of it, page after page. */
  async *list(query?: Wanted, signal?: AbortSignal): AsyncGenerator<Item, void, undefined> {
    for await (const { items } of this.pages(query, signal)) yield* items;
  }

  /** The same a page at a time. */
  async *pages(query?: Wanted, signal?: AbortSignal): AsyncGenerator<TokenPage<Item>, void, undefined> {
    for (const parameters of this.parametersOf(query ?? {})) {
      yield* pagesOf<Item>(this.connection, this.place, parameters, signal);
    }
  }

  /** One page: the first, or the one that a token leads to. Of a list in two states it is that of the first. */
  page(query?: Wanted & { readonly token?: string }, signal?: AbortSignal): Promise<TokenPage<Item>> {
    const { token, ...rest } = query ?? {};
    const [parameters = {}] = this.parametersOf(rest as Partial<Wanted>);
    return readPage<Item>(this.connection, this.place, { ...parameters, token }, signal);
  }
}

/** With the details of one. */
export class TokenResource<Item extends ApiRecord, Wanted extends object> extends TokenList<Item, Wanted> {
  /** Undefined where there is none of this id. */
  async get(id: string, signal?: AbortSignal): Promise<Item | undefined> {
    return (await this.connection.find(`${this.place.path}/${part(id)}`, {}, signal)) as Item | undefined;
  }
}
