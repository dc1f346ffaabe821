import type Database from 'better-sqlite3';
import { deliveryStates } from '../../core/journal.js';
import {
  hourOf,
  noSinkSums,
  noSourceSums,
  type Books,
  type LedgerRange,
  type SinkHour,
  type SourceHour,
} from '../../core/ledger.js';
import type { NumberRange } from '../../core/missing.js';
import type { Acceptance } from './acceptance.js';
import type { Debts } from './debts.js';
import type { Gaps } from './gaps.js';
import type { Ledger } from './ledger.js';

/** The books as they were kept, and which rows must be counted to check the hours. */
export type Kept = Books & { readonly requests: NumberRange; readonly alerts: NumberRange };

export type Counted = Books['hours'];

type HourRow = Record<
  | 'hour'
  | 'source'
  | 'received'
  | 'accepted'
  | 'duplicates'
  | 'quarantined'
  | 'probes'
  | 'routed'
  | 'unrouted'
  | 'first_request'
  | 'last_request'
  | 'first_alert'
  | 'last_alert',
  number
>;
type OwedRow = Record<'hour' | 'sink' | 'owed' | 'delivered' | 'dead' | 'superseded', number>;
type Bounds = [after: number, to: number, from: number, until: number];

const hour = (table: string) => `${table}.received_at / 3600000`;
const within = (table: string) => `${hour(table)} >= ? AND ${hour(table)} < ?`;

/**
 * The ledger's two sides: what was counted when it happened, and the rows as they are. Rows that were purged were
 * counted then. A number is looked at once in a count, so what is settled meanwhile is on one side or the other.
 */
export class BookKeeping {
  readonly #selectSources;
  readonly #selectSinks;
  readonly #sumSources;
  readonly #sumSinks;
  readonly #countAlerts;
  readonly #countSettled;
  readonly #countOwed;
  readonly #countProbes;
  readonly #countUnread;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly debts: Debts,
    private readonly acceptance: Acceptance,
    private readonly gaps: Gaps,
  ) {
    this.#selectSources = db.prepare<[number, number], HourRow>(
      `SELECT hour, source, received, accepted, duplicates, gone_quarantined AS quarantined, gone_probes AS probes,
              gone_routed AS routed, gone_unrouted AS unrouted, first_request, last_request, first_alert, last_alert
       FROM source_hours WHERE hour >= ? AND hour < ?`,
    );
    this.#selectSinks = db.prepare<[number, number], OwedRow>(
      `SELECT hour, sink, owed, gone_delivered AS delivered, gone_dead AS dead, gone_superseded AS superseded
       FROM sink_hours WHERE hour >= ? AND hour < ?`,
    );
    this.#sumSources = db
      .prepare<[], [number, number, number]>('SELECT source, sum(received), sum(routed) FROM source_hours GROUP BY 1')
      .raw();
    this.#sumSinks = db.prepare<[], [number, number]>('SELECT sink, sum(owed) FROM sink_hours GROUP BY 1').raw();
    this.#countAlerts = db
      .prepare<Bounds, [number, number, number, number]>(
        `SELECT ${hour('alerts')}, source, decision, count(*) FROM alerts
         WHERE seq > ? AND seq <= ? AND ${within('alerts')} GROUP BY 1, 2, 3`,
      )
      .raw();
    // An alert that is gone while something of it is left is not counted: then the hour does not balance.
    this.#countSettled = db
      .prepare<Bounds, [number, number, number, number]>(
        `SELECT ${hour('alerts')}, settled.sink, settled.state, count(*)
         FROM settled JOIN alerts ON alerts.seq = settled.alert
         WHERE alert > ? AND alert <= ? AND ${within('alerts')} GROUP BY 1, 2, 3`,
      )
      .raw();
    this.#countOwed = db
      .prepare<[sink: number, ...Bounds], [number, number]>(
        `SELECT ${hour('alerts')}, count(*) FROM owed JOIN alerts ON alerts.seq = owed.alert
         WHERE sink = ? AND alert > ? AND alert <= ? AND ${within('alerts')} GROUP BY 1`,
      )
      .raw();
    this.#countProbes = db
      .prepare<Bounds, [number, number, number]>(
        `SELECT ${hour('requests')}, source, count(*) FROM requests
         WHERE probe IS NOT NULL AND seq > ? AND seq <= ? AND ${within('requests')} GROUP BY 1, 2`,
      )
      .raw();
    this.#countUnread = db
      .prepare<Bounds, [number, number, number]>(
        `SELECT ${hour('requests')}, source, count(*) FROM unread JOIN requests ON requests.seq = unread.request
         WHERE request > ? AND request <= ? AND ${within('requests')} GROUP BY 1, 2`,
      )
      .raw();
  }

  /** Without a range, no hours. */
  kept(range: LedgerRange | undefined): Kept {
    const bounds = hoursOf(range);
    const sources = this.#selectSources.all(...bounds);
    const { last } = this.acceptance;
    return {
      totals: this.#totals(),
      hours: {
        sources: sources.map((row) => ({
          hour: row.hour,
          source: this.ledger.sources.nameOf(row.source),
          received: row.received,
          accepted: row.accepted,
          duplicates: row.duplicates,
          quarantined: row.quarantined,
          probes: row.probes,
          routed: row.routed,
          unrouted: row.unrouted,
        })),
        sinks: this.#selectSinks
          .all(...bounds)
          .map((row) => ({ ...row, pending: 0, sink: this.ledger.sinks.nameOf(row.sink) })),
      },
      lastNumber: last.alert,
      parked: this.ledger.sinks.all().flatMap(({ name }) => (this.debts.parked(name) ? [name] : [])),
      missing: this.gaps.all(),
      requests: spanOf(sources, 'first_request', 'last_request', last.request),
      alerts: spanOf(sources, 'first_alert', 'last_alert', last.alert),
    };
  }

  /** The alerts with numbers above `after`, up to `to`, and what is owed and settled of them. */
  countAlerts(range: LedgerRange, after: number, to: number): Counted {
    const bounds: Bounds = [after, to, ...hoursOf(range)];
    const sources = this.#countAlerts.all(...bounds).map(([at, source, decision, count]): SourceHour => {
      const isRouted = this.ledger.decisions.get(decision).routes.length > 0;
      return { ...noSourceSums, ...this.#ofSource(at, source), [isRouted ? 'routed' : 'unrouted']: count };
    });
    const settled = this.#countSettled.all(...bounds).map(([at, sink, state, count]): SinkHour => {
      const name = deliveryStates[state] ?? 'pending';
      return { ...noSinkSums, hour: at, sink: this.ledger.sinks.nameOf(sink), [name]: count };
    });
    const owed = this.ledger.sinks
      .all()
      .flatMap(({ number, name }) =>
        this.#countOwed
          .all(number, ...bounds)
          .map(([at, count]): SinkHour => ({ ...noSinkSums, hour: at, sink: name, pending: count })),
      );
    return { sources, sinks: [...settled, ...owed] };
  }

  /** What of the requests with numbers above `after`, up to `to`, was quarantined or a probe. */
  countRequests(range: LedgerRange, after: number, to: number): Counted {
    const bounds: Bounds = [after, to, ...hoursOf(range)];
    const counted = (rows: readonly [number, number, number][], as: 'probes' | 'quarantined') =>
      rows.map(([at, source, count]): SourceHour => ({
        ...noSourceSums,
        ...this.#ofSource(at, source),
        [as]: count,
      }));
    const probes = counted(this.#countProbes.all(...bounds), 'probes');
    return { sources: [...probes, ...counted(this.#countUnread.all(...bounds), 'quarantined')], sinks: [] };
  }

  /** `received`, `routed` and `owed` are kept by hour alone, the others apart from that. */
  #totals(): Books['totals'] {
    const sources = new Map(this.#sumSources.all().map(([source, ...sums]) => [source, sums]));
    const sinks = new Map(this.#sumSinks.all());
    return {
      sources: this.ledger.sources
        .all()
        .map(({ number, name, accepted, duplicates, quarantined, probes, unrouted }) => {
          const [received = 0, routed = 0] = sources.get(number) ?? [];
          return { source: name, received, accepted, duplicates, quarantined, probes, routed, unrouted };
        }),
      sinks: this.ledger.sinks.all().map(({ number, name, pending, delivered, dead, superseded }) => ({
        sink: name,
        owed: sinks.get(number) ?? 0,
        delivered,
        pending,
        dead,
        superseded,
      })),
    };
  }

  #ofSource(at: number, source: number): Pick<SourceHour, 'hour' | 'source'> {
    return { hour: at, source: this.ledger.sources.nameOf(source) };
  }
}

function hoursOf(range: LedgerRange | undefined): [from: number, until: number] {
  return range ? [hourOf(range.from), hourOf(range.until - 1) + 1] : [0, 0];
}

/** The numbers that hours may be among, none after the last: what is accepted while rows are counted is left out. */
function spanOf(
  rows: readonly HourRow[],
  first: 'first_request' | 'first_alert',
  last: 'last_request' | 'last_alert',
  newest: number,
): NumberRange {
  const from = rows.reduce((least, row) => Math.min(least, row[first]), Number.MAX_SAFE_INTEGER);
  return { from, to: Math.min(newest, Math.max(0, ...rows.map((row) => row[last]))) };
}
