import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type ClientConfig, type CustomTypesConfig, type PoolClient } from 'pg';
import { JournalUnavailableError } from '../../core/errors.js';
import { migrate } from './schema.js';

/** Rows as PostgreSQL gives them, for a statement of text and parameters. */
export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

/** What a transaction can do, and whether an earlier try of it may have been committed without our hearing of it. */
export type Transaction = { readonly query: Query; readonly isRetry: boolean };

export type DatabaseOptions = {
  readonly connection: ClientConfig;
  readonly pool: number;
  /** How long one statement may take, and how long a webhook waits for a lost connection, in milliseconds. */
  readonly timeoutMs: number;
};

const connectMs = 5_000;
const againMs = 100;

/** A `bigint` comes as a text; our numbers stay far below 2^53. */
const types: CustomTypesConfig = {
  getTypeParser: (type, format) =>
    type === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(type, format) as (value: string) => unknown),
};

/** The connections to one database. Everything it throws is a `JournalUnavailableError`. */
export class Database {
  readonly #pool: pg.Pool;
  readonly #timeoutMs: number;
  #offsetMs = 0;

  private constructor({ connection, pool, timeoutMs }: DatabaseOptions) {
    this.#timeoutMs = timeoutMs;
    this.#pool = new pg.Pool({
      ...connection,
      max: pool,
      connectionTimeoutMillis: connectMs,
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: timeoutMs,
      query_timeout: timeoutMs + connectMs,
      keepAlive: true,
      application_name: 'signalbox',
      types,
    });
    // A connection that breaks fails the statement that it was at; without one, the pool makes another.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Connects, makes or migrates the tables, and compares the clocks. */
  static async open(options: DatabaseOptions, now: () => number): Promise<Database> {
    const database = new Database(options);
    try {
      await database.#with(migrate);
      const [row] = await database.query<{ now: number }>(`SELECT ${clock} AS now`);
      database.#offsetMs = (row?.now ?? now()) - now();
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** What of the router's clock is the same moment by the database's, as far as they differed at the start. */
  toDatabaseTime(at: number): number {
    return at + this.#offsetMs;
  }

  toRouterTime(at: number): number {
    return at - this.#offsetMs;
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
    const deadline = performance.now() + this.#timeoutMs;
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
      // A connection that failed in a way of its own, not in a statement's, is not used again.
      client?.release(failure !== undefined && codeOf(failure) === undefined);
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
    const query: Query = async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(text, [...values])).rows;
    const value = await work({ query, isRetry });
    await client.query('COMMIT');
    return value;
  } catch (error) {
    // What cannot be rolled back is a broken connection, and rolls back by itself.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** A SQLSTATE; undefined for what is no answer of the server's. */
function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: what goes well when it is done again. */
function isPassing(error: unknown): boolean {
  const cause = error instanceof JournalUnavailableError ? error.cause : error;
  const code = codeOf(cause);
  if (code === undefined) return !(error instanceof JournalUnavailableError && error.fatal);
  // Connection, transaction rollback, resources (too many connections), operator intervention (shutdown, fail-over).
  return /^(?:08|40|53|57)/.test(code) && code !== '57014';
}

const readOnly = '25006';

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
