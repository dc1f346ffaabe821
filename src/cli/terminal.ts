import { Option } from 'commander';
import { printable, printableJson } from '../kit/printable.js';

/** What a command answers on; a process is one. */
export type Terminal = {
  readonly stdout: { write(text: string | Uint8Array): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
};

export type Format = 'text' | 'json';

export const exitFailed = 1;

const longestLine = 2_000;

/** `-o json|text`, for every command that answers something. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to answer').choices(['text', 'json']).default('text');
}

/** Prints lines, each safe for a terminal whatever a vendor put into it. */
export function printLines(terminal: Terminal, lines: readonly string[]): void {
  for (const line of lines) terminal.stdout.write(`${printable(line, longestLine)}\n`);
}

/** Prints a value as indented JSON, or with `isLine` as one line of it. */
export function printJson(terminal: Terminal, value: unknown, isLine = false): void {
  terminal.stdout.write(`${printableJson(JSON.stringify(value, null, isLine ? 0 : 2))}\n`);
}

/** Rows as columns that stand under each other, two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}
