import { part, type Connection, type Query } from '../connection.js';
import type { ApiRecord, Page, TimeRange } from '../records.js';
import { utc } from '../utc.js';
import { pagesOf, readPage, type PageQuery } from './pages.js';
import type { Agent, Alert, Log, Organization, Policy, User } from './records.js';

/** `fields` leaves out of every record what is not named; without a range of time the vendor has its own. */
export type ListQuery = TimeRange & { readonly fields?: readonly string[] };
export type PagedQuery = ListQuery & PageQuery;
export type LogQuery = PagedQuery & {
  /** What to search for. */
  readonly q?: string;
};

/** A list that comes in pages: agents, alerts, logs. */
export class PagedList<Item extends ApiRecord, Wanted extends PagedQuery = PagedQuery> {
  constructor(
    protected readonly connection: Connection,
    protected readonly path: string,
  ) {}

  /** All of it, page after page; with `page`, that page. */
  list<Field extends string>(
    query: Wanted & { readonly fields: readonly Field[] },
    signal?: AbortSignal,
  ): AsyncGenerator<Pick<Item, Field>, void, undefined>;
  list(query?: Wanted, signal?: AbortSignal): AsyncGenerator<Item, void, undefined>;
  async *list(query?: Wanted, signal?: AbortSignal): AsyncGenerator<Item, void, undefined> {
    for await (const { items } of this.pages(query, signal)) yield* items;
  }

  /** The same a page at a time. */
  async *pages(query?: Wanted, signal?: AbortSignal): AsyncGenerator<Page<Item>, void, undefined> {
    const wanted: PagedQuery = query ?? {};
    yield* pagesOf<Item>(this.connection, this.path, parametersOf(wanted), wanted, signal);
  }
}

/** With the details of one: agents and alerts. */
export class PagedResource<Item extends ApiRecord> extends PagedList<Item> {
  /** Undefined where there is none of this id. */
  get(id: string, query: Pick<ListQuery, 'fields'> = {}, signal?: AbortSignal): Promise<Item | undefined> {
    return find(this.connection, this.path, id, query, signal);
  }
}

export class Organizations {
  constructor(private readonly connection: Connection) {}

  async *list(query: ListQuery = {}, signal?: AbortSignal): AsyncGenerator<Organization, void, undefined> {
    yield* (await readPage<Organization>(this.connection, '/organizations', parametersOf(query), signal)).items;
  }

  /** Who belongs to an organization. */
  async users(id: string, signal?: AbortSignal): Promise<readonly User[]> {
    const { items } = await readPage<User>(this.connection, `/organizations/${part(id)}/users`, {}, signal);
    return items;
  }
}

export class Policies {
  constructor(private readonly connection: Connection) {}

  async *list(query: ListQuery = {}, signal?: AbortSignal): AsyncGenerator<Policy, void, undefined> {
    yield* (await readPage<Policy>(this.connection, '/policies', parametersOf(query), signal)).items;
  }

  /** Undefined where there is none of this id. */
  get(id: string, query: Pick<ListQuery, 'fields'> = {}, signal?: AbortSignal): Promise<Policy | undefined> {
    return find(this.connection, '/policies', id, query, signal);
  }
}

/** What API v1 has. */
export type ResourcesV1 = {
  readonly agents: PagedResource<Agent>;
  readonly alerts: PagedResource<Alert>;
  readonly logs: PagedList<Log, LogQuery>;
  readonly organizations: Organizations;
  readonly policies: Policies;
};

export function resourcesV1(connection: Connection): ResourcesV1 {
  return {
    agents: new PagedResource(connection, '/agents'),
    alerts: new PagedResource(connection, '/alerts'),
    logs: new PagedList(connection, '/logs'),
    organizations: new Organizations(connection),
    policies: new Policies(connection),
  };
}

/** The documents of the API want `fields=a,b`, where the predecessor repeated the parameter. */
function parametersOf({ start, end, fields = [], q }: LogQuery): Query {
  return { start: utc(start), end: utc(end), fields: fields.length === 0 ? undefined : fields.join(','), q };
}

async function find<Item extends ApiRecord>(
  connection: Connection,
  path: string,
  id: string,
  query: Pick<ListQuery, 'fields'>,
  signal: AbortSignal | undefined,
): Promise<Item | undefined> {
  return (await connection.find(`${path}/${part(id)}`, parametersOf(query), signal)) as Item | undefined;
}
