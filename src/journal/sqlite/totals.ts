import type Database from 'better-sqlite3';

/** One named thing and what was counted of it since the journal began. */
export type Total<Field extends string> = { readonly number: number; readonly name: string } & Record<Field, number>;

/**
 * The rows of `sources`, `routes` or `sinks`: few, so all of them are in memory, and those that a transaction changed
 * are written at its end.
 */
export class Totals<Field extends string> {
  readonly #byName = new Map<string, Total<Field>>();
  readonly #byNumber = new Map<number, Total<Field>>();
  /** What the open transaction changed, as it was before; undefined where there was nothing. */
  readonly #before = new Map<Total<Field>, Total<Field> | undefined>();
  readonly #insert;
  readonly #update;

  constructor(
    db: Database.Database,
    table: 'sources' | 'routes' | 'sinks',
    private readonly fields: readonly Field[],
  ) {
    const columns = `number, name, ${fields.join(', ')}`;
    this.#insert = db.prepare<[string], Total<Field>>(`INSERT INTO ${table} (name) VALUES (?) RETURNING ${columns}`);
    this.#update = db.prepare(`UPDATE ${table} SET ${fields.map((field) => `${field} = ?`).join()} WHERE number = ?`);
    const rows = db.prepare<[], Total<Field>>(`SELECT ${columns} FROM ${table} ORDER BY number`);
    for (const row of rows.all()) this.#enter(row);
  }

  all(): readonly Total<Field>[] {
    return [...this.#byName.values()];
  }

  find(name: string): Total<Field> | undefined {
    return this.#byName.get(name);
  }

  nameOf(number: number): string {
    return this.#byNumber.get(number)?.name ?? '';
  }

  /** The total of a name, made where there is none, to be changed within the open transaction. */
  change(name: string): Total<Field> {
    const known = this.#byName.get(name);
    if (known) {
      if (!this.#before.has(known)) this.#before.set(known, { ...known });
      return known;
    }
    const row = this.#insert.get(name);
    if (!row) throw new Error(`no row for ${name}`);
    const total = this.#enter(row);
    this.#before.set(total, undefined);
    return total;
  }

  /** What the open transaction changed. */
  changed(): Iterable<Total<Field>> {
    return this.#before.keys();
  }

  /** Writes what the transaction counted. */
  write(): void {
    for (const total of this.#before.keys())
      this.#update.run(...this.fields.map((field) => total[field]), total.number);
  }

  commit(): void {
    this.#before.clear();
  }

  rollback(): void {
    for (const [total, before] of this.#before) {
      if (before) {
        Object.assign(total, before);
      } else {
        this.#byName.delete(total.name);
        this.#byNumber.delete(total.number);
      }
    }
    this.#before.clear();
  }

  #enter(row: Total<Field>): Total<Field> {
    // A copy has properties that are fast to reach; a row does not.
    const total = { ...row };
    this.#byName.set(total.name, total);
    this.#byNumber.set(total.number, total);
    return total;
  }
}
