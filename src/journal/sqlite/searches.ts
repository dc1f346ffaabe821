import type Database from 'better-sqlite3';
import { kinds, severities, states } from '../../core/alert.js';
import {
  type AlertQuery,
  type AlertSummary,
  type Attempt,
  type DeliveryQuery,
  type DeliverySummary,
  type RequestRecord,
} from '../../core/journal.js';
import { present } from '../../kit/present.js';
import { idOrNothing, toUuid } from './bytes.js';
import type { Findings } from './findings.js';
import type { Ledger } from './ledger.js';
import type { Records } from './records.js';
import { alertColumns, requestColumns, type AlertRow, type RequestRow } from './rows.js';

/**
 * A bounded stretch of a search, newest first: what was found, each with its place, and where to go on; no `rest`: all
 * was looked at. The caller goes on until its page is full, so that no search holds the writer up for long.
 */
export type Stretch<T> = {
  readonly found: readonly { readonly place: string; readonly item: T }[];
  readonly rest?: string;
};

/** How many at most, and after which place. */
export type From = { readonly limit: number; readonly place?: string };

/** Where an alert stands. */
type Place = Pick<AlertRow, 'seq' | 'received_at'>;
type AlertsOfSink = Database.Statement<[sink: number, before: number, limit: number], number>;

const alertsPerStretch = 1_000;
const deliveriesPerStretch = 500;
/** Alerts are numbered as they are accepted, whatever the clock says: this far off a bound there may be some more. */
const clockSlackMs = 3_600_000;

export class Searches {
  readonly #selectAlerts;
  readonly #selectAlert;
  readonly #selectFrom;
  readonly #selectOwed;
  readonly #selectDead;
  readonly #selectUnread;
  readonly #selectProbes;
  readonly #selectNth;
  readonly #selectWith;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly findings: Findings,
    private readonly records: Records,
  ) {
    this.#selectAlerts = db.prepare<[number, number], AlertRow>(
      `SELECT ${alertColumns} FROM alerts WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
    );
    this.#selectAlert = db.prepare<[number], AlertRow>(`SELECT ${alertColumns} FROM alerts WHERE seq = ?`);
    this.#selectFrom = db.prepare<[number], Place>(
      'SELECT seq, received_at FROM alerts WHERE seq >= ? ORDER BY seq LIMIT 1',
    );
    this.#selectNth = db.prepare<[number, number], Place>(
      'SELECT seq, received_at FROM alerts WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?',
    );
    this.#selectWith = db.prepare<[number, number, Buffer], AlertRow>(
      `SELECT ${alertColumns} FROM alerts WHERE seq < ? AND seq >= ? AND instr(json, ?) > 0 ORDER BY seq DESC`,
    );
    const ofSink = 'WHERE sink = ? AND alert < ? ORDER BY alert DESC LIMIT ?';
    this.#selectOwed = db.prepare<[number, number, number], number>(`SELECT alert FROM owed ${ofSink}`).pluck();
    this.#selectDead = db
      .prepare<[number, number, number], number>(
        `SELECT alert FROM settled WHERE state = 2 AND sink = ? AND alert < ? ORDER BY alert DESC LIMIT ?`,
      )
      .pluck();
    this.#selectUnread = db.prepare<
      [number, number],
      RequestRow & { unread: number; position: number | null; reason: string }
    >(
      `SELECT ${requestColumns}, unread.seq AS unread, position, reason FROM unread
       JOIN requests ON requests.seq = unread.request WHERE unread.seq < ? ORDER BY unread.seq DESC LIMIT ?`,
    );
    this.#selectProbes = db.prepare<[number, number], RequestRow & { probe: string }>(
      `SELECT ${requestColumns}, probe FROM requests WHERE probe IS NOT NULL AND seq < ? ORDER BY seq DESC LIMIT ?`,
    );
  }

  alerts(query: AlertQuery, { limit, place }: From): Stretch<AlertSummary> {
    const { rows, reached } = this.#stretchFor(query, place);
    const found = rows.filter((row) => this.#matches(row, query)).slice(0, limit);
    const last = found.length === limit ? found.at(-1) : reached;
    const isOver = last === undefined || last.received_at < (query.from ?? 0) - clockSlackMs;
    return {
      found: found.map((row) => ({ place: String(row.seq), item: this.#summaryOf(row) })),
      ...(!isOver && { rest: String(last.seq) }),
    };
  }

  deliveries(query: DeliveryQuery, from: From): Stretch<DeliverySummary> {
    if (query.state === 'pending') return this.#indexedDeliveries(this.#selectOwed, query, from);
    if (query.state === 'dead' || query.fault !== undefined) {
      return this.#indexedDeliveries(this.#selectDead, query, from);
    }
    return this.#scannedDeliveries(query, from);
  }

  quarantine({ limit, place }: From): Stretch<RequestRecord> {
    return stretchOf(this.#selectUnread.all(toNumber(place), limit), limit, (row) => ({
      place: String(row.unread),
      item: { ...this.#requestRecord(row, row.reason), ...(row.position !== null && { index: row.position }) },
    }));
  }

  probes({ limit, place }: From): Stretch<RequestRecord> {
    const rows = this.#selectProbes.all(toNumber(place), limit);
    return stretchOf(rows, limit, (row) => ({ place: String(row.seq), item: this.#requestRecord(row, row.probe) }));
  }

  /** Those of a stretch of the journal that may match, and the last alert that it looked at. */
  #stretchFor(
    query: AlertQuery,
    place: string | undefined,
  ): { readonly rows: readonly AlertRow[]; readonly reached: Place | undefined } {
    const { fingerprint, vendorId } = query;
    if (fingerprint === undefined && vendorId !== undefined) return this.#alertsWith(vendorId, place);
    const rows = fingerprint === undefined ? this.#newestAlerts(query, place) : this.#alertsOf(fingerprint, place);
    return { rows, reached: rows.at(-1) };
  }

  /** Few alerts have the text of an id anywhere, so that few are read. An index would cost each accept a page. */
  #alertsWith(
    id: string,
    place: string | undefined,
  ): { readonly rows: readonly AlertRow[]; readonly reached: Place | undefined } {
    const before = toNumber(place);
    const reached = this.#selectNth.get(before, alertsPerStretch - 1) ?? this.#selectFrom.get(0);
    if (!reached || reached.seq >= before) return { rows: [], reached: undefined };
    return { rows: this.#selectWith.all(before, reached.seq, quoted(id)), reached };
  }

  #newestAlerts({ until }: AlertQuery, place: string | undefined): readonly AlertRow[] {
    const before = toNumber(place);
    const start = until === undefined ? before : Math.min(before, this.#firstAfter(until + clockSlackMs));
    return this.#selectAlerts.all(start, alertsPerStretch);
  }

  /** Those of one finding: each knows the one before it. */
  #alertsOf(fingerprint: string, place: string | undefined): readonly AlertRow[] {
    const key = idOrNothing(fingerprint);
    const rows: AlertRow[] = [];
    const last = key && this.findings.lastAlertOf(key);
    let seq = place === undefined ? last : this.#selectAlert.get(toNumber(place))?.previous;
    while (seq !== undefined && seq !== null && rows.length < alertsPerStretch) {
      const row = this.#selectAlert.get(seq);
      if (!row) break;
      rows.push(row);
      seq = row.previous;
    }
    return rows;
  }

  /** About the number of the first alert accepted at `time`: the journal is in that order but for clocks set back. */
  #firstAfter(time: number): number {
    let low = 0;
    let high = this.#selectAlerts.get(Number.MAX_SAFE_INTEGER, 1)?.seq ?? 0;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#selectFrom.get(middle);
      if (row && row.received_at < time) low = row.seq + 1;
      else high = middle;
    }
    return low + 1;
  }

  #matches(row: AlertRow, query: AlertQuery): boolean {
    const { kind, state, severity, from = 0, until = Number.POSITIVE_INFINITY } = query;
    return (
      (query.source === undefined || this.ledger.sources.nameOf(row.source) === query.source) &&
      (kind === undefined || kinds[row.kind] === kind) &&
      (state === undefined || states[row.state] === state) &&
      (severity === undefined || severities[row.severity] === severity) &&
      row.received_at >= from &&
      row.received_at < until &&
      (query.unrouted === undefined ||
        query.unrouted === (this.ledger.decisions.get(row.decision).routes.length === 0)) &&
      (query.fingerprint === undefined || query.fingerprint.startsWith(row.fingerprint.toString('hex'))) &&
      (query.vendorId === undefined || Object.values(this.records.alertOf(row).vendorIds).includes(query.vendorId)) &&
      ((query.sink === undefined && query.deliveryState === undefined) ||
        this.#deliveriesOf(row, present({ sink: query.sink, state: query.deliveryState })).length > 0)
    );
  }

  #summaryOf(row: AlertRow): AlertSummary {
    const { id, fingerprint, receivedAt, kind, state, severity, title } = this.records.alertOf(row);
    return {
      id,
      fingerprint,
      receivedAt,
      source: this.ledger.sources.nameOf(row.source),
      kind,
      state,
      severity,
      title,
      superseded: row.superseded === 1,
      routes: this.ledger.decisions.get(row.decision).routes,
      deliveries: this.records
        .deliveriesOf(row)
        .map(({ record }) => ({ sink: record.sink, state: record.state, attempts: record.attempts })),
    };
  }

  #requestRecord({ id, source, received_at: receivedAt, arrival, bytes }: RequestRow, reason: string): RequestRecord {
    const { contentType } = JSON.parse(arrival) as { contentType: string };
    return {
      requestId: toUuid(id),
      source: this.ledger.sources.nameOf(source),
      receivedAt,
      contentType,
      bytes,
      reason,
    };
  }

  /** The deliveries of an alert that pass a filter; those of the last sink first. */
  #deliveriesOf(row: AlertRow, { sink, state, fault }: DeliveryQuery): ReturnType<Records['deliveriesOf']> {
    return this.records
      .deliveriesOf(row)
      .filter(
        ({ record }) =>
          (sink ?? record.sink) === record.sink &&
          (state ?? record.state) === record.state &&
          (fault ?? record.fault) === record.fault,
      )
      .sort((a, b) => b.sink - a.sink);
  }

  #scannedDeliveries(query: DeliveryQuery, { limit, place }: From): Stretch<DeliverySummary> {
    const from = placeOf(place);
    const rows = this.#selectAlerts.all(from.alert + 1, alertsPerStretch);
    const found: { place: string; item: DeliverySummary }[] = [];
    for (const row of rows) {
      if (!this.#matches(row, alertPartOf(query))) continue;
      for (const delivery of this.#deliveriesOf(row, query)) {
        if (row.seq === from.alert && delivery.sink >= from.sink) continue;
        const place = `${row.seq}.${delivery.sink}`;
        found.push({ place, item: this.#deliverySummaryOf(row, delivery) });
        if (found.length === limit) return { found, rest: place };
      }
    }
    const last = rows.at(-1);
    return { found, ...(last && last.seq < from.alert && { rest: `${last.seq}.0` }) };
  }

  #indexedDeliveries(select: AlertsOfSink, query: DeliveryQuery, { limit, place }: From): Stretch<DeliverySummary> {
    const from = placeOf(place);
    const sinks = this.ledger.sinks.all().filter(({ name }) => name === (query.sink ?? name));
    const rows = sinks
      .flatMap(({ number, name }) => {
        const before = number < from.sink ? from.alert + 1 : from.alert;
        return select.all(number, before, deliveriesPerStretch).map((alert) => ({ alert, number, name }));
      })
      .sort((a, b) => b.alert - a.alert || b.number - a.number)
      .slice(0, deliveriesPerStretch);
    const found: { place: string; item: DeliverySummary }[] = [];
    for (const { alert, number, name } of rows) {
      const row = this.#selectAlert.get(alert);
      if (!row || !this.#matches(row, alertPartOf(query))) continue;
      for (const delivery of this.#deliveriesOf(row, { ...query, sink: name })) {
        found.push({ place: `${alert}.${number}`, item: this.#deliverySummaryOf(row, delivery) });
      }
      if (found.length === limit) return { found, rest: `${alert}.${number}` };
    }
    const last = rows.at(-1);
    return { found, ...(last && rows.length === deliveriesPerStretch && { rest: `${last.alert}.${last.number}` }) };
  }

  #deliverySummaryOf(
    row: AlertRow,
    { record, sink, attempt }: ReturnType<Records['deliveriesOf']>[number],
  ): DeliverySummary {
    const { id, receivedAt, severity, title } = this.records.alertOf(row);
    const last = attempt ?? this.records.lastAttempt(row.seq, sink);
    const answer = last === undefined ? undefined : (JSON.parse(last) as Attempt).answer;
    return {
      ...record,
      alertId: id,
      receivedAt,
      source: this.ledger.sources.nameOf(row.source),
      severity,
      title,
      ...(answer && { answer }),
    };
  }
}

/** What a search for deliveries asks of their alerts. */
function alertPartOf({ source, severity, from, until }: DeliveryQuery): AlertQuery {
  return present({ source, severity, from, until });
}

/** What was read in one go: the end, when it is less than what was asked for. */
export function stretchOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  show: (row: Row) => { readonly place: string; readonly item: T },
): Stretch<T> {
  const found = rows.map(show);
  const last = found.at(-1);
  return { found, ...(last && found.length === limit && { rest: last.place }) };
}

/** A cursor of somebody else's making finds nothing. */
export function toNumber(place: string | undefined): number {
  if (place === undefined) return Number.MAX_SAFE_INTEGER;
  const number = Number(place);
  return Number.isSafeInteger(number) ? number : 0;
}

/** A text as the JSON of an alert has it. */
function quoted(text: string): Buffer {
  return Buffer.from(JSON.stringify(text));
}

function placeOf(place: string | undefined): { readonly alert: number; readonly sink: number } {
  const [alert, sink] = place?.split('.') ?? [];
  return { alert: Math.min(toNumber(alert), Number.MAX_SAFE_INTEGER - 1), sink: toNumber(sink) };
}
