/** What one load run is to do. Times in seconds, rates a second. */
export type LoadJob = {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly connections: number;
  readonly alertsPerBody: number;
  /** Bytes added to each alert. */
  readonly padding: number;
  readonly seconds: number;
  /** Stop after so many requests. */
  readonly requests?: number;
  /** Fixed requests a second; absent: as fast as the answers come. */
  readonly rate?: number;
};

export type LoadResult = {
  readonly perSecond: number;
  readonly answered: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** A figure that must show something, and whether it did. */
export type Check = {
  readonly name: string;
  readonly measured: number;
  readonly bound: string;
  readonly holds: boolean;
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Holds when the figure is at least, or at most, the bound. */
export function check(name: string, measured: number, relation: 'at least' | 'at most', bound: number): Check {
  const holds = relation === 'at least' ? measured >= bound : measured <= bound;
  return { name, measured, bound: `${relation} ${bound}`, holds };
}

/** Rows of cells as a table in plain text, the first row its head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  const [head = [], ...rest] = rows;
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rest.map(line)].join('\n');
}

/** One part of the bench: what it measured, and what that must show. */
export type Section = {
  readonly title: string;
  /** The first row is the head. */
  readonly rows: readonly (readonly string[])[];
  readonly checks: readonly Check[];
};
