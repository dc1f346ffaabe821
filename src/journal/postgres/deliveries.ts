import { actionOf, states, type NewAlert } from '../../core/alert.js';
import {
  deliveryStates,
  type ClaimLimit,
  type Delivery,
  type Lease,
  type Parked,
  type ParkedBy,
  type Parkings,
  type Settlement,
} from '../../core/journal.js';
import { mayEnd, parkedAgain } from '../../core/parking.js';
import type { Look } from '../../kit/claim-bell.js';
import type { Tables } from './tables.js';
import { attemptColumns, settledColumns } from './columns.js';
import { Counting, settlingBooks } from './counting.js';
import { clock, type Query, type Transaction } from './database.js';
import { decode, encode, insertInto, rowsOf, valuesOf } from './rows.js';

const leaseColumns = { sink: 'integer', alert: 'bigint', token: 'bigint' } as const;
const dueColumns = { ...leaseColumns, due_at: 'bigint' } as const;
const placeColumns = { sink: 'integer', finding: 'bytea' } as const;
const endedColumns = { replay: 'integer', delivered: 'integer', dead: 'integer' } as const;

/** How many come due in one look: the more wait, the longer would everybody wait for it. */
const wokenAtOnce = 1_000;
/** Other routers accept alerts, too: as often they are looked for. */
export const pollMs = 500;
/** Of each delivery; older ones are dropped. */
const mostAttempts = 100;

const ready = deliveryStates.indexOf('pending');
const delivered = deliveryStates.indexOf('delivered');
const dead = deliveryStates.indexOf('dead');

const statements = {
  // A lease ends by the database's clock alone; what waits for another try, when either clock says so.
  wake: `UPDATE owed AS o SET due_at = 0 FROM (
      SELECT sink, alert FROM owed WHERE sink = $1 AND is_head AND due_at > 0
        AND (due_at <= ${clock} OR token = 0 AND due_at <= $2) ORDER BY due_at LIMIT ${String(wokenAtOnce)}
      FOR UPDATE SKIP LOCKED
    ) AS w WHERE o.sink = w.sink AND o.alert = w.alert RETURNING o.sink, o.finding, o.token`,
  claim: `WITH ready AS (
      SELECT o.alert, o.bytes FROM owed AS o JOIN sinks AS s ON s.number = o.sink
      WHERE o.sink = $1 AND o.is_head AND o.due_at = 0 AND (s.parked_reason IS NULL OR $4)
      ORDER BY o.alert LIMIT $2 FOR UPDATE OF o SKIP LOCKED
    ), counted AS (
      SELECT alert, bytes, sum(bytes) OVER (ORDER BY alert) AS until FROM ready
    ), claimed AS (
      UPDATE owed AS o SET due_at = ${clock} + $5, token = nextval('lease_tokens'), instance = $6 FROM counted AS c
      WHERE o.sink = $1 AND o.alert = c.alert AND (c.until <= $3 OR c.until = c.bytes)
      RETURNING o.alert, o.token, o.attempts, o.accepted_at
    )
    SELECT c.alert, c.token, c.attempts, c.accepted_at, a.json, a.state, a.is_first, a.decision,
      r.id AS replay, m.at AS replayed_at, m.attempts AS attempts_before
    FROM claimed AS c JOIN alerts AS a ON a.seq = c.alert
    LEFT JOIN replayed AS m ON m.alert = c.alert AND m.sink = $1 LEFT JOIN replays AS r ON r.number = m.replay
    ORDER BY c.alert`,
  next: 'SELECT min(due_at) AS due_at FROM owed WHERE sink = $1 AND is_head AND due_at > 0',
  lockFindings: `SELECT 1 FROM findings WHERE fingerprint IN (
      SELECT o.finding FROM owed AS o JOIN ${rowsOf(leaseColumns)}
      ON o.sink = n.sink AND o.alert = n.alert AND o.token = n.token
    ) ORDER BY fingerprint FOR UPDATE`,
  // Locked: whose lease has ended may be claimed by another router at this moment.
  held: `SELECT o.sink, o.alert, o.token, o.finding, o.source, o.bytes, o.accepted_at, o.replay, o.attempts
    FROM owed AS o JOIN ${rowsOf(leaseColumns)} ON o.sink = n.sink AND o.alert = n.alert AND o.token = n.token
    FOR UPDATE OF o`,
  postpone: `UPDATE owed AS o SET due_at = n.due_at, token = 0, attempts = o.attempts + 1
    FROM ${rowsOf(dueColumns)} WHERE o.sink = n.sink AND o.alert = n.alert AND o.token = n.token`,
  release: `UPDATE owed AS o SET due_at = 0, token = 0
    FROM ${rowsOf(leaseColumns)} WHERE o.sink = n.sink AND o.alert = n.alert AND o.token = n.token
    RETURNING o.sink, o.finding, 0 AS token`,
  // Not one whose turn passed to an earlier delivery when its lease had ended.
  renew: `UPDATE owed AS o SET due_at = ${clock} + $4
    FROM ${rowsOf(leaseColumns)} WHERE o.sink = n.sink AND o.alert = n.alert AND o.token = n.token AND o.is_head
    RETURNING o.alert AS seq, o.token`,
  remove: `DELETE FROM owed AS o USING ${rowsOf(leaseColumns)} WHERE o.sink = n.sink AND o.alert = n.alert`,
  settled: insertInto('settled', settledColumns),
  attempts: `${insertInto('attempts', attemptColumns)} ON CONFLICT DO NOTHING`,
  oldAttempts: `DELETE FROM attempts AS a USING ${rowsOf(attemptColumns)}
    WHERE a.alert = n.alert AND a.sink = n.sink AND a.number <= n.number - ${String(mostAttempts)}`,
  replays: `UPDATE replays AS r SET delivered = r.delivered + n.delivered, dead = r.dead + n.dead
    FROM ${rowsOf(endedColumns)} WHERE r.number = n.replay`,
  // The first one of each finding is its head, unless the head is out: then it becomes that once the head is back.
  elect: `WITH places AS (SELECT DISTINCT sink, finding FROM ${rowsOf(placeColumns)}), heads AS (
      SELECT p.sink, p.finding, (
        SELECT o.alert FROM owed AS o WHERE o.sink = p.sink AND o.finding = p.finding ORDER BY o.alert LIMIT 1
      ) AS alert FROM places AS p
    )
    UPDATE owed AS o SET is_head = (o.alert = h.alert) FROM heads AS h
    WHERE o.sink = h.sink AND o.finding = h.finding AND (o.is_head OR o.alert = h.alert)
      AND o.is_head IS DISTINCT FROM (o.alert = h.alert) AND NOT EXISTS (
        SELECT 1 FROM owed AS out WHERE out.sink = o.sink AND out.finding = o.finding AND out.is_head
          AND out.token > 0 AND out.due_at > 0
      )`,
};

type Place = { readonly sink: number; readonly finding: Buffer };
type ClaimedRow = {
  readonly alert: number;
  readonly token: number;
  readonly attempts: number;
  readonly accepted_at: number;
  readonly json: string;
  readonly state: number;
  readonly is_first: boolean;
  readonly decision: number;
  readonly replay: string | null;
  readonly replayed_at: number | null;
  readonly attempts_before: number | null;
};
type HeldRow = Place & {
  readonly alert: number;
  readonly token: number;
  readonly source: number;
  readonly bytes: number;
  readonly accepted_at: number;
  readonly replay: number | null;
  readonly attempts: number;
};

/** A crash that takes a lease back makes it void, and no more: nobody need wait for the disk. */
export const beginUnsynced = 'BEGIN; SET LOCAL synchronous_commit = off';

/** Leases what is due, in the order accepted; or says how long until there may be something. */
export async function claim(
  tables: Tables,
  sink: string,
  { count, bytes, whileParked }: ClaimLimit,
  { now, leaseMs }: { readonly now: number; readonly leaseMs: number },
): Promise<Look> {
  const { database } = tables;
  const number = await tables.sinks.find(sink);
  if (number === undefined) return { deliveries: [], againMs: pollMs };
  return database.transaction(async ({ query }) => {
    const woken = await query<Place & { token: number }>(statements.wake, [number, database.toDatabaseTime(now)]);
    // A lease that ended by itself: a replay may have brought an earlier delivery meanwhile.
    await elect(
      query,
      woken.filter(({ token }) => token > 0),
    );
    const rows = await query<ClaimedRow>(statements.claim, [
      number,
      count,
      bytes ?? Number.MAX_SAFE_INTEGER,
      whileParked === true,
      leaseMs,
      tables.instance,
    ]);
    const deliveries: Delivery[] = [];
    for (const row of rows) deliveries.push(await toDelivery(tables, query, sink, row));
    if (deliveries.length > 0) return { deliveries };
    const [next] = await query<{ due_at: number | null }>(statements.next, [number]);
    const waitMs = next?.due_at == null ? pollMs : next.due_at - database.toDatabaseTime(now);
    return { deliveries, againMs: Math.min(pollMs, Math.max(1, waitMs)) };
  }, beginUnsynced);
}

/** Records what became of claimed deliveries, and tells of each whether its lease held, and what is owed less. */
export async function settle(
  tables: Tables,
  settlements: readonly Settlement[],
  { query }: Transaction,
): Promise<{ readonly held: readonly boolean[]; readonly counting: Counting }> {
  const counting = new Counting();
  const asked = new Map<string, Settlement & { readonly number: number }>();
  for (const settlement of settlements) {
    const number = await tables.sinks.find(settlement.sink);
    if (number !== undefined) asked.set(keyOf(number, settlement.lease), { ...settlement, number });
  }
  const leases = [...asked.values()].map(({ number, lease }) => ({
    sink: number,
    alert: lease.seq,
    token: lease.token,
  }));
  await query(statements.lockFindings, valuesOf(leaseColumns, leases));
  const held = await query<HeldRow>(statements.held, valuesOf(leaseColumns, leases));
  const settled = held.flatMap((row) => {
    const settlement = asked.get(keyOf(row.sink, { seq: row.alert, token: row.token }));
    return settlement ? [{ row, settlement }] : [];
  });
  const final = settled.filter(({ settlement }) => settlement.next.kind !== 'pending');
  const postponed = settled.flatMap(({ row, settlement: { next } }) =>
    next.kind === 'pending' ? [{ ...row, due_at: Math.max(1, tables.database.toDatabaseTime(next.dueAt)) }] : [],
  );
  if (postponed.length > 0) await query(statements.postpone, valuesOf(dueColumns, postponed));
  const attempts = settled.map(({ row, settlement: { attempt } }) => ({
    ...row,
    number: row.attempts + 1,
    attempt: JSON.stringify({ ...attempt, instance: tables.name }),
  }));
  if (attempts.length > 0) await query(statements.attempts, valuesOf(attemptColumns, attempts));
  if (attempts.some(({ number }) => number > mostAttempts))
    await query(statements.oldAttempts, valuesOf(attemptColumns, attempts));
  if (final.length > 0) {
    const gone = final.map(({ row }) => row);
    await query(statements.remove, valuesOf(leaseColumns, gone));
    await query(statements.settled, valuesOf(settledColumns, final.map(toSettled)));
  }
  for (const { row, settlement } of final) {
    counting.sink(row.accepted_at, row.sink, settlement.next.kind === 'dead' ? 'dead' : 'delivered');
    counting.pending(row.source, row.bytes, -1);
  }
  const ended = endedOf(final);
  if (ended.length > 0) await query(statements.replays, valuesOf(endedColumns, ended));
  await elect(query, held);
  await counting.write(query, settlingBooks(tables.instance));
  const valid = new Set(settled.map(({ settlement: { lease } }) => lease));
  return { held: settlements.map(({ lease }) => valid.has(lease)), counting };
}

/** Begins leases anew where nobody else has claimed meanwhile, and returns those. */
export async function renew(
  { sinks, database }: Tables,
  sink: string,
  leases: readonly Lease[],
  leaseMs: number,
): Promise<readonly Lease[]> {
  const number = await sinks.find(sink);
  if (number === undefined) return [];
  const values = leaseValues(number, leases);
  return database.transaction(async ({ query }) => {
    await query(statements.lockFindings, values);
    return query<Lease>(statements.renew, [...values, leaseMs]);
  }, beginUnsynced);
}

/** Gives claimed deliveries back untried. */
export async function release(
  tables: Tables,
  sink: string,
  leases: readonly Lease[],
  { query }: Transaction,
): Promise<void> {
  const number = await tables.sinks.find(sink);
  if (number === undefined) return;
  const values = leaseValues(number, leases);
  await query(statements.lockFindings, values);
  await elect(query, await query<Place>(statements.release, values));
}

/** Makes the first delivery of each finding the one that may be claimed. With the findings locked. */
export async function elect(query: Query, places: readonly Place[]): Promise<void> {
  if (places.length > 0) await query(statements.elect, valuesOf(placeColumns, places));
}

/** How a parking is kept, of a sink or a pull. */
export type ParkedRow = {
  readonly parked_reason: string | null;
  readonly parked_at: number | null;
  readonly parked_by: ParkedBy | null;
};

export function parkedOf({ parked_reason: reason, parked_at: since, parked_by: by }: ParkedRow): Parked | undefined {
  return reason === null || since === null || by === null ? undefined : { reason: decode(reason), since, by };
}

export async function park(tables: Tables, sink: string, wanted: Parked, { query }: Transaction): Promise<Parked> {
  const number = tables.sinks.numberOf(sink);
  const parked = parkedAgain(await parkedSink(query, number), wanted);
  await query('UPDATE sinks SET parked_reason = $2, parked_at = $3, parked_by = $4 WHERE number = $1', [
    number,
    encode(parked.reason),
    parked.since,
    parked.by,
  ]);
  return parked;
}

export async function resume(
  tables: Tables,
  sink: string,
  by: ParkedBy,
  { query }: Transaction,
): Promise<Parked | undefined> {
  const number = tables.sinks.numberOf(sink);
  const parked = await parkedSink(query, number);
  if (!parked || !mayEnd(parked, by)) return undefined;
  await query('UPDATE sinks SET parked_reason = NULL, parked_at = NULL, parked_by = NULL WHERE number = $1', [number]);
  return parked;
}

/** Of sinks, and of the pulls of sources. */
export async function parkings(query: Query): Promise<Parkings> {
  const rows = await query<ParkedRow & { readonly name: string; readonly is_pull: boolean }>(
    `SELECT name, parked_reason, parked_at, parked_by, false AS is_pull FROM sinks WHERE parked_reason IS NOT NULL
     UNION ALL SELECT s.name, p.parked_reason, p.parked_at, p.parked_by, true
     FROM pulls AS p JOIN sources AS s ON s.number = p.source WHERE p.parked_reason IS NOT NULL`,
  );
  const of = (isPull: boolean) =>
    new Map(
      rows.flatMap((row) => {
        const parked = parkedOf(row);
        return parked && row.is_pull === isPull ? [[decode(row.name), parked]] : [];
      }),
    );
  return { sinks: of(false), pulls: of(true) };
}

async function parkedSink(query: Query, number: number): Promise<Parked | undefined> {
  const [row] = await query<ParkedRow>(
    'SELECT parked_reason, parked_at, parked_by FROM sinks WHERE number = $1 FOR UPDATE',
    [number],
  );
  return row && parkedOf(row);
}

async function toDelivery(tables: Tables, query: Query, sink: string, row: ClaimedRow): Promise<Delivery> {
  const alert = JSON.parse(row.json) as NewAlert;
  const { sinks } = await tables.decisions.get(row.decision, query);
  return {
    id: `${alert.id}:${sink}`,
    sink,
    alert: { ...alert, action: actionOf(states[row.state] ?? 'unknown', row.is_first) },
    routes: sinks.find((each) => each.sink === sink)?.routes ?? [],
    attempt: row.attempts + 1,
    acceptedAt: row.accepted_at,
    ...(row.replay !== null && {
      replay: { id: row.replay, at: row.replayed_at ?? 0, attemptsBefore: row.attempts_before ?? 0 },
    }),
    lease: { seq: row.alert, token: row.token },
  };
}

function leaseValues(sink: number, leases: readonly Lease[]): unknown[][] {
  return valuesOf(
    leaseColumns,
    leases.map(({ seq, token }) => ({ sink, alert: seq, token })),
  );
}

function keyOf(sink: number, { seq, token }: Lease): string {
  return `${String(sink)} ${String(seq)} ${String(token)}`;
}

function toSettled({ row, settlement }: { readonly row: HeldRow; readonly settlement: Settlement }) {
  const { next, attempt } = settlement;
  return {
    alert: row.alert,
    sink: row.sink,
    state: next.kind === 'delivered' ? delivered : next.kind === 'dead' ? dead : ready,
    attempts: row.attempts + 1,
    settled_at: attempt.at + attempt.durationMs,
    remote_id: next.kind === 'delivered' && next.remoteId !== undefined ? encode(next.remoteId) : null,
    fault: next.kind === 'dead' ? next.fault : null,
    reason: next.kind === 'dead' ? encode(next.reason) : null,
  };
}

function endedOf(final: readonly { readonly row: HeldRow; readonly settlement: Settlement }[]) {
  const ended = new Map<number, { replay: number; delivered: number; dead: number }>();
  for (const { row, settlement } of final) {
    if (row.replay === null) continue;
    const sums = ended.get(row.replay) ?? { replay: row.replay, delivered: 0, dead: 0 };
    sums[settlement.next.kind === 'dead' ? 'dead' : 'delivered'] += 1;
    ended.set(row.replay, sums);
  }
  return [...ended.values()].sort((a, b) => a.replay - b.replay);
}
