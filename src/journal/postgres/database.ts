import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type ClientBase, type ClientConfig, type CustomTypesConfig, type PoolClient } from 'pg';
import { JournalUnavailableError } from '../../core/errors.js';

/** Rows as PostgreSQL gives them, for a statement of text and parameters. */
export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

/** What a transaction can do, and whether an earlier try of it may have been committed without our hearing of it. */
export type Transaction = { readonly query: Query; readonly isRetry: boolean };

/** What a router is to the database it joined: its number, and how far the database's clock is ahead of its own. */
export type Joined = { readonly instance: number; readonly offsetMs: number };

export type DatabaseOptions = {
  readonly connection: ClientConfig;
  readonly pool: number;
  /** How long one statement may take, and how long a webhook waits for a lost connection, in milliseconds. */
  readonly timeoutMs: number;
  /** Rejects where nothing may be sent to; asked before the first connection. */
  readonly check: () => Promise<void>;
  /** Rejects a server that must not be used; asked on each new connection, which may lead to another one. */
  readonly prove: (client: ClientBase) => Promise<void>;
  /** What is done once, before anything else is: by the first that gets through to the database. */
  readonly join: (client: ClientBase) => Promise<Joined>;
  /** Told of a database that came within reach after `open`, and cannot be joined. */
  readonly onFatal?: ((error: JournalUnavailableError) => void) | undefined;
};

const connectMs = 5_000;
/** Beyond the time of a statement: a server that is there has said by then that it was too long. */
const graceMs = 1_000;
const againMs = 100;

/** A `bigint` comes as a text; our numbers stay far below 2^53. */
const types: CustomTypesConfig = {
  getTypeParser: (type, format) =>
    type === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(type, format) as (value: string) => unknown),
};

/** The connections to one database. Everything it throws is a `JournalUnavailableError`. */
export class Database {
  readonly #pool: pg.Pool;
  #joined: Joined | undefined;
  #joining: Promise<void> | undefined;

  private constructor(private readonly options: DatabaseOptions) {
    const { connection, pool, timeoutMs, prove } = options;
    this.#pool = new pg.Pool({
      ...connection,
      max: pool,
      connectionTimeoutMillis: connectMs,
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: timeoutMs,
      query_timeout: timeoutMs + graceMs,
      keepAlive: true,
      application_name: 'signalbox',
      types,
      verify: (client, done) => {
        prove(client).then(() => {
          done();
        }, done);
      },
    });
    // A connection that breaks fails the statement that it was at; without one, the pool makes another.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /**
   * Joins the database. One that is out of reach for the moment is told by `onOutOfReach`, and joined by whatever is
   * asked of it first when it is back; one that says no is an error.
   */
  static async open(
    options: DatabaseOptions,
    onOutOfReach: (error: JournalUnavailableError) => void,
  ): Promise<Database> {
    const database = new Database(options);
    try {
      await database.#join();
    } catch (error) {
      if (error instanceof JournalUnavailableError && isOutOfReach(error)) {
        onOutOfReach(error);
        return database;
      }
      await database.close();
      throw error;
    }
    return database;
  }

  /** The number of this router; 0 until it joined, when nothing has been written either. */
  get instance(): number {
    return this.#joined?.instance ?? 0;
  }

  /** What of the router's clock is the same moment by the database's, as far as they differed at the start. */
  toDatabaseTime(at: number): number {
    return at + (this.#joined?.offsetMs ?? 0);
  }

  toRouterTime(at: number): number {
    return at - (this.#joined?.offsetMs ?? 0);
  }

  /** One statement, in a transaction of its own. */
  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#with(async (client) => (await client.query<Row>(text, [...values])).rows);
  }

  /**
   * All or nothing, durable when it resolves. What a lost connection, a restart or a deadlock broke is tried again for
   * as long as a webhook may wait: `work` must bear being run twice, and where it matters look at `isRetry`.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>, begin = 'BEGIN'): Promise<T> {
    const deadline = performance.now() + this.options.timeoutMs;
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.#with((client) => once(client, work, begin, tries > 0));
      } catch (error) {
        if (this.#pool.ending || !isPassing(error) || performance.now() + againMs > deadline) throw error;
        await sleep(againMs);
      }
    }
  }

  async close(): Promise<void> {
    if (this.#pool.ending) return;
    await this.#pool.end();
  }

  async #with<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (!this.#joined) {
      await this.#join().catch((error: unknown) => {
        if (error instanceof JournalUnavailableError && !isOutOfReach(error)) this.options.onFatal?.(error);
        throw error;
      });
    }
    return this.#use(work);
  }

  /** Once at a time. */
  #join(): Promise<void> {
    const { check, join } = this.options;
    this.#joining ??= check()
      .then(() => this.#use(join))
      .then((joined) => {
        this.#joined = joined;
      })
      .finally(() => {
        this.#joining = undefined;
      });
    return this.#joining;
  }

  async #use<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#pool.ending) throw closed();
    let client: PoolClient | undefined;
    let failure: Error | undefined;
    try {
      client = await this.#pool.connect();
      return await work(client);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw asUnavailable(failure);
    } finally {
      client?.release(failure !== undefined && isOfConnection(failure));
    }
  }
}

/** The database's clock, in whole milliseconds since the epoch. */
export const clock = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

async function once<T>(
  client: PoolClient,
  work: (transaction: Transaction) => Promise<T>,
  begin: string,
  isRetry: boolean,
): Promise<T> {
  await client.query(begin);
  try {
    const value = await work({ query: queryOf(client), isRetry });
    await client.query('COMMIT');
    return value;
  } catch (error) {
    // A connection that is broken, or is given up, rolls back by itself.
    if (!isOfConnection(error)) await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** What transactions say is the same every time: under a name, a connection's server parses and plans it once. */
function queryOf(client: PoolClient): Query {
  return async <Row extends object>(text: string, values: readonly unknown[] = []) =>
    (await client.query<Row>({ name: nameOf(text), text, values: [...values] })).rows;
}

const names = new Map<string, string>();

/** The same in every router: a pool between them and the server may hand connections from one to the other. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = hash('sha256', text, 'hex').slice(0, 32);
    names.set(text, name);
  }
  return name;
}

const readOnly = '25006';
const cancelled = '57014';

/** A SQLSTATE; undefined for what is no answer of the server's. */
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof JournalUnavailableError ? error.cause : error;
  return cause instanceof pg.DatabaseError ? cause.code : undefined;
}

/**
 * What another connection may do better: it broke, took too long, or leads to a server that ends or has become a
 * standby. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
function isOfConnection(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || code === readOnly || (/^(?:08|57)/.test(code) && code !== cancelled);
}

/** What goes well when it is done again: connection, rollback, resources (too many connections), operators. */
function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return !(error instanceof JournalUnavailableError && error.fatal);
  return /^(?:08|40|53|57)/.test(code) && code !== cancelled;
}

/** Not what is wrong with the config or the tables, which only an operator can mend. */
function isOutOfReach(error: JournalUnavailableError): boolean {
  return isPassing(error) || codeOf(error) === readOnly;
}

function asUnavailable(error: Error): JournalUnavailableError {
  if (error instanceof JournalUnavailableError) return error;
  const code = codeOf(error);
  const words = code === readOnly ? 'the database is read-only: a standby, or a fail-over under way' : error.message;
  return new JournalUnavailableError(`PostgreSQL: ${words}${code === undefined ? '' : ` (${code})`}`, false, {
    cause: error,
  });
}

function closed(): JournalUnavailableError {
  return new JournalUnavailableError('The journal is closed.', true);
}
