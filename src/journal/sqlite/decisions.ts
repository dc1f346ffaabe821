import type Database from 'better-sqlite3';
import type { RoutedAlert } from '../../core/journal.js';

/** A decision of the router, and its number. */
export type Decision = Pick<RoutedAlert, 'routes' | 'sinks'> & { readonly number: number };

const mostInMemory = 10_000;

/** The rows of `decisions`, each read once. */
export class Decisions {
  readonly #byText = new Map<string, Decision>();
  readonly #byNumber = new Map<number, Decision>();
  readonly #selectNumber;
  readonly #selectText;
  readonly #insert;

  constructor(db: Database.Database) {
    this.#selectNumber = db.prepare<[string], number>('SELECT number FROM decisions WHERE text = ?').pluck();
    this.#selectText = db.prepare<[number], string>('SELECT text FROM decisions WHERE number = ?').pluck();
    this.#insert = db.prepare<[string], number>('INSERT INTO decisions (text) VALUES (?) RETURNING number').pluck();
  }

  /** The decision with this text, made where there is none. */
  of(text: string): Decision {
    const known = this.#byText.get(text);
    if (known) return known;
    const number = this.#selectNumber.get(text) ?? this.#insert.get(text) ?? 0;
    return this.#enter(number, text);
  }

  get(number: number): Decision {
    return (
      this.#byNumber.get(number) ?? this.#enter(number, this.#selectText.get(number) ?? '{"routes":[],"sinks":[]}')
    );
  }

  /** After a rollback some of those in memory may not be on disk. */
  forget(): void {
    this.#byText.clear();
    this.#byNumber.clear();
  }

  #enter(number: number, text: string): Decision {
    if (this.#byText.size >= mostInMemory) this.forget();
    const decision = { number, ...(JSON.parse(text) as Pick<Decision, 'routes' | 'sinks'>) };
    this.#byText.set(text, decision);
    this.#byNumber.set(number, decision);
    return decision;
  }
}
