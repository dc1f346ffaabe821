import type Database from 'better-sqlite3';
import { deliveryStates } from '../../core/journal.js';
import type { Amendments } from './amendments.js';
import type { AuditTrail } from './audit.js';
import type { Findings } from './findings.js';
import type { Ledger } from './ledger.js';
import type { Pulls } from './pulls.js';

/** How long things are kept, in milliseconds. */
export type Retention = {
  readonly retention: number;
  readonly dedupWindow: number;
  readonly deadLetterRetention: number;
  readonly auditRetention: number;
};

/** One step holds the writer up for a few milliseconds. */
const alertsPerStep = 100;
const requestsPerStep = 200;

type AlertRow = {
  readonly seq: number;
  readonly source: number;
  readonly fingerprint: Buffer;
  readonly dedup_key: Buffer;
  readonly received_at: number;
  readonly decision: number;
};

type RequestRow = {
  readonly seq: number;
  readonly source: number;
  readonly received_at: number;
  readonly probe: string | null;
  /** 1: alerts of it are kept. */
  readonly left: number;
};

const goneOf = {
  pending: undefined,
  delivered: 'gone_delivered',
  dead: 'gone_dead',
  superseded: 'gone_superseded',
} as const;

/** Removes what is old and owed to nobody, a little at a time. Called within a transaction. */
export class Purge {
  readonly #selectAlerts;
  readonly #selectRequests;
  readonly #isOwed;
  readonly #isDead;
  readonly #selectSettled;
  readonly #deletions;
  readonly #deleteRequest;
  readonly #deleteUnread;
  readonly #deleteRereads;
  /** How far this round has come. What it left behind is looked at again in the next. */
  #alertsTo = 0;
  #requestsTo = 0;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly findings: Findings,
    private readonly audit: AuditTrail,
    private readonly pulls: Pulls,
    private readonly amendments: Amendments,
    private readonly options: Retention,
  ) {
    this.#selectAlerts = db.prepare<[number, number], AlertRow>(
      'SELECT seq, source, fingerprint, dedup_key, received_at, decision FROM alerts WHERE seq > ? ORDER BY seq LIMIT ?',
    );
    this.#selectRequests = db.prepare<[number, number], RequestRow>(
      `SELECT seq, source, received_at, probe, EXISTS (
         SELECT 1 FROM alerts WHERE seq >= first_alert AND seq < first_alert + requests.alerts
       ) OR EXISTS (
         SELECT 1 FROM rereads AS r JOIN alerts AS a ON a.seq >= r.first_alert AND a.seq < r.first_alert + r.alerts
         WHERE r.request = requests.seq
       ) AS left FROM requests WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#isOwed = db.prepare<[number, number], number>('SELECT 1 FROM owed WHERE sink = ? AND alert = ?').pluck();
    this.#isDead = db.prepare<[number, number], number>('SELECT 1 FROM settled WHERE alert = ? AND state = ?').pluck();
    this.#selectSettled = db
      .prepare<[number], [number, number]>('SELECT sink, state FROM settled WHERE alert = ?')
      .raw();
    this.#deletions = [
      db.prepare<[number]>('DELETE FROM attempts WHERE alert = ?'),
      db.prepare<[number]>('DELETE FROM settled WHERE alert = ?'),
      db.prepare<[number]>('DELETE FROM replayed WHERE alert = ?'),
      db.prepare<[number]>('DELETE FROM alerts WHERE seq = ?'),
    ];
    this.#deleteRequest = db.prepare<[number]>('DELETE FROM requests WHERE seq = ?');
    this.#deleteRereads = db.prepare<[number]>('DELETE FROM rereads WHERE request = ?');
    this.#deleteUnread = db.prepare<[number]>('DELETE FROM unread WHERE request = ?');
  }

  /** How many alerts went, and whether there may be more. */
  step(now: number): { readonly purged: number; readonly isDone: boolean } {
    const { retention, dedupWindow, deadLetterRetention } = this.options;
    // An alert inside the window makes the next report of it a duplicate: it is kept as long as that.
    const cutoff = now - Math.max(retention, dedupWindow);
    const deadCutoff = Math.min(cutoff, now - deadLetterRetention);
    const alerts = this.#selectAlerts.all(this.#alertsTo, alertsPerStep).filter((row) => row.received_at <= cutoff);
    const last = alerts.at(-1);
    if (last) {
      const old = alerts.filter((alert) => this.#mayGo(alert, deadCutoff));
      for (const alert of old) this.#remove(alert);
      this.#alertsTo = last.seq;
      return { purged: old.length, isDone: false };
    }
    const requests = this.#selectRequests
      .all(this.#requestsTo, requestsPerStep)
      .filter((row) => row.received_at <= cutoff);
    for (const request of requests) if (request.left === 0) this.#removeRequest(request);
    const lastRequest = requests.at(-1);
    this.#alertsTo = lastRequest ? this.#alertsTo : 0;
    this.#requestsTo = lastRequest?.seq ?? 0;
    if (lastRequest) return { purged: 0, isDone: false };
    const auditRows = this.audit.removeUntil(now - this.options.auditRetention);
    return { purged: 0, isDone: this.pulls.removeUntil(cutoff) && auditRows === 0 };
  }

  #mayGo({ seq, received_at: receivedAt, decision }: AlertRow, deadCutoff: number): boolean {
    if (receivedAt > deadCutoff && this.#isDead.get(seq, deliveryStates.indexOf('dead')) !== undefined) return false;
    return this.ledger.decisions.get(decision).sinks.every(({ sink }) => {
      const number = this.ledger.sinks.find(sink)?.number;
      return number === undefined || this.#isOwed.get(number, seq) === undefined;
    });
  }

  /** What goes stays in the account. */
  #remove({ seq, source, received_at: receivedAt, decision, fingerprint, dedup_key: dedupKey }: AlertRow): void {
    const { hours, decisions } = this.ledger;
    for (const [sink, state] of this.#selectSettled.all(seq)) {
      const gone = goneOf[deliveryStates[state] ?? 'pending'];
      if (gone) hours.sink(receivedAt, sink)[gone] += 1;
    }
    hours.source(receivedAt, source)[decisions.get(decision).routes.length > 0 ? 'gone_routed' : 'gone_unrouted'] += 1;
    for (const deletion of this.#deletions) deletion.run(seq);
    this.pulls.forget(seq);
    this.amendments.forget(seq);
    this.findings.forget(fingerprint, dedupKey, seq);
  }

  #removeRequest({ seq, source, received_at: receivedAt, probe }: RequestRow): void {
    const hour = this.ledger.hours.source(receivedAt, source);
    hour.gone_quarantined += this.#deleteUnread.run(seq).changes;
    hour.gone_probes += probe === null ? 0 : 1;
    this.#deleteRereads.run(seq);
    this.#deleteRequest.run(seq);
  }
}
