import { JournalUnavailableError } from '../../core/errors.js';
import type { JournalContext } from '../../core/journal.js';
import type { Ledger, LedgerRange } from '../../core/ledger.js';
import {
  movedParts,
  type CountedThing,
  type MovedCounts,
  type MovedPart,
  type MovedRows,
  type MoveLabel,
  type MovePlace,
  type MoveTarget,
} from '../../core/move.js';
import { ledger } from './books.js';
import { clock, Database, type Query } from './database.js';
import { importedParts, type Importing } from './import-parts.js';
import { Decisions, Names } from './names.js';
import type { PostgresOptions } from './options.js';
import { encode } from './rows.js';
import { connectionOf, prepare, prover, refuseFarAway } from './server.js';

/** Enough to count the rows of the largest tables. */
const statementMs = 600_000;
/** A router gives a sign of life three times as often. */
const silentAfterMs = 30_000;

const counted: Readonly<Record<CountedThing, string>> = {
  requests: 'SELECT count(*) AS count FROM requests',
  'bytes of bodies': 'SELECT coalesce(sum(octet_length(body)), 0)::bigint AS count FROM requests',
  unread: 'SELECT count(*) AS count FROM unread',
  alerts: 'SELECT count(*) AS count FROM alerts',
  findings: 'SELECT count(*) AS count FROM findings',
  reports: 'SELECT count(*) AS count FROM reports',
  owed: 'SELECT count(*) AS count FROM owed',
  settled: 'SELECT count(*) AS count FROM settled',
  attempts: 'SELECT count(*) AS count FROM attempts',
  replays: 'SELECT count(*) AS count FROM replays',
  replayed: 'SELECT count(*) AS count FROM replayed',
  'second ways': 'SELECT count(*) AS count FROM second_ways',
  lookups: 'SELECT count(*) AS count FROM lookups',
  pulls: 'SELECT count(*) AS count FROM pulls',
  'pulled findings': 'SELECT count(*) AS count FROM pulled',
  'days of pulls': 'SELECT count(*) AS count FROM pull_days',
  missing: 'SELECT count(*) AS count FROM missing',
  audit: 'SELECT count(*) AS count FROM audit',
};

/** All that a journal keeps; `moves`, last, says what of it came from elsewhere. */
const tables = [
  'sources, sinks, routes, decisions, requests, unread, alerts, findings, reports, owed, settled, attempts',
  'source_hours, sink_hours, route_counts, source_pending, audit, replays, replayed, pulls, pulled, pull_days',
  'second_ways, lookups, missing, moves',
].join(', ');

/** What no journal is without that anything was ever done with. */
const firstTables = ['sources', 'sinks', 'routes', 'decisions', 'requests', 'alerts', 'audit', 'replays'];

type MoveRow = {
  readonly identity: string;
  readonly source: string;
  readonly instance: number;
  readonly part: MovedPart | null;
  readonly place: string | null;
  readonly finished_at: number | null;
};

/** Connects to a database that another journal is moved into. No router of it may run, nor start until it is finished. */
export async function openImport(options: PostgresOptions, context: JournalContext): Promise<MoveTarget> {
  const database = await Database.open(
    {
      connection: connectionOf(options),
      pool: 2,
      timeoutMs: statementMs,
      check: () => refuseFarAway(options),
      prove: prover(options, context.onWarning),
      join: async (client) => ({ instance: 0, offsetMs: await prepare(client, context.now) }),
    },
    (error) => {
      throw error;
    },
  );
  return new JournalImport(database, context);
}

class JournalImport implements MoveTarget {
  readonly #tables: Importing;
  #instance = 0;

  constructor(
    private readonly database: Database,
    private readonly context: JournalContext,
  ) {
    const instance = () => this.#instance;
    this.#tables = {
      database,
      sources: new Names(database, 'sources'),
      sinks: new Names(database, 'sinks'),
      routes: new Names(database, 'routes'),
      decisions: new Decisions(database),
      get instance() {
        return instance();
      },
      name: '',
      dedupWindow: 0,
      now: context.now,
    };
  }

  async begin(label: MoveLabel): Promise<MovePlace & { readonly finishedAt?: number }> {
    const move = await this.database.transaction(async ({ query }) => {
      // Whoever joins waits, and then sees what is begun here.
      await query('LOCK TABLE instances, moves IN SHARE ROW EXCLUSIVE MODE');
      const begun = await moveOf(query);
      if (begun && begun.identity !== label.identity) throw otherJournal(begun, label.from);
      return begun ?? this.#beginNew(query, label);
    });
    this.#instance = move.instance;
    for (const names of [this.#tables.sources, this.#tables.sinks, this.#tables.routes]) await names.all();
    return { ...placeOf(move), ...(move.finished_at !== null && { finishedAt: move.finished_at }) };
  }

  async put<P extends MovedPart>(
    part: P,
    rows: readonly MovedRows[P][],
    from: MovePlace,
    to: MovePlace,
  ): Promise<void> {
    await this.#learn(part, rows);
    await this.database.transaction(async ({ query, isRetry }) => {
      const move = await moveOf(query);
      // An earlier try of this transaction was committed, and its answer lost.
      if (isRetry && move && isSame(placeOf(move), to)) return;
      if (!move || !isSame(placeOf(move), from))
        throw new JournalUnavailableError('Somebody else moves it, too.', true);
      if (rows.length > 0) await importedParts[part](query, rows, this.#tables);
      await query('UPDATE moves SET part = $1, place = $2', [to.part ?? null, to.place ?? null]);
    });
  }

  async counts(): Promise<MovedCounts> {
    const counts: Partial<Record<CountedThing, number>> = {};
    for (const [thing, text] of Object.entries(counted) as [CountedThing, string][])
      counts[thing] = (await this.database.query<{ count: number }>(text))[0]?.count ?? 0;
    return counts as MovedCounts;
  }

  ledger(range: LedgerRange): Promise<Ledger> {
    return ledger(this.#tables, range);
  }

  async finish(): Promise<void> {
    await this.database.transaction(({ query }) => query(`UPDATE moves SET finished_at = ${clock}`));
    // Else the first claims and searches would be planned for the empty tables that the server knows of.
    await this.database.query(`ANALYZE ${tables}`);
  }

  async abandon(): Promise<void> {
    await this.database.transaction(async ({ query }) => {
      await query('LOCK TABLE instances, moves IN SHARE ROW EXCLUSIVE MODE');
      const move = await moveOf(query);
      if (!move) return;
      if (move.finished_at !== null)
        throw new JournalUnavailableError('That move was finished: nothing is thrown away.', true);
      await query(`TRUNCATE ${tables}`);
    });
  }

  close(): Promise<void> {
    return this.database.close();
  }

  async #beginNew(query: Query, { identity, from, last }: MoveLabel): Promise<MoveRow> {
    const { version = '' } = this.context.instance ?? {};
    for (const table of firstTables)
      if ((await query(`SELECT 1 FROM ${table} LIMIT 1`)).length > 0) throw notEmpty(table);
    const [running] = await query<{ name: string }>(
      `SELECT name FROM instances WHERE ended_at IS NULL AND seen_at > ${clock} - ${String(silentAfterMs)} LIMIT 1`,
    );
    if (running) throw inUse(JSON.parse(running.name) as string);
    await query(
      `SELECT setval('request_numbers', greatest($1::bigint, 1)), setval('alert_numbers', greatest($2::bigint, 1))`,
      [last.request, last.alert],
    );
    // What it brings was accepted by another router: this stands for it.
    const [instance] = await query<{ number: number }>(
      `INSERT INTO instances (name, version, started_at, seen_at, ended_at) VALUES ($1, $2, ${clock}, ${clock}, ${clock})
       RETURNING number`,
      [encode(`moved from ${from}`), encode(version)],
    );
    const [move] = await query<MoveRow>(
      `INSERT INTO moves (one, identity, source, instance, part, begun_at) VALUES (1, $1, $2, $3, $4, ${clock}) RETURNING *`,
      [identity, encode(from), instance?.number ?? 0, movedParts[0]],
    );
    if (!move) throw new Error('a move was not written');
    return move;
  }

  async #learn(part: MovedPart, rows: readonly object[]): Promise<void> {
    if (part !== 'sources' && part !== 'sinks' && part !== 'routes') return;
    await this.#tables[part].learn((rows as readonly { readonly name: string }[]).map(({ name }) => name));
  }
}

async function moveOf(query: Query): Promise<MoveRow | undefined> {
  const [row] = await query<MoveRow>('SELECT * FROM moves FOR UPDATE');
  return row;
}

function placeOf({ part, place }: MoveRow): MovePlace {
  return { ...(part !== null && { part }), ...(place !== null && { place }) };
}

function isSame(one: MovePlace, other: MovePlace): boolean {
  return one.part === other.part && one.place === other.place;
}

function otherJournal({ source, finished_at: finishedAt }: MoveRow, from: string): JournalUnavailableError {
  const known = JSON.parse(source) as string;
  const what = finishedAt === null ? 'a part of what was begun to be moved from' : 'what was moved from';
  const why = `${from} is another journal, or a router has used it since`;
  const how = finishedAt === null ? ' Give --restart to throw that part away and begin anew.' : '';
  return new JournalUnavailableError(`The database has ${what} ${known}: ${why}.${how}`, true);
}

function notEmpty(table: string): JournalUnavailableError {
  return new JournalUnavailableError(
    `The database is not empty: there are rows in ${table}. Move into a database, or a schema, that no router has used.`,
    true,
  );
}

function inUse(name: string): JournalUnavailableError {
  return new JournalUnavailableError(
    `The router ${name} is at work on the database. Stop it; one that was killed is forgotten after half a minute.`,
    true,
  );
}
