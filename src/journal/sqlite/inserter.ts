import type Database from 'better-sqlite3';

export type Value = number | string | Buffer | null;

const sizes = [16, 4, 1] as const;

/**
 * Rows on their way into a table, many with one statement: a statement costs about as much as inserting a row. They are
 * in the table after `flush`, which must come before the transaction ends and before anything looks for them.
 *
 * OR FAIL: a statement that fails takes the whole transaction with it anyway. By default SQLite would first copy each
 * page it is about to change, so as to take back that statement alone.
 */
export class Inserter {
  readonly #columns: number;
  readonly #statements: readonly { readonly rows: number; readonly statement: Database.Statement<Value[]> }[];
  #values: Value[] = [];

  constructor(db: Database.Database, table: string, columns: readonly string[]) {
    this.#columns = columns.length;
    const row = `(${columns.map(() => '?').join()})`;
    this.#statements = sizes.map((rows) => ({
      rows,
      statement: db.prepare<Value[]>(
        `INSERT OR FAIL INTO ${table} (${columns.join()}) VALUES ${Array(rows).fill(row).join()}`,
      ),
    }));
  }

  add(...values: Value[]): void {
    for (const value of values) this.#values.push(value);
    if (this.#values.length >= sizes[0] * this.#columns) this.flush();
  }

  flush(): void {
    let at = 0;
    for (const { rows, statement } of this.#statements) {
      const length = rows * this.#columns;
      for (; this.#values.length - at >= length; at += length) {
        statement.run(...this.#values.slice(at, at + length));
      }
    }
    this.#values = [];
  }

  /** Forgets what was not flushed. */
  clear(): void {
    this.#values = [];
  }
}
