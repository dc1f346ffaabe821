import { hourOf } from '../../core/ledger.js';
import type { Query } from './database.js';
import { rowsOf, valuesOf } from './rows.js';

/** What is counted of a source, and of a sink, for each hour of acceptance. */
export const sourceSums = [
  'requests',
  'received',
  'accepted',
  'duplicates',
  'quarantined',
  'probes',
  'routed',
  'unrouted',
  'gone_routed',
  'gone_unrouted',
  'gone_quarantined',
  'gone_probes',
] as const;
export const sinkSums = [
  'owed',
  'delivered',
  'dead',
  'superseded',
  'gone_delivered',
  'gone_dead',
  'gone_superseded',
] as const;
const pendingSums = ['deliveries', 'bytes'] as const;

type Sums<Name extends string> = Record<Name, number>;
export type SourceSum = (typeof sourceSums)[number];
export type SinkSum = (typeof sinkSums)[number];

const sourceHours = upsert('source_hours', ['hour', 'source'], sourceSums);
const sinkHours = upsert('sink_hours', ['hour', 'sink'], sinkSums);
const routeCounts = upsert('route_counts', ['route'], ['alerts']);
const sourcePending = upsert('source_pending', ['source'], pendingSums);

/** Adds what was counted elsewhere to the rows of one router; what a row does not say is nothing. */
export const addToBooks = {
  sources: (
    query: Query,
    instance: number,
    rows: readonly ({ hour: number; source: number } & Partial<Sums<SourceSum>>)[],
  ) =>
    sourceHours(
      query,
      instance,
      rows.map((row) => ({ ...zeroes(sourceSums), ...row })),
    ),
  sinks: (query: Query, instance: number, rows: readonly ({ hour: number; sink: number } & Partial<Sums<SinkSum>>)[]) =>
    sinkHours(
      query,
      instance,
      rows.map((row) => ({ ...zeroes(sinkSums), ...row })),
    ),
  routes: routeCounts,
  pending: sourcePending,
};

/**
 * The books of a router's settlements. In one row with what it accepts, each of the two would wait for the other's
 * COMMIT; sums are over all rows anyway.
 */
export function settlingBooks(instance: number): number {
  return -instance;
}

/** What one transaction adds to the books. Written last, in one order, so that no two transactions hold each other up. */
export class Counting {
  readonly #sources = new Map<string, { hour: number; source: number } & Sums<SourceSum>>();
  readonly #sinks = new Map<string, { hour: number; sink: number } & Sums<SinkSum>>();
  readonly #routes = new Map<number, { route: number; alerts: number }>();
  readonly #pending = new Map<number, { source: number; deliveries: number; bytes: number }>();

  /** Of the hour of acceptance. */
  source(at: number, source: number, sum: SourceSum, by = 1): void {
    const hour = hourOf(at);
    const row = entry(this.#sources, `${String(hour)} ${String(source)}`, () => ({
      hour,
      source,
      ...zeroes(sourceSums),
    }));
    row[sum] += by;
  }

  sink(at: number, sink: number, sum: SinkSum, by = 1): void {
    const hour = hourOf(at);
    const row = entry(this.#sinks, `${String(hour)} ${String(sink)}`, () => ({ hour, sink, ...zeroes(sinkSums) }));
    row[sum] += by;
  }

  route(route: number, by: 1 | -1 = 1): void {
    entry(this.#routes, route, () => ({ route, alerts: 0 })).alerts += by;
  }

  pending(source: number, bytes: number, sign: 1 | -1): void {
    const row = entry(this.#pending, source, () => ({ source, deliveries: 0, bytes: 0 }));
    row.deliveries += sign;
    row.bytes += sign * bytes;
  }

  /** What is owed more or less, by the number of its source. */
  get owed(): Iterable<{ readonly source: number; readonly deliveries: number; readonly bytes: number }> {
    return this.#pending.values();
  }

  /** Adds it to the rows of one router: those of `instance`, or of `settlingBooks(instance)`. */
  async write(query: Query, instance: number): Promise<void> {
    await sourceHours(query, instance, [...this.#sources.values()]);
    await sinkHours(query, instance, [...this.#sinks.values()]);
    await routeCounts(query, instance, [...this.#routes.values()]);
    await sourcePending(query, instance, [...this.#pending.values()]);
  }
}

function entry<Key, Row>(rows: Map<Key, Row>, key: Key, make: () => Row): Row {
  const row = rows.get(key) ?? make();
  rows.set(key, row);
  return row;
}

function zeroes<Name extends string>(names: readonly Name[]): Sums<Name> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Sums<Name>;
}

function upsert<Key extends string, Sum extends string>(
  table: string,
  keys: readonly Key[],
  sums: readonly Sum[],
): (query: Query, instance: number, rows: readonly Readonly<Record<Key | Sum, number>>[]) => Promise<void> {
  const columns = Object.fromEntries([
    ...keys.map((name) => [name, 'integer'] as const),
    ...sums.map((name) => [name, 'bigint'] as const),
  ]) as Record<Key | Sum, string>;
  const names = Object.keys(columns).join(', ');
  const added = sums.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ');
  const text = `INSERT INTO ${table} (instance, ${names}) SELECT $1, ${names} FROM ${rowsOf(columns, 2)}
    ORDER BY ${keys.join(', ')} ON CONFLICT (${keys.join(', ')}, instance) DO UPDATE SET ${added}`;
  return async (query, instance, rows) => {
    if (rows.length > 0) await query(text, [instance, ...valuesOf(columns, rows)]);
  };
}
