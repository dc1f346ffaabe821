import { deliveryStates } from '../../core/journal.js';
import type { Tables } from './tables.js';
import { Counting } from './counting.js';
import type { Query } from './database.js';
import { removeMarks } from './pulls.js';

/** How long things are kept, in milliseconds. */
export type Retention = {
  readonly retention: number;
  readonly dedupWindow: number;
  readonly deadLetterRetention: number;
  readonly auditRetention: number;
};

const alertsPerStep = 500;
const requestsPerStep = 500;
const auditPerStep = 200;

type OldAlert = {
  readonly seq: number;
  readonly source: number;
  readonly accepted_at: number;
  readonly is_unrouted: boolean;
  readonly may_go: boolean;
};

const goneOf = {
  pending: undefined,
  delivered: 'gone_delivered',
  dead: 'gone_dead',
  superseded: 'gone_superseded',
} as const;

const statements = {
  old: `SELECT a.seq, a.source, a.accepted_at, d.text LIKE '{"routes":[],%' AS is_unrouted,
      NOT EXISTS (SELECT 1 FROM owed AS o WHERE o.alert = a.seq AND o.sink IN (SELECT number FROM sinks))
      AND (a.accepted_at <= $3 OR NOT EXISTS (SELECT 1 FROM settled AS s WHERE s.alert = a.seq AND s.state = 2)) AS may_go
    FROM alerts AS a JOIN decisions AS d ON d.number = a.decision
    WHERE a.seq > $1 AND a.accepted_at <= $2 ORDER BY a.seq LIMIT ${String(alertsPerStep)}`,
  lock: `SELECT 1 FROM findings WHERE fingerprint IN (SELECT fingerprint FROM alerts WHERE seq = ANY($1::bigint[]))
    ORDER BY fingerprint FOR UPDATE`,
  stillOwed: 'SELECT DISTINCT alert FROM owed WHERE alert = ANY($1::bigint[])',
  settled: `DELETE FROM settled AS s USING alerts AS a WHERE a.seq = s.alert AND s.alert = ANY($1::bigint[])
    RETURNING a.accepted_at, s.sink, s.state`,
  findings: `DELETE FROM findings AS f USING alerts AS a
    WHERE a.seq = ANY($1::bigint[]) AND f.fingerprint = a.fingerprint AND f.alert = a.seq`,
  reports: `DELETE FROM reports AS r USING alerts AS a
    WHERE a.seq = ANY($1::bigint[]) AND r.fingerprint = a.fingerprint AND r.dedup_key = a.dedup_key AND r.alert = a.seq`,
  requests: `WITH old AS (
      SELECT r.seq FROM requests AS r WHERE r.received_at <= $1
        AND NOT EXISTS (SELECT 1 FROM alerts AS a WHERE a.request = r.seq)
      ORDER BY r.received_at LIMIT ${String(requestsPerStep)}
    ), unread_of AS (
      DELETE FROM unread AS u USING old WHERE u.request = old.seq RETURNING u.request
    ), gone AS (
      DELETE FROM requests AS r USING old WHERE r.seq = old.seq RETURNING r.seq, r.source, r.received_at, r.probe
    )
    SELECT g.source, g.received_at, g.probe IS NOT NULL AS is_probe, (
      SELECT count(*) FROM unread_of AS u WHERE u.request = g.seq
    ) AS quarantined FROM gone AS g`,
  audit: `DELETE FROM audit WHERE seq IN (
      SELECT seq FROM audit WHERE at <= $1 ORDER BY at LIMIT ${String(auditPerStep)}
    ) RETURNING seq`,
};

/** Removes what is old and owed to nobody, in bounded steps. Returns how many alerts went. */
export async function purge(tables: Tables, retention: Retention, now: number): Promise<number> {
  const cutoff = now - Math.max(retention.retention, retention.dedupWindow);
  const deadCutoff = Math.min(cutoff, now - retention.deadLetterRetention);
  let purged = 0;
  let place = 0;
  for (;;) {
    const old = await tables.database.query<OldAlert>(statements.old, [place, cutoff, deadCutoff]);
    const last = old.at(-1);
    if (!last) break;
    purged += await removeAlerts(
      tables,
      old.filter((alert) => alert.may_go),
    );
    place = last.seq;
  }
  while ((await removeRequests(tables, cutoff)) === requestsPerStep);
  while (await removeMarks((text, values) => tables.database.query(text, values), cutoff));
  const auditUntil = now - retention.auditRetention;
  while ((await tables.database.query(statements.audit, [auditUntil])).length === auditPerStep);
  return purged;
}

/** What goes stays in the account. */
function removeAlerts({ database, instance }: Tables, alerts: readonly OldAlert[]): Promise<number> {
  if (alerts.length === 0) return Promise.resolve(0);
  return database.transaction(async ({ query }) => {
    const counting = new Counting();
    const all = alerts.map(({ seq }) => seq);
    await query(statements.lock, [all]);
    // A replay may have been faster.
    const owed = new Set((await query<{ alert: number }>(statements.stillOwed, [all])).map(({ alert }) => alert));
    const going = alerts.filter(({ seq }) => !owed.has(seq));
    await removeRows(
      query,
      going.map(({ seq }) => seq),
      counting,
    );
    for (const { accepted_at: at, source, is_unrouted: isUnrouted } of going)
      counting.source(at, source, isUnrouted ? 'gone_unrouted' : 'gone_routed');
    await counting.write(query, instance);
    return going.length;
  });
}

async function removeRows(query: Query, alerts: readonly number[], counting: Counting): Promise<void> {
  const settled = await query<{ accepted_at: number; sink: number; state: number }>(statements.settled, [alerts]);
  for (const { accepted_at: at, sink, state } of settled) {
    const gone = goneOf[deliveryStates[state] ?? 'pending'];
    if (gone) counting.sink(at, sink, gone);
  }
  await query(statements.findings, [alerts]);
  await query(statements.reports, [alerts]);
  for (const table of ['attempts', 'replayed', 'second_ways', 'lookups'])
    await query(`DELETE FROM ${table} WHERE alert = ANY($1::bigint[])`, [alerts]);
  await query('DELETE FROM alerts WHERE seq = ANY($1::bigint[])', [alerts]);
}

function removeRequests({ database, instance }: Tables, cutoff: number): Promise<number> {
  return database.transaction(async ({ query }) => {
    const counting = new Counting();
    const gone = await query<{ source: number; received_at: number; is_probe: boolean; quarantined: number }>(
      statements.requests,
      [cutoff],
    );
    for (const { source, received_at: at, is_probe: isProbe, quarantined } of gone) {
      counting.source(at, source, 'gone_quarantined', quarantined);
      counting.source(at, source, 'gone_probes', isProbe ? 1 : 0);
    }
    await counting.write(query, instance);
    return gone.length;
  });
}
