import type Database from 'better-sqlite3';
import { deliveryStates, type Amendment, type LookupRecord } from '../../core/journal.js';
import { idOrNothing } from './bytes.js';
import type { Debts } from './debts.js';
import type { Ledger } from './ledger.js';

type AlertRow = {
  readonly seq: number;
  readonly fingerprint: Buffer;
  readonly source: number;
  readonly received_at: number;
  readonly superseded: number;
  readonly decision: number;
  readonly bytes: number;
};

const superseded = deliveryStates.indexOf('superseded');

/** What was learned of alerts after they were accepted. `amend` and `forget` are called within a transaction. */
export class Amendments {
  readonly #selectAlert;
  readonly #updateAlert;
  readonly #selectStates;
  readonly #wasDueBefore;
  readonly #putLookup;
  readonly #selectLookup;
  readonly #deleteLookup;

  /** `lastBefore` and `openedAt`: the last alert that a process before this one accepted, and when it had ended. */
  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly debts: Debts,
    private readonly lastBefore: number,
    private readonly openedAt: number,
  ) {
    this.#selectAlert = db.prepare<[Buffer], AlertRow>(
      `SELECT seq, fingerprint, source, received_at, superseded, decision, length(json) AS bytes
       FROM alerts WHERE id = ?`,
    );
    this.#updateAlert = db.prepare<[Buffer, number, number]>('UPDATE alerts SET json = ?, decision = ? WHERE seq = ?');
    this.#selectStates = db.prepare<[number], number>('SELECT state FROM settled WHERE alert = ?').pluck();
    this.#wasDueBefore = db
      .prepare<[number, number, number], number>(
        'SELECT 1 FROM owed WHERE sink = ? AND alert = ? AND coalesce(due_at, 0) <= ?',
      )
      .pluck();
    this.#putLookup = db.prepare<[number, string]>('INSERT OR REPLACE INTO lookups VALUES (?, ?)');
    this.#selectLookup = db.prepare<[number], string>('SELECT record FROM lookups WHERE alert = ?').pluck();
    this.#deleteLookup = db.prepare<[number]>('DELETE FROM lookups WHERE alert = ?');
  }

  /** The sinks that were or are owed the alert; undefined when it is too late, or the alert is gone. */
  amend(alertId: string, { alert, routes, sinks, lookup }: Amendment): readonly string[] | undefined {
    const row = this.#selectAlert.get(idOrNothing(alertId) ?? Buffer.alloc(0));
    if (!row) return undefined;
    const before = this.ledger.decisions.get(row.decision);
    const mayBe = this.#mayChange(row, before.sinks);
    if (lookup) this.#putLookup.run(row.seq, JSON.stringify(mayBe ? lookup : { ...lookup, isLate: true }));
    if (!mayBe) return undefined;
    const { seq, source, received_at: at } = row;
    const delivery = { alert: seq, finding: row.fingerprint.readUIntBE(0, 6), attempts: 0 };
    for (const { sink, keepsState } of before.sinks) {
      if (row.superseded === 1 && keepsState) this.debts.unsupersede(sink, seq, at);
      else this.debts.withdraw(sink, delivery, { source, bytes: row.bytes }, at);
    }
    const decision = this.ledger.decisions.of(JSON.stringify({ routes, sinks }));
    const json = Buffer.from(JSON.stringify(alert));
    this.#updateAlert.run(json, decision.number, seq);
    for (const { sink, keepsState } of decision.sinks) {
      if (row.superseded === 1 && keepsState) this.debts.supersede(sink, seq, at);
      else this.debts.oweInTurn(sink, delivery, { source, bytes: json.length }, at);
    }
    this.#count(row, before.routes, -1);
    this.#count(row, decision.routes, 1);
    return [...new Set([...before.sinks, ...decision.sinks].map(({ sink }) => sink))];
  }

  /** What became of asking for an alert. */
  lookupOf(alert: number): LookupRecord | undefined {
    const text = this.#selectLookup.get(alert);
    return text === undefined ? undefined : (JSON.parse(text) as LookupRecord);
  }

  /** What is remembered of an alert that is purged. */
  forget(alert: number): void {
    this.#deleteLookup.run(alert);
  }

  /** Whoever had the journal before may have sent what was due by then, and died before it could say so. */
  #mayChange({ seq, superseded: isSuperseded }: AlertRow, sinks: Amendment['sinks']): boolean {
    if (this.#selectStates.all(seq).some((state) => state !== superseded)) return false;
    return sinks.every(({ sink, keepsState }) => {
      if (isSuperseded === 1 && keepsState) return true;
      const number = this.ledger.sinks.find(sink)?.number ?? 0;
      const wasDue = seq <= this.lastBefore && this.#wasDueBefore.get(number, seq, this.openedAt) !== undefined;
      return !wasDue && this.debts.isUntouched(sink, seq);
    });
  }

  #count({ source, received_at: at }: AlertRow, routes: readonly string[], sign: 1 | -1): void {
    for (const route of routes) this.ledger.routes.change(route).alerts += sign;
    if (routes.length > 0) this.ledger.hours.source(at, source).routed += sign;
    else this.ledger.sources.change(this.ledger.sources.nameOf(source)).unrouted += sign;
  }
}
