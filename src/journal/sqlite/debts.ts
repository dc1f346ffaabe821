import type Database from 'better-sqlite3';
import { actionOf, states, type Action } from '../../core/alert.js';
import {
  deliveryStates,
  type Attempt,
  type ClaimLimit,
  type Lease,
  type Parked,
  type ParkedBy,
  type Settlement,
} from '../../core/journal.js';
import { mayEnd, parkedAgain } from '../../core/parking.js';
import type { ReplayMark } from '../../core/replay.js';
import { Backlog, dueOf, type Claimed, type Clocks, type Due, type Owed, type Weight } from './backlog.js';
import { Inserter } from './inserter.js';
import { toUuid } from './bytes.js';
import type { Ledger } from './ledger.js';

/** A claimed delivery with its alert as it is stored: JSON without the action. */
export type ClaimedDelivery = {
  readonly lease: Lease;
  readonly attempt: number;
  readonly acceptedAt: number;
  readonly action: Action;
  readonly routes: readonly string[];
  readonly replay: ReplayMark | undefined;
  readonly json: Buffer;
};

const delivered = deliveryStates.indexOf('delivered');
const dead = deliveryStates.indexOf('dead');
const superseded = deliveryStates.indexOf('superseded');

const settledColumns = [
  'alert',
  'sink',
  'state',
  'attempts',
  'settled_at',
  'remote_id',
  'fault',
  'reason',
  'attempt',
] as const;
const readAtOnce = 1_000;
/** Of each delivery; older ones are dropped. */
const mostAttempts = 100;

/**
 * What is owed to the sinks: `owed` and `settled` on disk, and the head of each sink's backlog in memory. `owe`,
 * `supersede`, `owedAgain`, `settle`, `park` and `resume` are called within a transaction.
 */
export class Debts {
  readonly #backlogs = new Map<string, Backlog>();
  readonly #parked = new Map<string, Parked>();
  /** What the open transaction makes of it; undefined, resumed. */
  readonly #reparked = new Map<string, Parked | undefined>();
  /** What to do in memory once the open transaction is on disk. */
  #newlyOwed: { readonly sink: string; readonly owed: Owed; readonly due: Due | undefined }[] = [];
  #afterCommit: (() => void)[] = [];
  /** What the open transaction settles: a lease is good for one settlement. */
  readonly #settling = new Set<object>();

  readonly #owed;
  readonly #selectOwed;
  readonly #selectOne;
  readonly #deleteSettled;
  readonly #updateOwed;
  readonly #deleteOwed;
  readonly #settled;
  readonly #insertAttempt;
  readonly #deleteAttempt;
  readonly #selectAlert;
  readonly #updateParked;
  readonly #selectMark;
  readonly #countReplayed;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly leaseMs: number,
  ) {
    this.#owed = new Inserter(db, 'owed', ['sink', 'alert', 'finding', 'due_at']);
    this.#selectOwed = db
      .prepare<[number, number, number], [number, number, number, number | null, number | null]>(
        'SELECT alert, finding, attempts, due_at, replay FROM owed WHERE sink = ? AND alert > ? ORDER BY alert LIMIT ?',
      )
      .raw();
    this.#updateOwed = db.prepare('UPDATE owed SET attempts = ?, due_at = ? WHERE sink = ? AND alert = ?');
    this.#deleteOwed = db.prepare('DELETE FROM owed WHERE sink = ? AND alert = ?');
    this.#selectOne = db
      .prepare<[number, number], [number, number | null]>(
        'SELECT attempts, replay FROM owed WHERE sink = ? AND alert = ?',
      )
      .raw();
    this.#deleteSettled = db.prepare('DELETE FROM settled WHERE alert = ? AND sink = ?');
    this.#settled = new Inserter(db, 'settled', settledColumns);
    this.#insertAttempt = db.prepare('INSERT INTO attempts VALUES (?, ?, ?, ?)');
    this.#deleteAttempt = db.prepare('DELETE FROM attempts WHERE alert = ? AND sink = ? AND number = ?');
    this.#selectAlert = db
      .prepare<[number], [Buffer, number, number, number, number, number]>(
        'SELECT json, state, is_first, received_at, decision, source FROM alerts WHERE seq = ?',
      )
      .raw();
    this.#selectMark = db
      .prepare<[number, number], [Buffer, number, number]>(
        'SELECT id, at, attempts FROM replayed JOIN replays ON number = replay WHERE alert = ? AND sink = ?',
      )
      .raw();
    this.#countReplayed = db.prepare('UPDATE replays SET delivered = delivered + ?, dead = dead + ? WHERE number = ?');
    this.#updateParked = db.prepare(
      'UPDATE sinks SET parked_reason = ?, parked_at = ?, parked_by = ? WHERE number = ?',
    );
    const parked = db.prepare<[], [string, string, number, ParkedBy]>(
      'SELECT name, parked_reason, parked_at, parked_by FROM sinks WHERE parked_reason IS NOT NULL',
    );
    for (const [name, reason, since, by] of parked.raw().all()) this.#parked.set(name, { reason, since, by });
  }

  /** One more delivery, of an alert later than all before it, accepted at `at` and not due before `notBefore`. */
  owe(sink: string, alert: number, finding: number, weight: Weight, at: number, notBefore?: number): void {
    const total = this.ledger.sinks.change(sink);
    total.pending += 1;
    this.#count(weight, 1);
    this.ledger.hours.sink(at, total.number).owed += 1;
    this.#owed.add(total.number, alert, finding, notBefore ?? null);
    const due = dueOf(notBefore, { now: at, uptime: performance.now() });
    this.#newlyOwed.push({ sink, owed: { alert, finding, attempts: 0 }, due });
  }

  /** A delivery that is not made: a newer report was accepted before, and the sink keeps state. */
  supersede(sink: string, alert: number, at: number): void {
    const total = this.ledger.sinks.change(sink);
    total.superseded += 1;
    this.ledger.hours.sink(at, total.number).owed += 1;
    this.#settled.add(alert, total.number, superseded, 0, at, null, null, null, null);
  }

  /** One that was written into `owed`, by a replay for one: of an alert that may be earlier than others. */
  owedAgain(sink: string, owed: Owed, weight: Weight): void {
    this.#count(weight, 1);
    this.#afterCommit.push(() => {
      this.#backlog(sink).insert(owed);
    });
  }

  /** True for a delivery that nobody claimed and no replay made due, as far as this process knows. */
  isUntouched(sink: string, alert: number): boolean {
    const [attempts, replay] = this.#selectOne.get(this.ledger.sinks.find(sink)?.number ?? 0, alert) ?? [];
    return attempts === 0 && replay === null && !this.#backlog(sink).isClaimed(alert);
  }

  /** Takes back a delivery that is owed, of an alert accepted at `at`. */
  withdraw(sink: string, { alert, finding }: Pick<Owed, 'alert' | 'finding'>, weight: Weight, at: number): void {
    const total = this.ledger.sinks.change(sink);
    total.pending -= 1;
    this.#count(weight, -1);
    this.ledger.hours.sink(at, total.number).owed -= 1;
    this.#deleteOwed.run(total.number, alert);
    this.#afterCommit.push(() => {
      this.#backlog(sink).withdraw(alert, finding);
    });
  }

  /** Takes back what `supersede` did. */
  unsupersede(sink: string, alert: number, at: number): void {
    const total = this.ledger.sinks.change(sink);
    total.superseded -= 1;
    this.ledger.hours.sink(at, total.number).owed -= 1;
    this.#deleteSettled.run(alert, total.number);
  }

  /** As `owe`, and due at once, of an alert that may be earlier than others. */
  oweInTurn(sink: string, owed: Owed, weight: Weight, at: number): void {
    const total = this.ledger.sinks.change(sink);
    total.pending += 1;
    this.ledger.hours.sink(at, total.number).owed += 1;
    this.#owed.add(total.number, owed.alert, owed.finding, null);
    this.owedAgain(sink, owed, weight);
  }

  /** What marks a delivery as one of a replay. */
  markOf(alert: number, sink: number): ReplayMark | undefined {
    const [id, at, attemptsBefore] = this.#selectMark.get(alert, sink) ?? [];
    return id && at !== undefined && attemptsBefore !== undefined ? { id: toUuid(id), at, attemptsBefore } : undefined;
  }

  /** Leases what is due, oldest first, at most `count` and about `bytes` of JSON. */
  claim(
    sink: string,
    { count, bytes = Number.POSITIVE_INFINITY, whileParked = false }: ClaimLimit,
    clocks: Clocks,
  ): { readonly deliveries: readonly ClaimedDelivery[]; readonly againMs?: number | undefined } {
    const deliveries: ClaimedDelivery[] = [];
    if ((this.#parked.has(sink) && !whileParked) || !this.ledger.sinks.find(sink)) return { deliveries };
    const backlog = this.#backlog(sink);
    let taken = 0;
    while (deliveries.length < count) {
      const claimed = backlog.claim(clocks);
      if (!claimed) {
        if (this.#readAhead(sink, backlog, clocks)) continue;
        break;
      }
      const delivery = this.#deliveryOf(sink, claimed);
      taken += delivery.json.length;
      if (deliveries.length > 0 && taken > bytes) {
        backlog.release(claimed.alert, claimed.token);
        break;
      }
      deliveries.push(delivery);
    }
    const againMs = backlog.nextMs(clocks);
    return { deliveries, againMs };
  }

  /** How many of the leases were still valid. */
  settle(settlements: readonly Settlement[], clocks: Clocks): number {
    return settlements.filter((settlement) => this.#settleOne(settlement, clocks)).length;
  }

  /** The leases that go on. */
  renew(sink: string, leases: readonly Lease[], { uptime }: Clocks): readonly Lease[] {
    return leases.filter(({ seq, token }) => this.#backlog(sink).renew(seq, token, uptime));
  }

  release(sink: string, leases: readonly Lease[]): void {
    for (const { seq, token } of leases) this.#backlog(sink).release(seq, token);
  }

  park(sink: string, told: Parked): Parked {
    const parked = parkedAgain(this.#parkedInside(sink), told);
    this.#updateParked.run(parked.reason, parked.since, parked.by, this.ledger.sinks.change(sink).number);
    this.#reparked.set(sink, parked);
    return parked;
  }

  resume(sink: string, by: ParkedBy): Parked | undefined {
    const parked = this.#parkedInside(sink);
    if (!parked || !mayEnd(parked, by)) return undefined;
    this.#updateParked.run(null, null, null, this.ledger.sinks.change(sink).number);
    this.#reparked.set(sink, undefined);
    return parked;
  }

  /** How many deliveries are out, by the clock that never jumps. */
  claims(uptime: number): number {
    return [...this.#backlogs.values()].reduce((sum, backlog) => sum + backlog.claims(uptime), 0);
  }

  /** By the names of sinks. */
  get parkings(): ReadonlyMap<string, Parked> {
    return this.#parked;
  }

  parked(sink: string): Parked | undefined {
    return this.#parked.get(sink);
  }

  flush(): void {
    this.#owed.flush();
    this.#settled.flush();
  }

  commit(): void {
    for (const { sink, owed, due } of this.#newlyOwed) this.#backlog(sink).append(owed, due);
    for (const apply of this.#afterCommit) apply();
    for (const [sink, parked] of this.#reparked) {
      if (parked) this.#parked.set(sink, parked);
      else this.#parked.delete(sink);
    }
    this.rollback();
  }

  rollback(): void {
    this.#newlyOwed = [];
    this.#afterCommit = [];
    this.#reparked.clear();
    this.#settling.clear();
    this.#owed.clear();
    this.#settled.clear();
  }

  #parkedInside(sink: string): Parked | undefined {
    return this.#reparked.has(sink) ? this.#reparked.get(sink) : this.#parked.get(sink);
  }

  #settleOne({ sink, lease, attempt, next }: Settlement, clocks: Clocks): boolean {
    const backlog = this.#backlog(sink);
    const owed = backlog.held(lease.seq, lease.token);
    if (!owed || this.#settling.has(owed)) return false;
    this.#settling.add(owed);
    const total = this.ledger.sinks.change(sink);
    const attempts = owed.attempts + 1;
    if (next.kind === 'pending') {
      const dueAt = Math.ceil(next.dueAt);
      this.#updateOwed.run(attempts, dueAt, total.number, lease.seq);
      this.#insertAttempt.run(lease.seq, total.number, attempts, JSON.stringify(attempt));
      if (attempts > mostAttempts) this.#deleteAttempt.run(lease.seq, total.number, attempts - mostAttempts);
      // As it was when that was decided: the clock may have been set back since.
      const now = attempt.at + attempt.durationMs;
      this.#afterCommit.push(() => {
        backlog.postpone(lease.seq, dueAt, { now, uptime: clocks.uptime });
      });
      return true;
    }
    const { fault, reason } = next.kind === 'dead' ? next : { fault: null, reason: null };
    const remoteId = next.kind === 'delivered' ? (next.remoteId ?? null) : null;
    this.#deleteOwed.run(total.number, lease.seq);
    this.#settled.add(
      lease.seq,
      total.number,
      next.kind === 'dead' ? dead : delivered,
      attempts,
      settledAt(attempt),
      remoteId,
      fault,
      reason,
      JSON.stringify(attempt),
    );
    total[next.kind] += 1;
    total.pending -= 1;
    if (owed.weight) this.#count(owed.weight, -1);
    if (owed.replay !== undefined) {
      this.#countReplayed.run(next.kind === 'delivered' ? 1 : 0, next.kind === 'dead' ? 1 : 0, owed.replay);
    }
    this.#afterCommit.push(() => {
      backlog.settle(lease.seq);
    });
    return true;
  }

  #deliveryOf(sink: string, { alert, attempts, token, replay }: Claimed): ClaimedDelivery {
    const row = this.#selectAlert.get(alert);
    if (!row) throw new Error(`alert ${alert} is owed and gone`);
    const [json, state, isFirst, acceptedAt, decision, source] = row;
    this.#backlog(sink).weigh(alert, { source, bytes: json.length });
    return {
      lease: { seq: alert, token },
      attempt: attempts + 1,
      acceptedAt,
      action: actionOf(states[state] ?? 'unknown', isFirst === 1),
      routes: this.ledger.decisions.get(decision).sinks.find((routed) => routed.sink === sink)?.routes ?? [],
      replay: replay === undefined ? undefined : this.markOf(alert, this.ledger.sinks.find(sink)?.number ?? 0),
      json,
    };
  }

  /** Puts a delivery on its source's account, or takes it off. */
  #count({ source, bytes }: Weight, sign: 1 | -1): void {
    const total = this.ledger.sources.change(this.ledger.sources.nameOf(source));
    total.pending += sign;
    total.pending_bytes += sign * bytes;
  }

  /** False when nothing more is to be had. */
  #readAhead(sink: string, backlog: Backlog, clocks: Clocks): boolean {
    if (backlog.isComplete || backlog.isFull) return false;
    const number = this.ledger.sinks.find(sink)?.number ?? 0;
    const rows = this.#selectOwed.all(number, backlog.readTo, readAtOnce);
    for (const [alert, finding, attempts, dueAt, replay] of rows) {
      backlog.add({ alert, finding, attempts, replay: replay ?? undefined }, dueAt ?? undefined, clocks);
    }
    backlog.isComplete = rows.length < readAtOnce;
    return rows.length > 0;
  }

  #backlog(sink: string): Backlog {
    const backlog = this.#backlogs.get(sink) ?? new Backlog(this.leaseMs);
    this.#backlogs.set(sink, backlog);
    return backlog;
  }
}

function settledAt({ at, durationMs }: Attempt): number {
  return Math.round(at + durationMs);
}
