import { deliveryStates, type JournalCounts } from '../../core/journal.js';
import {
  hourOf,
  ledgerOf,
  noSinkSums,
  noSourceSums,
  type Ledger,
  type LedgerRange,
  type SinkHour,
  type SinkSums,
  type SourceHour,
  type SourceSums,
} from '../../core/ledger.js';
import { sizeOf } from '../../core/missing.js';
import { missingOf } from './missing.js';
import type { Tables } from './tables.js';
import { sinkSums, sourceSums, type SinkSum, type SourceSum } from './counting.js';
import type { Query } from './database.js';
import { parkedOf, type ParkedRow } from './deliveries.js';
import { pullStates } from './pulls.js';
import { decode } from './rows.js';

const hour = (time: string): string => `${time} / 3600000`;

type SourceRow = Record<SourceSum, number> & { readonly name: string };
type SinkRow = Record<SinkSum, number> & { readonly name: string };
type HourRow<Row> = Row & { readonly hour: number };
type Counted = { readonly hour: number; readonly name: string; readonly what: number; readonly count: number };

const sumsOf = (names: readonly string[]): string =>
  names.map((name) => `coalesce(sum(h.${name}), 0)::bigint AS ${name}`).join(', ');

const inHours = (time: string): string => `${time} >= $1::bigint * 3600000 AND ${time} < $2::bigint * 3600000`;

const statements = {
  sources: `SELECT s.name, ${sumsOf(sourceSums)} FROM sources AS s LEFT JOIN source_hours AS h ON h.source = s.number
    GROUP BY s.number, s.name ORDER BY s.number`,
  sinks: `SELECT s.name, ${sumsOf(sinkSums)} FROM sinks AS s LEFT JOIN sink_hours AS h ON h.sink = s.number
    GROUP BY s.number, s.name ORDER BY s.number`,
  sourceHours: `SELECT h.hour, s.name, ${sumsOf(sourceSums)} FROM source_hours AS h JOIN sources AS s ON s.number = h.source
    WHERE h.hour >= $1 AND h.hour < $2 GROUP BY h.hour, s.number, s.name ORDER BY h.hour, s.number`,
  sinkHours: `SELECT h.hour, s.name, ${sumsOf(sinkSums)} FROM sink_hours AS h JOIN sinks AS s ON s.number = h.sink
    WHERE h.hour >= $1 AND h.hour < $2 GROUP BY h.hour, s.number, s.name ORDER BY h.hour, s.number`,
  alerts: `SELECT ${hour('a.accepted_at')} AS hour, s.name, (d.text LIKE '{"routes":[],%')::integer AS what, count(*) AS count
    FROM alerts AS a JOIN sources AS s ON s.number = a.source JOIN decisions AS d ON d.number = a.decision
    WHERE ${inHours('a.accepted_at')} GROUP BY 1, 2, 3`,
  unread: `SELECT ${hour('r.received_at')} AS hour, s.name, 0 AS what, count(*) AS count FROM unread AS u
    JOIN requests AS r ON r.seq = u.request JOIN sources AS s ON s.number = r.source
    WHERE ${inHours('r.received_at')} GROUP BY 1, 2`,
  probes: `SELECT ${hour('r.received_at')} AS hour, s.name, 0 AS what, count(*) AS count FROM requests AS r
    JOIN sources AS s ON s.number = r.source WHERE r.probe IS NOT NULL AND ${inHours('r.received_at')} GROUP BY 1, 2`,
  settled: `SELECT ${hour('a.accepted_at')} AS hour, s.name, d.state AS what, count(*) AS count FROM settled AS d
    JOIN alerts AS a ON a.seq = d.alert JOIN sinks AS s ON s.number = d.sink
    WHERE ${inHours('a.accepted_at')} GROUP BY 1, 2, 3`,
  owed: `SELECT ${hour('o.accepted_at')} AS hour, s.name, 0 AS what, count(*) AS count FROM owed AS o
    JOIN sinks AS s ON s.number = o.sink WHERE ${inHours('o.accepted_at')} GROUP BY 1, 2`,
  allOwed: 'SELECT s.name, count(*) AS count FROM owed AS o JOIN sinks AS s ON s.number = o.sink GROUP BY s.name',
  routes: `SELECT r.name, coalesce(sum(c.alerts), 0)::bigint AS alerts FROM routes AS r
    LEFT JOIN route_counts AS c ON c.route = r.number GROUP BY r.number, r.name ORDER BY r.number`,
  backlogs: `SELECT name, parked_reason, parked_at, parked_by, (
      SELECT o.accepted_at FROM owed AS o WHERE o.sink = number ORDER BY o.alert LIMIT 1
    ) AS oldest FROM sinks ORDER BY number`,
};

type BacklogRow = ParkedRow & {
  readonly name: string;
  readonly oldest: number | null;
};

/** Everything is read as of one moment. */
const asOfNow = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** Totals since the journal began, of all routers. */
export function counts({ database }: Tables): Promise<JournalCounts> {
  return database.transaction(async ({ query }) => {
    const sources = await query<SourceRow>(statements.sources);
    const routes = await query<{ name: string; alerts: number }>(statements.routes);
    const sinks = new Map((await query<SinkRow>(statements.sinks)).map((row) => [row.name, row]));
    const backlogs = await query<BacklogRow>(statements.backlogs);
    return {
      sources: sources.map(({ name, requests, accepted, duplicates, quarantined, probes, unrouted }) => ({
        source: decode(name),
        requests,
        accepted,
        duplicates,
        quarantined,
        probes,
        unrouted,
      })),
      routes: routes.map(({ name, alerts }) => ({ route: decode(name), alerts })),
      sinks: backlogs.map((row) => {
        const { owed = 0, delivered = 0, dead = 0, superseded = 0 } = sinks.get(row.name) ?? {};
        const parked = parkedOf(row);
        return {
          sink: decode(row.name),
          pending: owed - delivered - dead - superseded,
          delivered,
          dead,
          superseded,
          ...(row.oldest !== null && { oldestPendingAt: row.oldest }),
          ...(parked && { parked }),
        };
      }),
      pulls: await pullStates(query),
      missing: await missingOf(query),
    };
  }, asOfNow);
}

/** The account of every alert: what was counted on one side, the rows on the other. */
export function ledger({ database }: Tables, range: LedgerRange | undefined): Promise<Ledger> {
  const hours = range ? [hourOf(range.from), hourOf(range.until - 1) + 1] : [0, 0];
  return database.transaction(async ({ query }) => {
    const sources = await query<SourceRow>(statements.sources);
    const backlogs = await query<BacklogRow>(statements.backlogs);
    const owed = new Map(
      (await query<{ name: string; count: number }>(statements.allOwed)).map(({ name, count }) => [name, count]),
    );
    const sinks = await query<SinkRow>(statements.sinks);
    const missing = await missingOf(query);
    return ledgerOf({
      totals: {
        sources: sources.map((row) => ({ source: decode(row.name), ...sourceSumsOf(row) })),
        sinks: sinks.map((row) => ({
          sink: decode(row.name),
          owed: row.owed,
          delivered: row.delivered,
          pending: owed.get(row.name) ?? 0,
          dead: row.dead,
          superseded: row.superseded,
        })),
      },
      hours: { sources: await sourceHours(query, hours), sinks: await sinkHours(query, hours) },
      // Numbers have holes here: what was rolled back had some.
      lastNumber:
        sources.reduce((sum, { accepted }) => sum + accepted, 0) +
        missing.reduce((sum, { alerts }) => sum + sizeOf(alerts), 0),
      parked: backlogs.flatMap((row) => (parkedOf(row) ? [decode(row.name)] : [])),
      missing,
    });
  }, asOfNow);
}

function sourceSumsOf({
  received,
  accepted,
  duplicates,
  quarantined,
  probes,
  routed,
  unrouted,
}: SourceRow): SourceSums {
  return { received, accepted, duplicates, quarantined, probes, routed, unrouted };
}

async function sourceHours(query: Query, hours: readonly number[]): Promise<readonly SourceHour[]> {
  const told = await query<HourRow<SourceRow>>(statements.sourceHours, hours);
  const counted = (rows: readonly Counted[], toSums: (row: Counted) => Partial<SourceSums>) =>
    rows.map((row) => ({ ...noSourceSums, hour: row.hour, source: decode(row.name), ...toSums(row) }));
  return [
    ...told.map((row) => ({
      ...noSourceSums,
      hour: row.hour,
      source: decode(row.name),
      received: row.received,
      accepted: row.accepted,
      duplicates: row.duplicates,
      quarantined: row.gone_quarantined,
      probes: row.gone_probes,
      routed: row.gone_routed,
      unrouted: row.gone_unrouted,
    })),
    ...counted(await query<Counted>(statements.alerts, hours), ({ what, count }) =>
      what === 1 ? { unrouted: count } : { routed: count },
    ),
    ...counted(await query<Counted>(statements.unread, hours), ({ count }) => ({ quarantined: count })),
    ...counted(await query<Counted>(statements.probes, hours), ({ count }) => ({ probes: count })),
  ];
}

async function sinkHours(query: Query, hours: readonly number[]): Promise<readonly SinkHour[]> {
  const told = await query<HourRow<SinkRow>>(statements.sinkHours, hours);
  const counted = (rows: readonly Counted[]) =>
    rows.map(({ hour: at, name, what, count }) => {
      const state: keyof SinkSums = deliveryStates[what] ?? 'pending';
      return { ...noSinkSums, hour: at, sink: decode(name), [state]: count };
    });
  return [
    ...told.map((row) => ({
      ...noSinkSums,
      hour: row.hour,
      sink: decode(row.name),
      owed: row.owed,
      delivered: row.gone_delivered,
      dead: row.gone_dead,
      superseded: row.gone_superseded,
    })),
    ...counted(await query<Counted>(statements.settled, hours)),
    ...counted(await query<Counted>(statements.owed, hours)),
  ];
}
