import type { NewAlert } from '../../core/alert.js';
import type { Parked, ParkedBy, SecondWay } from '../../core/journal.js';
import { mayEnd, parkedAgain } from '../../core/parking.js';
import {
  byDay,
  dayAccount,
  dayOf,
  daysOf,
  noDaySums,
  pullAuthentication,
  sight,
  wholeDays,
  type DayAccount,
  type DayRange,
  type DaySums,
  type PullMark,
  type PullState,
  type Sighting,
  type Way,
} from '../../core/reconciliation.js';
import type { Tables } from './tables.js';
import type { Counting } from './counting.js';
import type { Query } from './database.js';
import { parkedOf, type ParkedRow } from './deliveries.js';
import { learn } from './learning.js';
import { decode, encode } from './rows.js';

type PullRow = ParkedRow & {
  readonly since: number;
  readonly cursor: string | null;
  readonly page_at: number | null;
  readonly caught_up_at: number | null;
};

/** A report of a source that pulls; with `of`, a duplicate of the alert of that number. */
export type Seen = {
  readonly source: number;
  readonly fingerprint: Buffer;
  readonly alert: NewAlert;
  readonly by: Way;
  readonly at: number;
} & ({ readonly of: number } | { readonly isFirst: boolean });

const marksPerStep = 500;
/** How far a webhook may be behind the vendor's time of its finding, or our clock behind the vendor's. */
const lateMs = 86_400_000;

/** The numbers of the sources that ever pulled: a webhook of another pays nothing. */
export async function pullingSources(query: Query): Promise<ReadonlySet<number>> {
  const rows = await query<{ source: number }>('SELECT source FROM pulls');
  return new Set(rows.map(({ source }) => source));
}

/** Where the pull of a source, by its number, stands; begins it where it never did. */
export async function beginPull(query: Query, name: string, source: number, since: number): Promise<PullState> {
  await query('INSERT INTO pulls (source, since) VALUES ($1, $2) ON CONFLICT DO NOTHING', [source, since]);
  return (await pullState(query, name, source)) ?? { source: name, since };
}

export async function pullState(query: Query, name: string, source: number): Promise<PullState | undefined> {
  const [row] = await query<PullRow>('SELECT * FROM pulls WHERE source = $1', [source]);
  if (!row) return undefined;
  const parked = parkedOf(row);
  return {
    source: name,
    since: row.since,
    ...(row.cursor !== null && { cursor: decode(row.cursor) }),
    ...(row.page_at !== null && { pageAt: row.page_at }),
    ...(row.caught_up_at !== null && { caughtUpAt: row.caught_up_at }),
    ...(parked && { parked }),
  };
}

/** Of every source that ever pulled. */
export async function pullStates(query: Query): Promise<readonly PullState[]> {
  const rows = await query<{ name: string; number: number }>(
    'SELECT s.name, s.number FROM pulls AS p JOIN sources AS s ON s.number = p.source ORDER BY s.number',
  );
  const states: PullState[] = [];
  for (const { name, number } of rows) {
    const state = await pullState(query, decode(name), number);
    if (state) states.push(state);
  }
  return states;
}

export async function parkPull(query: Query, name: string, source: number, told: Parked): Promise<Parked> {
  await beginPull(query, name, source, told.since);
  const parked = parkedAgain(await lockedParking(query, source), told);
  await query('UPDATE pulls SET parked_reason = $2, parked_at = $3, parked_by = $4 WHERE source = $1', [
    source,
    encode(parked.reason),
    parked.since,
    parked.by,
  ]);
  return parked;
}

export async function resumePull(query: Query, source: number, by: ParkedBy): Promise<Parked | undefined> {
  const parked = await lockedParking(query, source);
  if (!parked || !mayEnd(parked, by)) return undefined;
  await query('UPDATE pulls SET parked_reason = NULL, parked_at = NULL, parked_by = NULL WHERE source = $1', [source]);
  return parked;
}

async function lockedParking(query: Query, source: number): Promise<Parked | undefined> {
  const [row] = await query<PullRow>('SELECT * FROM pulls WHERE source = $1 FOR UPDATE', [source]);
  return row && parkedOf(row);
}

/** The page that was just kept: where to go on, and what could not be read of it. */
export async function keepPage(
  query: Query,
  source: number,
  { cursor, isLast, totals = {} }: PullMark,
  unread: number,
  at: number,
): Promise<void> {
  await query(
    `INSERT INTO pulls (source, since, cursor, page_at, caught_up_at) VALUES ($1, $2, $3, $2, $4)
     ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor, page_at = excluded.page_at,
       caught_up_at = coalesce(excluded.caught_up_at, pulls.caught_up_at)`,
    [source, at, encode(cursor), isLast ? at : null],
  );
  for (const [day, total] of Object.entries(totals)) {
    await query(
      `INSERT INTO pull_days (source, day, total) VALUES ($1, $2, $3)
       ON CONFLICT (source, day) DO UPDATE SET total = excluded.total`,
      [source, day, total],
    );
  }
  await countUnread(query, source, unread, at);
}

/** Parts of pages in the quarantine; less than none where they were read again. */
export async function countUnread(query: Query, source: number, unread: number, at: number): Promise<void> {
  if (unread !== 0) await addToDay(query, source, dayOf(at), { unread });
}

/** What a report does to the account of its finding, once it is kept or counted. With the finding locked. */
export async function saw(query: Query, seen: Seen, counting: Counting): Promise<void> {
  const isNew = !('of' in seen);
  const sighting: Sighting = { by: seen.by, isNew, isFirst: isNew && seen.isFirst };
  const day = await account(query, seen, sighting);
  if (isNew) return;
  const [of] = await query<{ arrival: string; is_first: boolean }>(
    'SELECT r.arrival, a.is_first FROM alerts AS a JOIN requests AS r ON r.seq = a.request WHERE a.seq = $1',
    [seen.of],
  );
  const way = of && wayOf(of.arrival);
  if (way === undefined || way === seen.by) return;
  const second = await query(
    'INSERT INTO second_ways (alert, by_pull, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING alert',
    [seen.of, seen.by === 'pull', seen.at],
  );
  if (second.length === 0) return;
  await learn(query, seen.of, seen.alert, counting);
  // What the pull alone had brought until now was a change, and is none any longer.
  if (way === 'pull' && !of?.is_first && day !== undefined) await addToDay(query, seen.source, day, { changes: -1 });
}

/** Returns the day of the finding, where a pull saw it. */
async function account(
  query: Query,
  { source, fingerprint, alert, at }: Seen,
  sighting: Sighting,
): Promise<string | undefined> {
  const [known] = await query<{ day: string; by_webhook: boolean }>(
    'SELECT day, by_webhook FROM pulled WHERE fingerprint = $1 AND source = $2',
    [fingerprint, source],
  );
  const before = known && (known.by_webhook ? 'webhook' : 'pull');
  const { mark, add } = sight(before, sighting);
  if (mark === undefined) return undefined;
  const day = known?.day ?? dayOf(Date.parse(alert.time));
  if (mark !== before) {
    await query(
      `INSERT INTO pulled (fingerprint, source, day, by_webhook, seen_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (fingerprint, source) DO UPDATE SET by_webhook = excluded.by_webhook`,
      [fingerprint, source, day, mark === 'webhook', at],
    );
  }
  if (add.webhook !== 0 || add.recovered !== 0 || add.changes !== 0) await addToDay(query, source, day, add);
  return day;
}

async function addToDay(query: Query, source: number, day: string, add: Partial<DaySums>): Promise<void> {
  const { webhook = 0, recovered = 0, changes = 0, unread = 0 } = add;
  await query(
    `INSERT INTO pull_days AS d (source, day, webhook, recovered, changes, unread) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (source, day) DO UPDATE SET webhook = d.webhook + excluded.webhook,
       recovered = d.recovered + excluded.recovered, changes = d.changes + excluded.changes,
       unread = d.unread + excluded.unread`,
    [source, day, webhook, recovered, changes, unread],
  );
}

/** When an alert came by the other way, too. */
export async function secondWay(query: Query, alert: number): Promise<SecondWay | undefined> {
  const [row] = await query<{ by_pull: boolean; at: number; added: string | null; is_late: boolean }>(
    'SELECT by_pull, at, added, is_late FROM second_ways WHERE alert = $1',
    [alert],
  );
  return (
    row && {
      by: row.by_pull ? 'pull' : 'webhook',
      at: row.at,
      ...(row.added !== null && { added: JSON.parse(row.added) as Partial<NewAlert> }),
      ...(row.is_late && { isLate: true }),
    }
  );
}

/** Removes some marks of findings that pulls saw for the first time before that; false when there are no more. */
export async function removeMarks(query: Query, cutoff: number): Promise<boolean> {
  const gone = await query(
    `DELETE FROM pulled WHERE (fingerprint, source) IN (
       SELECT fingerprint, source FROM pulled WHERE seen_at <= $1 ORDER BY seen_at LIMIT ${String(marksPerStep)}
     ) RETURNING source`,
    [cutoff],
  );
  return gone.length > 0;
}

/** Newest day first. */
export async function reconciliation(tables: Tables, range: DayRange): Promise<readonly DayAccount[]> {
  const { first, last } = daysOf(range);
  const { from, until } = wholeDays(range);
  return tables.database.transaction(async ({ query }) => {
    const days = await query<Omit<DaySums, 'total'> & { name: string; day: string; total: number | null }>(
      `SELECT s.name, d.day, d.total, d.webhook, d.recovered, d.changes, d.unread
       FROM pull_days AS d JOIN sources AS s ON s.number = d.source WHERE d.day >= $1 AND d.day <= $2`,
      [first, last],
    );
    const unseen = await query<{ name: string; day: string; count: number }>(
      `SELECT s.name, left(a.json::json->>'time', 10) AS day, count(*) AS count
       FROM alerts AS a JOIN sources AS s ON s.number = a.source
       WHERE a.accepted_at >= $1 AND a.accepted_at < $2 AND a.is_first AND a.source IN (SELECT source FROM pulls)
         AND NOT EXISTS (SELECT 1 FROM pulled AS p WHERE p.fingerprint = a.fingerprint AND p.source = a.source)
       GROUP BY 1, 2`,
      [from - lateMs, until + lateMs],
    );
    const keyOf = ({ name, day }: { name: string; day: string }) => `${day} ${name}`;
    const waiting = new Map(unseen.map((row) => [keyOf(row), row]));
    const counted = days.map(({ name, day, total, ...sums }) => {
      const of = waiting.get(keyOf({ name, day }))?.count ?? 0;
      waiting.delete(keyOf({ name, day }));
      return dayAccount(decode(name), day, total === null ? sums : { ...sums, total }, of);
    });
    const rest = [...waiting.values()]
      .filter(({ day }) => day >= first && day <= last)
      .map(({ name, day, count }) => dayAccount(decode(name), day, noDaySums, count));
    return [...counted, ...rest].sort(byDay);
  }, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
}

export function wayOf(arrival: string): Way {
  const { authentication } = JSON.parse(arrival) as { authentication: string };
  return authentication === pullAuthentication ? 'pull' : 'webhook';
}
