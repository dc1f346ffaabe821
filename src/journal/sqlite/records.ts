import type Database from 'better-sqlite3';
import { actionOf, states, type Alert, type NewAlert } from '../../core/alert.js';
import {
  deliveryStates,
  type AlertRecord,
  type Attempt,
  type DeliveryRecord,
  type JournalCounts,
  type QuarantinedRequest,
} from '../../core/journal.js';
import { restore, type StoredBody } from './body.js';
import { idOrNothing, toUuid } from './bytes.js';
import type { Amendments } from './amendments.js';
import type { Debts } from './debts.js';
import type { Gaps } from './gaps.js';
import type { Ledger } from './ledger.js';
import type { Pulls } from './pulls.js';
import {
  alertColumns,
  deliveryOfAlert,
  requestColumns,
  type AlertRow,
  type DeliveryRow,
  type RequestRow,
} from './rows.js';

type Arrival = Pick<AlertRecord['request'], 'remoteAddress' | 'authentication' | 'contentType'>;

/** What is known of one alert or one request, and the totals. */
export class Records {
  readonly #selectAlert;
  readonly #selectJson;
  readonly #selectId;
  readonly #selectDelivery;
  readonly #selectAttempts;
  readonly #selectRequest;
  readonly #selectBody;
  readonly #selectOldest;
  readonly #selectQuarantined;
  readonly #selectParts;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly debts: Debts,
    private readonly gaps: Gaps,
    private readonly pulls: Pulls,
    private readonly amendments: Amendments,
  ) {
    this.#selectAlert = db.prepare<[Buffer], AlertRow>(`SELECT ${alertColumns} FROM alerts WHERE id = ?`);
    this.#selectJson = db.prepare<[number], Buffer>('SELECT json FROM alerts WHERE seq = ?').pluck();
    this.#selectId = db.prepare<[number], Buffer>('SELECT id FROM alerts WHERE seq = ?').pluck();
    this.#selectDelivery = db.prepare<[{ alert: number; sink: number }], DeliveryRow>(deliveryOfAlert);
    this.#selectAttempts = db
      .prepare<[number, number], string>('SELECT attempt FROM attempts WHERE alert = ? AND sink = ? ORDER BY number')
      .pluck();
    this.#selectRequest = db.prepare<[number], RequestRow>(`SELECT ${requestColumns} FROM requests WHERE seq = ?`);
    this.#selectBody = db.prepare<[Buffer, Buffer], StoredBody & { arrival: string }>(
      `SELECT arrival, bytes, body FROM requests
       WHERE seq = coalesce((SELECT request FROM alerts WHERE id = ?), (SELECT seq FROM requests WHERE id = ?))`,
    );
    this.#selectQuarantined = db.prepare<[Buffer], Omit<RequestRow, 'bytes'> & StoredBody>(
      'SELECT seq, id, source, received_at, arrival, bytes, body FROM requests WHERE id = ?',
    );
    this.#selectParts = db.prepare<[number], { seq: number; position: number | null }>(
      'SELECT seq, position FROM unread WHERE request = ? ORDER BY seq',
    );
    this.#selectOldest = db
      .prepare<[number], number>(
        'SELECT received_at FROM alerts WHERE seq = (SELECT min(alert) FROM owed WHERE sink = ?)',
      )
      .pluck();
  }

  alert(id: string): AlertRecord | undefined {
    const key = idOrNothing(id);
    const row = key && this.#selectAlert.get(key);
    const request = row && this.#selectRequest.get(row.request);
    if (!request) return undefined;
    const alert = this.alertOf(row);
    const { routes } = this.ledger.decisions.get(row.decision);
    const lookup = this.amendments.lookupOf(row.seq);
    const again = this.pulls.secondOf(row.seq);
    return {
      alert,
      superseded: row.superseded === 1,
      duplicates: row.duplicates,
      routes,
      request: {
        id: toUuid(request.id),
        source: this.ledger.sources.nameOf(request.source),
        receivedAt: request.received_at,
        ...(JSON.parse(request.arrival) as Arrival),
      },
      deliveries: this.deliveriesOf(row).map(({ record, sink, attempt }) => ({
        ...record,
        alertId: alert.id,
        history: [...this.#selectAttempts.all(row.seq, sink), ...(attempt === null ? [] : [attempt])].map(
          (text) => JSON.parse(text) as Attempt,
        ),
      })),
      ...(lookup && { lookup }),
      ...(again && { again }),
    };
  }

  raw(id: string): { readonly contentType: string; readonly body: Buffer } | undefined {
    const key = idOrNothing(id);
    const row = key && this.#selectBody.get(key, key);
    return row && { contentType: (JSON.parse(row.arrival) as Arrival).contentType, body: restore(row) };
  }

  /** A request with something in the quarantine. */
  quarantined(requestId: string): QuarantinedRequest | undefined {
    const key = idOrNothing(requestId);
    const request = key && this.#selectQuarantined.get(key);
    const parts = request ? this.#selectParts.all(request.seq) : [];
    if (!request || parts.length === 0) return undefined;
    const { remoteAddress, contentType } = JSON.parse(request.arrival) as Arrival;
    return {
      id: toUuid(request.id),
      source: this.ledger.sources.nameOf(request.source),
      receivedAt: request.received_at,
      remoteAddress,
      contentType,
      body: restore({ bytes: request.bytes, body: request.body }),
      parts: parts.map(({ seq, position }) => ({ number: seq, ...(position !== null && { index: position }) })),
    };
  }

  counts(): JournalCounts {
    return {
      sources: this.ledger.sources
        .all()
        .map(({ number: _, name, pending: _pending, pending_bytes: _bytes, ...counts }) => ({
          source: name,
          ...counts,
        })),
      routes: this.ledger.routes.all().map(({ name, alerts }) => ({ route: name, alerts })),
      sinks: this.ledger.sinks.all().map(({ number, name, ...counts }) => {
        const oldestPendingAt = this.#selectOldest.get(number);
        const parked = this.debts.parked(name);
        return {
          sink: name,
          ...counts,
          ...(oldestPendingAt !== undefined && { oldestPendingAt }),
          ...(parked && { parked }),
        };
      }),
      pulls: this.pulls.states(),
      missing: this.gaps.all(),
    };
  }

  /** Of a delivery that is still owed: the last attempt, as JSON. */
  lastAttempt(seq: number, sink: number): string | undefined {
    return this.#selectAttempts.all(seq, sink).at(-1);
  }

  idOf(seq: number): string {
    return toUuid(this.#selectId.get(seq) ?? Buffer.alloc(0));
  }

  /** The alert as it was given, with its action. */
  alertOf({ seq, state, is_first: isFirst }: AlertRow): Alert {
    const alert = JSON.parse(this.#selectJson.get(seq)?.toString() ?? '{}') as NewAlert;
    return { ...alert, action: actionOf(states[state] ?? 'unknown', isFirst === 1) };
  }

  /** Its deliveries in the order of the decision, all but the alert's id; `attempt` is the last one's JSON. */
  deliveriesOf({ seq, received_at: receivedAt, decision }: Pick<AlertRow, 'seq' | 'received_at' | 'decision'>): {
    readonly record: Omit<DeliveryRecord, 'alertId'>;
    readonly sink: number;
    readonly attempt: string | null;
  }[] {
    return this.ledger.decisions.get(decision).sinks.flatMap(({ sink, routes }) => {
      const number = this.ledger.sinks.find(sink)?.number ?? 0;
      const row = this.#selectDelivery.get({ alert: seq, sink: number });
      if (!row) return [];
      const state = deliveryStates[row.state] ?? 'pending';
      const replay = this.debts.markOf(seq, number);
      const record: Omit<DeliveryRecord, 'alertId'> = {
        sink,
        routes,
        state,
        attempts: row.attempts,
        ...(state === 'pending' && { dueAt: row.due_at ?? receivedAt }),
        ...(row.settled_at !== null && { settledAt: row.settled_at }),
        ...(row.remote_id !== null && { remoteId: row.remote_id }),
        ...(row.fault !== null && { fault: row.fault }),
        ...(row.reason !== null && { reason: row.reason }),
        ...(replay && { replay }),
      };
      return [{ record, sink: number, attempt: row.attempt }];
    });
  }
}
