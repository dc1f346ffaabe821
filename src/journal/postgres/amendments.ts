import { deliveryStates, type Amendment } from '../../core/journal.js';
import type { Tables } from './tables.js';
import { Counting } from './counting.js';
import type { Query, Transaction } from './database.js';
import { elect } from './deliveries.js';
import type { Decision } from './names.js';
import { idOrNothing } from './rows.js';

type AlertRow = {
  readonly seq: number;
  readonly source: number;
  readonly accepted_at: number;
  readonly fingerprint: Buffer;
  readonly superseded: boolean;
  readonly decision: number;
  readonly bytes: number;
};

const superseded = deliveryStates.indexOf('superseded');

/**
 * Puts an alert in the place of the one that was kept, with its decision and its deliveries, while none of them can have
 * gone out. The names of the decisions, old and new, were learnt. Undefined where there is no such alert.
 */
export async function amend(
  tables: Tables,
  alertId: string,
  { alert, lookup }: Amendment,
  decisions: { readonly before: Decision; readonly after: Decision },
  { query }: Transaction,
): Promise<{ readonly isDone: boolean; readonly counting: Counting } | undefined> {
  const [row] = await lockedAlert(query, alertId);
  if (!row) return undefined;
  const isDone = await isUntouched(query, row.seq);
  if (lookup) {
    await query(
      'INSERT INTO lookups (alert, record) VALUES ($1, $2) ON CONFLICT (alert) DO UPDATE SET record = excluded.record',
      [row.seq, JSON.stringify(isDone ? lookup : { ...lookup, isLate: true })],
    );
  }
  const counting = new Counting();
  if (!isDone) return { isDone, counting };
  const json = JSON.stringify(alert);
  const amended = { ...row, bytes: Buffer.byteLength(json) };
  await query('UPDATE alerts SET json = $2, bytes = $3, decision = $4 WHERE seq = $1', [
    row.seq,
    json,
    amended.bytes,
    decisions.after.number,
  ]);
  const before = await withdraw(query, row, counting);
  const after = await owe(tables, query, amended, decisions.after, counting);
  await elect(
    query,
    [...before, ...after].map((sink) => ({ sink, finding: row.fingerprint })),
  );
  countRoutes(tables, row, decisions.before, counting, -1);
  countRoutes(tables, row, decisions.after, counting, 1);
  await counting.write(query, tables.instance);
  return { isDone, counting };
}

/** With its finding and what is owed of it locked: nobody claims it meanwhile. */
async function lockedAlert(query: Query, alertId: string): Promise<readonly AlertRow[]> {
  const id = [idOrNothing(alertId) ?? null];
  await query(
    'SELECT 1 FROM findings WHERE fingerprint = (SELECT fingerprint FROM alerts WHERE id = $1) FOR UPDATE',
    id,
  );
  await query(
    `SELECT 1 FROM owed WHERE sink IN (SELECT number FROM sinks) AND alert = (SELECT seq FROM alerts WHERE id = $1)
     ORDER BY sink FOR UPDATE`,
    id,
  );
  return query<AlertRow>(
    'SELECT seq, source, accepted_at, fingerprint, superseded, decision, bytes FROM alerts WHERE id = $1 FOR UPDATE',
    id,
  );
}

/** Not sent, not out and not given up, and no delivery was made due by a replay. */
export async function isUntouched(query: Query, alert: number): Promise<boolean> {
  const touched = await query(
    `SELECT 1 FROM owed WHERE sink IN (SELECT number FROM sinks) AND alert = $1
       AND (attempts > 0 OR token > 0 OR replay IS NOT NULL)
     UNION ALL SELECT 1 FROM settled WHERE alert = $1 AND state <> $2`,
    [alert, superseded],
  );
  return touched.length === 0;
}

/** Takes back what was owed of an alert; the numbers of the sinks. */
async function withdraw(query: Query, row: AlertRow, counting: Counting): Promise<readonly number[]> {
  const owed = await query<{ sink: number }>(
    'DELETE FROM owed WHERE sink IN (SELECT number FROM sinks) AND alert = $1 RETURNING sink',
    [row.seq],
  );
  const settled = await query<{ sink: number }>('DELETE FROM settled WHERE alert = $1 RETURNING sink', [row.seq]);
  for (const { sink } of owed) {
    counting.sink(row.accepted_at, sink, 'owed', -1);
    counting.pending(row.source, row.bytes, -1);
  }
  for (const { sink } of settled) {
    counting.sink(row.accepted_at, sink, 'owed', -1);
    counting.sink(row.accepted_at, sink, 'superseded', -1);
  }
  return owed.map(({ sink }) => sink);
}

/** Owes an alert by another decision, due at once; the numbers of the sinks. */
async function owe(
  tables: Tables,
  query: Query,
  row: AlertRow,
  { sinks }: Decision,
  counting: Counting,
): Promise<readonly number[]> {
  const owed: number[] = [];
  for (const { sink: name, keepsState } of sinks) {
    const sink = tables.sinks.numberOf(name);
    counting.sink(row.accepted_at, sink, 'owed');
    if (row.superseded && keepsState) {
      await query('INSERT INTO settled (alert, sink, state, attempts, settled_at) VALUES ($1, $2, $3, 0, $4)', [
        row.seq,
        sink,
        superseded,
        row.accepted_at,
      ]);
      counting.sink(row.accepted_at, sink, 'superseded');
      continue;
    }
    await query(
      `INSERT INTO owed (sink, alert, finding, is_head, source, accepted_at, bytes)
       VALUES ($1, $2, $3, false, $4, $5, $6)`,
      [sink, row.seq, row.fingerprint, row.source, row.accepted_at, row.bytes],
    );
    counting.pending(row.source, row.bytes, 1);
    owed.push(sink);
  }
  return owed;
}

function countRoutes(
  { routes: names }: Tables,
  { accepted_at: at, source }: AlertRow,
  { routes }: Decision,
  counting: Counting,
  sign: 1 | -1,
): void {
  for (const route of routes) counting.route(names.numberOf(route), sign);
  counting.source(at, source, routes.length > 0 ? 'routed' : 'unrouted', sign);
}
