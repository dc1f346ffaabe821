import { hash } from 'node:crypto';
import type { RoutedAlert } from '../../core/journal.js';
import type { Database, Query } from './database.js';
import { decode, encode } from './rows.js';

/** The numbers of the names in one table, each asked for once. A name that has a number keeps it for ever. */
export class Names {
  readonly #byName = new Map<string, number>();
  readonly #byNumber = new Map<number, string>();

  constructor(
    private readonly database: Database,
    private readonly table: 'sources' | 'sinks' | 'routes',
  ) {}

  /** Numbers the names that have none yet, each in a transaction of its own: nobody waits for it. */
  async learn(names: Iterable<string>): Promise<void> {
    for (const name of new Set(names)) {
      if (this.#byName.has(name)) continue;
      await this.database.query(`INSERT INTO ${this.table} (name) VALUES ($1) ON CONFLICT DO NOTHING`, [encode(name)]);
      await this.#read();
    }
  }

  /** Of a name that was learnt. */
  numberOf(name: string): number {
    const number = this.#byName.get(name);
    if (number === undefined) throw new Error(`${name} of ${this.table} was not learnt`);
    return number;
  }

  async find(name: string): Promise<number | undefined> {
    if (!this.#byName.has(name)) await this.#read();
    return this.#byName.get(name);
  }

  async nameOf(number: number): Promise<string> {
    if (!this.#byNumber.has(number)) await this.#read();
    return this.#byNumber.get(number) ?? '';
  }

  /** Those of all routers, in the order they were first seen. */
  async all(): Promise<readonly { readonly number: number; readonly name: string }[]> {
    await this.#read();
    return [...this.#byNumber].map(([number, name]) => ({ number, name }));
  }

  async #read(): Promise<void> {
    const rows = await this.database.query<{ number: number; name: string }>(
      `SELECT number, name FROM ${this.table} ORDER BY number`,
    );
    for (const { number, name } of rows) {
      const text = decode(name);
      this.#byName.set(text, number);
      this.#byNumber.set(number, text);
    }
  }
}

/** A decision of the router, and its number. */
export type Decision = Pick<RoutedAlert, 'routes' | 'sinks'> & { readonly number: number };

const mostInMemory = 10_000;

/** The rows of `decisions`, each read once. */
export class Decisions {
  readonly #byText = new Map<string, Decision>();
  readonly #byNumber = new Map<number, Decision>();

  constructor(private readonly database: Database) {}

  /** The decision with these routes and sinks, made where there is none. */
  async of({ routes, sinks }: Pick<RoutedAlert, 'routes' | 'sinks'>): Promise<Decision> {
    const text = JSON.stringify({ routes, sinks });
    const known = this.#byText.get(text);
    if (known) return known;
    const digest = Buffer.from(hash('sha256', text, 'hex'), 'hex');
    await this.database.query('INSERT INTO decisions (digest, text) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      digest,
      text,
    ]);
    const [row] = await this.database.query<{ number: number }>('SELECT number FROM decisions WHERE digest = $1', [
      digest,
    ]);
    return this.#enter(row?.number ?? 0, text);
  }

  /** `query`: of the transaction that asks, which needs no second connection then. */
  async get(number: number, query: Query = (text, values) => this.database.query(text, values)): Promise<Decision> {
    const known = this.#byNumber.get(number);
    if (known) return known;
    const [row] = await query<{ text: string }>('SELECT text FROM decisions WHERE number = $1', [number]);
    return this.#enter(number, row?.text ?? '{"routes":[],"sinks":[]}');
  }

  #enter(number: number, text: string): Decision {
    if (this.#byText.size >= mostInMemory) {
      this.#byText.clear();
      this.#byNumber.clear();
    }
    const decision = { number, ...(JSON.parse(text) as Pick<Decision, 'routes' | 'sinks'>) };
    this.#byText.set(text, decision);
    this.#byNumber.set(number, decision);
    return decision;
  }
}
