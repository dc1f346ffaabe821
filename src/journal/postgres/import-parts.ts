import type { MovedPart, MovedRows } from '../../core/move.js';
import {
  alertColumns,
  attemptColumns,
  findingColumns,
  reportColumns,
  requestColumns,
  settledColumns,
  unreadColumns,
} from './columns.js';
import { addToBooks } from './counting.js';
import type { Query } from './database.js';
import { encode, insertInto, rowsOf, valuesOf, type Columns } from './rows.js';
import type { Tables } from './tables.js';

/** The tables, by names and decisions that were learnt; and the router's clock, in milliseconds since the epoch. */
export type Importing = Tables & { readonly now: () => number };

/** What was counted before hours were kept. */
const beforeHours = -1;

/** How the rows of each part get into the tables, their names being learnt. */
export const importedParts: {
  readonly [P in MovedPart]: (query: Query, rows: readonly MovedRows[P][], tables: Importing) => Promise<void>;
} = {
  async sources(query, rows, { sources, instance }) {
    const books = rows.map((row) => ({ ...row, source: sources.numberOf(row.name), hour: beforeHours }));
    await addToBooks.sources(query, instance, books);
    const pending = books.map(({ source, pending: deliveries, pendingBytes: bytes }) => ({
      source,
      deliveries,
      bytes,
    }));
    await addToBooks.pending(query, instance, pending);
  },
  async sinks(query, rows, { sinks, instance }) {
    const books = rows.map((row) => ({ ...row, sink: sinks.numberOf(row.name), hour: beforeHours }));
    await addToBooks.sinks(query, instance, books);
    for (const { sink, parked } of books) {
      if (!parked) continue;
      const { reason, since, by } = parked;
      await query('UPDATE sinks SET parked_reason = $2, parked_at = $3, parked_by = $4 WHERE number = $1', [
        sink,
        encode(reason),
        since,
        by,
      ]);
    }
  },
  async routes(query, rows, { routes, instance }) {
    await addToBooks.routes(
      query,
      instance,
      rows.map(({ name, alerts }) => ({ route: routes.numberOf(name), alerts })),
    );
  },
  async sourceHours(query, rows, { sources, instance }) {
    await addToBooks.sources(
      query,
      instance,
      rows.map((row) => ({
        ...row,
        source: sources.numberOf(row.source),
        gone_routed: row.goneRouted,
        gone_unrouted: row.goneUnrouted,
        gone_quarantined: row.goneQuarantined,
        gone_probes: row.goneProbes,
      })),
    );
  },
  async sinkHours(query, rows, { sinks, instance }) {
    await addToBooks.sinks(
      query,
      instance,
      rows.map((row) => ({
        ...row,
        sink: sinks.numberOf(row.sink),
        gone_delivered: row.goneDelivered,
        gone_dead: row.goneDead,
        gone_superseded: row.goneSuperseded,
      })),
    );
  },
  replays: (query, rows) =>
    put(
      query,
      'replays',
      {
        id: 'uuid',
        key: 'text',
        request: 'text',
        created_at: 'bigint',
        finished_at: 'bigint',
        place: 'text',
        looked: 'bigint',
        owed: 'bigint',
        delivered: 'bigint',
        dead: 'bigint',
        outdated: 'bigint',
        unconfigured: 'bigint',
      },
      rows.map((row) => ({ ...row, created_at: row.createdAt, finished_at: row.finishedAt })),
    ),
  requests: (query, rows, { sources, instance }) =>
    put(
      query,
      'requests',
      requestColumns,
      rows.map((row) => ({
        ...row,
        source: sources.numberOf(row.source),
        received_at: row.receivedAt,
        instance,
        probe: row.probe === null ? null : encode(row.probe),
        bytes: row.body.length,
      })),
    ),
  unread: (query, rows) =>
    put(
      query,
      'unread',
      unreadColumns,
      rows.map((row) => ({ ...row, reason: encode(row.reason) })),
    ),
  async alerts(query, rows, { sources, decisions }) {
    const numbers: number[] = [];
    for (const { decision } of rows) numbers.push((await decisions.of(decision)).number);
    await put(
      query,
      'alerts',
      { ...alertColumns, duplicates: 'integer' },
      rows.map((row, position) => ({
        ...row,
        source: sources.numberOf(row.source),
        accepted_at: row.acceptedAt,
        dedup_key: row.dedupKey,
        is_first: row.isFirst,
        decision: numbers[position],
        bytes: Buffer.byteLength(row.json),
      })),
    );
  },
  findings: (query, rows) =>
    put(
      query,
      'findings',
      findingColumns,
      rows.map((row) => ({ ...row, newest_at: row.newestAt })),
    ),
  newestReports: putReports,
  earlierReports: putReports,
  async owed(query, rows, { sinks, database, now }) {
    const at = now();
    await query(
      putOwed,
      valuesOf(
        owedColumns,
        rows.map(({ sink, dueAt, ...row }) => ({
          ...row,
          sink: sinks.numberOf(sink),
          due_at: dueAt === null || dueAt <= at ? 0 : Math.max(1, database.toDatabaseTime(dueAt)),
        })),
      ),
    );
  },
  settled: (query, rows, { sinks }) =>
    put(
      query,
      'settled',
      settledColumns,
      rows.map((row) => ({
        ...row,
        sink: sinks.numberOf(row.sink),
        settled_at: row.settledAt,
        remote_id: row.remoteId === null ? null : encode(row.remoteId),
        reason: row.reason === null ? null : encode(row.reason),
      })),
    ),
  earlierAttempts: putAttempts,
  lastAttempts: putAttempts,
  async replayed(query, rows, { sinks }) {
    await query(
      putReplayed,
      valuesOf(
        replayedColumns,
        rows.map((row) => ({ ...row, sink: sinks.numberOf(row.sink), newest_replay: row.newestReplay })),
      ),
    );
  },
  secondWays: (query, rows) =>
    put(
      query,
      'second_ways',
      { alert: 'bigint', by_pull: 'boolean', at: 'bigint', added: 'text', is_late: 'boolean' },
      rows.map((row) => ({ ...row, by_pull: row.byPull, is_late: row.isLate })),
    ),
  lookups: (query, rows) => put(query, 'lookups', { alert: 'bigint', record: 'text' }, rows),
  pulls: (query, rows, { sources }) =>
    put(
      query,
      'pulls',
      {
        source: 'integer',
        since: 'bigint',
        cursor: 'text',
        page_at: 'bigint',
        caught_up_at: 'bigint',
        parked_reason: 'text',
        parked_at: 'bigint',
        parked_by: 'text',
      },
      rows.map(({ source, since, cursor, pageAt = null, caughtUpAt = null, parked }) => ({
        source: sources.numberOf(source),
        since,
        cursor: cursor === undefined ? null : encode(cursor),
        page_at: pageAt,
        caught_up_at: caughtUpAt,
        parked_reason: parked ? encode(parked.reason) : null,
        parked_at: parked?.since ?? null,
        parked_by: parked?.by ?? null,
      })),
    ),
  pulled: (query, rows, { sources }) =>
    put(
      query,
      'pulled',
      { fingerprint: 'bytea', source: 'integer', day: 'text', by_webhook: 'boolean', seen_at: 'bigint' },
      rows.map((row) => ({
        ...row,
        source: sources.numberOf(row.source),
        by_webhook: row.byWebhook,
        seen_at: row.seenAt,
      })),
    ),
  pullDays: (query, rows, { sources }) =>
    put(
      query,
      'pull_days',
      {
        source: 'integer',
        day: 'text',
        total: 'bigint',
        webhook: 'bigint',
        recovered: 'bigint',
        changes: 'bigint',
        unread: 'bigint',
      },
      rows.map((row) => ({ ...row, source: sources.numberOf(row.source) })),
    ),
  missing: (query, rows) =>
    put(
      query,
      'missing',
      { missing: 'text', acknowledged_at: 'bigint' },
      rows.map(({ acknowledgedAt = null, ...missing }) => ({
        missing: JSON.stringify(missing),
        acknowledged_at: acknowledgedAt,
      })),
    ),
  audit: (query, rows) =>
    put(
      query,
      'audit',
      { at: 'bigint', entry: 'text' },
      rows.map((entry) => ({ at: entry.at, entry: JSON.stringify(entry) })),
    ),
};

const owedColumns = {
  sink: 'integer',
  alert: 'bigint',
  attempts: 'integer',
  due_at: 'bigint',
  replay: 'uuid',
} as const;
/**
 * In the order of their alerts: the first of each finding is its head. What is due may have been sent by a router that
 * died before it could say so: it is as if a lease of it had ended.
 */
const putOwed = `INSERT INTO owed (sink, alert, finding, is_head, attempts, due_at, token, replay, source, accepted_at, bytes)
  SELECT n.sink, n.alert, a.fingerprint,
    row_number() OVER (PARTITION BY n.sink, a.fingerprint ORDER BY n.alert) = 1 AND NOT EXISTS (
      SELECT 1 FROM owed AS o WHERE o.sink = n.sink AND o.finding = a.fingerprint
    ),
    n.attempts, n.due_at, CASE WHEN n.due_at = 0 THEN nextval('lease_tokens') ELSE 0 END, r.number, a.source,
    a.accepted_at, a.bytes
  FROM ${rowsOf(owedColumns)} JOIN alerts AS a ON a.seq = n.alert LEFT JOIN replays AS r ON r.id = n.replay`;

const replayedColumns = {
  alert: 'bigint',
  sink: 'integer',
  replay: 'uuid',
  at: 'bigint',
  attempts: 'integer',
  newest_replay: 'uuid',
} as const;
const putReplayed = `INSERT INTO replayed (alert, sink, replay, at, attempts, newest_replay)
  SELECT n.alert, n.sink, r.number, n.at, n.attempts, m.number FROM ${rowsOf(replayedColumns)}
  JOIN replays AS r ON r.id = n.replay JOIN replays AS m ON m.id = n.newest_replay`;

function putReports(query: Query, rows: readonly MovedRows['newestReports'][]): Promise<void> {
  return put(
    query,
    'reports',
    reportColumns,
    rows.map((row) => ({ ...row, dedup_key: row.dedupKey, received_at: row.receivedAt })),
  );
}

function putAttempts(query: Query, rows: readonly MovedRows['lastAttempts'][], { sinks }: Tables): Promise<void> {
  return put(
    query,
    'attempts',
    attemptColumns,
    rows.map((row) => ({ ...row, sink: sinks.numberOf(row.sink) })),
  );
}

async function put<C extends Columns>(
  query: Query,
  table: string,
  columns: C,
  rows: readonly Readonly<Record<keyof C, unknown>>[],
): Promise<void> {
  await query(insertInto(table, columns), valuesOf(columns, rows));
}
