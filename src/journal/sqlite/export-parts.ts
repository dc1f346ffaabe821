import type { MovedAttempt, MovedPart, MovedReport, MovedRows } from '../../core/move.js';
import type { ParkedBy } from '../../core/journal.js';
import { toEntry, type AuditRow } from './audit.js';
import { restore } from './body.js';
import { toUuid } from './bytes.js';
import type { Ledger } from './ledger.js';

/** How a part is selected: its rows in the order of `keys`, which no two rows share. What SQLite gives is `Selected`. */
export type ExportedPart<Row, Selected = never> = {
  readonly from: string;
  readonly keys: readonly string[];
  readonly columns: string;
  readonly toRow: (row: Selected, names: Ledger) => Row;
  /** Of what may be large. */
  readonly bytesOf?: (row: Selected) => number;
};

type Exported = Exclude<MovedPart, 'pulls' | 'missing'>;

export const exportedParts: { readonly [P in Exported]: ExportedPart<MovedRows[P]> } = {
  // What is by hour, too, is counted there; `sum - ` is nothing, unless the books were wrong.
  sources: {
    from: 'sources',
    keys: ['number'],
    columns: `name, requests, quarantined, probes, unrouted, pending, pending_bytes AS pendingBytes,
      accepted - (SELECT coalesce(sum(h.accepted), 0) FROM source_hours AS h WHERE h.source = number) AS accepted,
      duplicates - (SELECT coalesce(sum(h.duplicates), 0) FROM source_hours AS h WHERE h.source = number) AS duplicates`,
    toRow: plain,
  },
  sinks: {
    from: 'sinks',
    keys: ['number'],
    columns: 'name, delivered, dead, superseded, parked_reason, parked_at, parked_by',
    toRow: ({ parked_reason: reason, parked_at: since, parked_by: by, ...rest }: SinkRow) => ({
      ...rest,
      parked: reason === null ? undefined : { reason, since, by },
    }),
  },
  routes: { from: 'routes', keys: ['number'], columns: 'name, alerts', toRow: plain },
  sourceHours: {
    from: 'source_hours',
    keys: ['hour', 'source'],
    columns: `hour, source, received, accepted, duplicates, routed, gone_routed AS goneRouted,
      gone_unrouted AS goneUnrouted, gone_quarantined AS goneQuarantined, gone_probes AS goneProbes`,
    toRow: withSource<Numbered<MovedRows['sourceHours'], 'source'>>,
  },
  sinkHours: {
    from: 'sink_hours',
    keys: ['hour', 'sink'],
    columns:
      'hour, sink, owed, gone_delivered AS goneDelivered, gone_dead AS goneDead, gone_superseded AS goneSuperseded',
    toRow: withSink<Numbered<MovedRows['sinkHours'], 'sink'>>,
  },
  replays: {
    from: 'replays',
    keys: ['number'],
    columns: `id, key, request, created_at AS createdAt, finished_at AS finishedAt, place,
      looked, owed, delivered, dead, outdated, unconfigured`,
    toRow: withId<Omit<MovedRows['replays'], 'id'> & { readonly id: Buffer }>,
  },
  requests: {
    from: 'requests',
    keys: ['seq'],
    columns: 'seq, id, source, received_at AS receivedAt, arrival, probe, bytes, body',
    toRow: (row: RequestRow, names) => {
      const { bytes, body, ...rest } = withSource(withId(row), names);
      return { ...rest, body: restore({ bytes, body }) };
    },
    bytesOf: ({ bytes, body }: RequestRow) => bytes ?? body.length,
  },
  unread: { from: 'unread', keys: ['seq'], columns: 'seq, request, position, reason', toRow: plain },
  alerts: {
    from: 'alerts',
    keys: ['seq'],
    columns: `seq, id, request, source, received_at AS acceptedAt, fingerprint, dedup_key AS dedupKey, previous,
      kind, state, severity, is_first, superseded, duplicates, decision, json`,
    toRow: (row: AlertRow, names) => {
      const { is_first: isFirst, superseded, decision, json, ...rest } = withSource(withId(row), names);
      const { routes, sinks } = names.decisions.get(decision);
      return {
        ...rest,
        isFirst: isFirst === 1,
        superseded: superseded === 1,
        decision: { routes, sinks },
        json: json.toString(),
      };
    },
    bytesOf: ({ json }: AlertRow) => json.length,
  },
  findings: {
    from: 'findings',
    keys: ['fingerprint'],
    columns: 'fingerprint, alert, newest_at AS newestAt, ended',
    toRow: (row: FindingRow) => ({ ...row, ended: row.ended === 1 }),
  },
  newestReports: {
    from: 'findings',
    keys: ['fingerprint'],
    columns: 'fingerprint, dedup_key AS dedupKey, alert, received_at AS receivedAt',
    toRow: plain<MovedReport>,
  },
  // One that came again after the window is the newest of its finding as well, with another alert.
  earlierReports: {
    from: `(SELECT * FROM reports AS r WHERE NOT EXISTS (
      SELECT 1 FROM findings AS f WHERE f.fingerprint = r.fingerprint AND f.dedup_key = r.dedup_key
    ))`,
    keys: ['fingerprint', 'dedup_key'],
    columns: 'fingerprint, dedup_key AS dedupKey, alert, received_at AS receivedAt',
    toRow: plain<MovedReport>,
  },
  owed: {
    from: 'owed',
    keys: ['sink', 'alert'],
    columns: `sink, alert, attempts, due_at AS dueAt, (SELECT id FROM replays WHERE number = owed.replay) AS replay`,
    toRow: (row: OwedRow, names) => {
      const { replay, ...rest } = withSink(row, names);
      return { ...rest, replay: replay && toUuid(replay) };
    },
  },
  settled: {
    from: 'settled',
    keys: ['alert', 'sink'],
    columns: 'alert, sink, state, attempts, settled_at AS settledAt, remote_id AS remoteId, fault, reason',
    toRow: withSink<Numbered<MovedRows['settled'], 'sink'>>,
  },
  earlierAttempts: {
    from: 'attempts',
    keys: ['alert', 'sink', 'number'],
    columns: 'alert, sink, number, attempt',
    toRow: withSink<AttemptRow>,
  },
  lastAttempts: {
    from: '(SELECT alert, sink, attempts AS number, attempt FROM settled WHERE attempt IS NOT NULL)',
    keys: ['alert', 'sink'],
    columns: 'alert, sink, number, attempt',
    toRow: withSink<AttemptRow>,
  },
  replayed: {
    from: 'replayed',
    keys: ['alert', 'sink'],
    columns: `alert, sink, at, attempts, (SELECT id FROM replays WHERE number = replayed.replay) AS replay,
      (SELECT id FROM replays WHERE number = replayed.newest_replay) AS newestReplay`,
    toRow: (row: ReplayedRow, names) => {
      const { replay, newestReplay, ...rest } = withSink(row, names);
      return { ...rest, replay: toUuid(replay), newestReplay: toUuid(newestReplay) };
    },
  },
  secondWays: {
    from: 'second_ways',
    keys: ['alert'],
    columns: 'alert, by_pull, at, added, is_late',
    toRow: ({ by_pull: byPull, is_late: isLate, ...rest }: SecondRow) => ({
      ...rest,
      byPull: byPull === 1,
      isLate: isLate === 1,
    }),
  },
  lookups: { from: 'lookups', keys: ['alert'], columns: 'alert, record', toRow: plain },
  pulled: {
    from: 'pulled',
    keys: ['fingerprint', 'source'],
    columns: 'fingerprint, source, day, by_webhook AS byWebhook, seen_at AS seenAt',
    toRow: (row: PulledRow, names) => ({ ...withSource(row, names), byWebhook: row.byWebhook === 1 }),
  },
  pullDays: {
    from: 'pull_days',
    keys: ['source', 'day'],
    columns: 'source, day, total, webhook, recovered, changes, unread',
    toRow: withSource<Numbered<MovedRows['pullDays'], 'source'>>,
  },
  audit: { from: 'audit', keys: ['seq'], columns: '*', toRow: (row: AuditRow) => toEntry(row) },
};

/** A row that has a number in the place of a name. */
type Numbered<R, Key extends keyof R> = Omit<R, Key> & Readonly<Record<Key, number>>;

type SinkRow = Omit<MovedRows['sinks'], 'parked'> & {
  readonly parked_reason: string | null;
  readonly parked_at: number;
  readonly parked_by: ParkedBy;
};
type RequestRow = Numbered<Omit<MovedRows['requests'], 'id'>, 'source'> & {
  readonly id: Buffer;
  readonly bytes: number | null;
};
type AlertRow = Numbered<Omit<MovedRows['alerts'], 'id' | 'isFirst' | 'json'>, 'source' | 'superseded' | 'decision'> & {
  readonly id: Buffer;
  readonly is_first: number;
  readonly json: Buffer;
};
type FindingRow = Numbered<MovedRows['findings'], 'ended'>;
type OwedRow = Numbered<Omit<MovedRows['owed'], 'replay'>, 'sink'> & { readonly replay: Buffer | null };
type AttemptRow = Numbered<MovedAttempt, 'sink'>;
type ReplayedRow = Numbered<Omit<MovedRows['replayed'], 'replay' | 'newestReplay'>, 'sink'> & {
  readonly replay: Buffer;
  readonly newestReplay: Buffer;
};
type SecondRow = Omit<MovedRows['secondWays'], 'byPull' | 'isLate'> & {
  readonly by_pull: number;
  readonly is_late: number;
};
type PulledRow = Numbered<MovedRows['pulled'], 'source' | 'byWebhook'>;

/** The columns are named and typed as the row's fields are. */
function plain<Row>(row: Row): Row {
  return row;
}

function withId<Row extends { readonly id: Buffer }>(row: Row): Omit<Row, 'id'> & { readonly id: string } {
  return { ...row, id: toUuid(row.id) };
}

function withSource<Row extends { readonly source: number }>(
  row: Row,
  names: Ledger,
): Omit<Row, 'source'> & { readonly source: string } {
  return { ...row, source: names.sources.nameOf(row.source) };
}

function withSink<Row extends { readonly sink: number }>(
  row: Row,
  names: Ledger,
): Omit<Row, 'sink'> & { readonly sink: string } {
  return { ...row, sink: names.sinks.nameOf(row.sink) };
}
