import type Database from 'better-sqlite3';
import type { NewAlert } from '../../core/alert.js';
import { deliveryStates } from '../../core/journal.js';
import { addKnowledge, knowledgeOf, learnt } from '../../core/knowledge.js';
import type { Debts } from './debts.js';
import type { Ledger } from './ledger.js';

type AlertRow = {
  readonly source: number;
  readonly superseded: number;
  readonly decision: number;
  readonly json: Buffer;
};

const superseded = deliveryStates.indexOf('superseded');

/** What the second way by which an alert came knew more. `learn` is called within a transaction. */
export class Learning {
  /** The last alert that a process before this one accepted. */
  readonly #lastBefore: number;
  readonly #selectAlert;
  readonly #selectStates;
  readonly #updateAlert;
  readonly #keepAdded;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly debts: Debts,
  ) {
    this.#lastBefore = Number(db.prepare('SELECT max(seq) FROM alerts').pluck().get() ?? 0);
    this.#selectAlert = db.prepare<[number], AlertRow>(
      'SELECT source, superseded, decision, json FROM alerts WHERE seq = ?',
    );
    this.#selectStates = db.prepare<[number], number>('SELECT state FROM settled WHERE alert = ?').pluck();
    this.#updateAlert = db.prepare<[Buffer, number]>('UPDATE alerts SET json = ? WHERE seq = ?');
    this.#keepAdded = db.prepare<[string, number, number]>(
      'UPDATE second_ways SET added = ?, is_late = ? WHERE alert = ?',
    );
  }

  /** Adds what another report of it knows, as JSON, to an alert that nobody was sent; else only notes it. */
  learn(seq: number, report: Buffer): void {
    const row = this.#selectAlert.get(seq);
    if (!row) return;
    const alert = JSON.parse(row.json.toString()) as NewAlert;
    const fuller = addKnowledge(alert, knowledgeOf(JSON.parse(report.toString()) as NewAlert));
    if (!fuller) return;
    this.debts.flush();
    const isLate = !this.#mayChange(seq, row);
    this.#keepAdded.run(JSON.stringify(learnt(alert, fuller)), isLate ? 1 : 0, seq);
    if (isLate) return;
    const json = Buffer.from(JSON.stringify(fuller));
    this.#updateAlert.run(json, seq);
    const source = this.ledger.sources.change(this.ledger.sources.nameOf(row.source));
    source.pending_bytes += this.#owing(row).length * (json.length - row.json.length);
  }

  /** Whoever had the journal before may have sent what it had, and died before it could say so. */
  #mayChange(seq: number, row: AlertRow): boolean {
    const sinks = this.#owing(row);
    if (this.#selectStates.all(seq).some((state) => state !== superseded)) return false;
    return sinks.every((sink) => seq > this.#lastBefore && this.debts.isUntouched(sink, seq));
  }

  /** The sinks that were to get it at once. */
  #owing({ superseded: isSuperseded, decision }: AlertRow): readonly string[] {
    const { sinks } = this.ledger.decisions.get(decision);
    return sinks.filter(({ keepsState }) => isSuperseded === 0 || !keepsState).map(({ sink }) => sink);
  }
}
