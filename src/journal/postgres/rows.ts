/** The columns of a statement's rows with their PostgreSQL types, in the order of the parameters. */
export type Columns = Readonly<Record<string, string>>;

/** `unnest($1::bigint[], …) AS n(seq, …)`: many rows in one statement, a parameter a column. Numbered from `first`. */
export function rowsOf(columns: Columns, first = 1): string {
  const arrays = Object.values(columns).map((type, position) => `$${String(first + position)}::${type}[]`);
  return `unnest(${arrays.join(', ')}) AS n(${Object.keys(columns).join(', ')})`;
}

/** The parameters for `rowsOf`. */
export function valuesOf<C extends Columns>(
  columns: C,
  rows: readonly Readonly<Record<keyof C, unknown>>[],
): unknown[][] {
  return Object.keys(columns).map((name: keyof C) => rows.map((row) => row[name]));
}

/** `INSERT INTO table (…) SELECT … FROM unnest(…)`. */
export function insertInto(table: string, columns: Columns): string {
  const names = Object.keys(columns).join(', ');
  return `INSERT INTO ${table} (${names}) SELECT ${names} FROM ${rowsOf(columns)}`;
}

/** The first half of a SHA-256 in hex, as bytes: short keys keep the indexes small. */
export function keyOf(hex: string): Buffer {
  return Buffer.from(hex.slice(0, 32), 'hex');
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An id as the database takes it; undefined for what is none. */
export function idOrNothing(text: string): string | undefined {
  return uuid.test(text) ? text : undefined;
}

/**
 * Any text as JSON: PostgreSQL keeps no NUL and no half of a surrogate pair in a text, and both are escaped there.
 */
export function encode(text: string): string {
  return JSON.stringify(text);
}

export function decode(text: string): string {
  return JSON.parse(text) as string;
}

/** A cursor of somebody else's making finds nothing. */
export function toNumber(place: string | undefined): number {
  if (place === undefined) return Number.MAX_SAFE_INTEGER;
  const number = Number(place);
  return Number.isSafeInteger(number) ? number : 0;
}
