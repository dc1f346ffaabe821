import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';

/** The numbers given last. */
export type Numbers = { readonly request: number; readonly alert: number };

/**
 * How far the journal had come, kept outside of it. A WAL that was damaged or deleted is cut off by SQLite without a
 * word, and what was in it is gone: this is how we notice. It is written after each commit and not synced, so it never
 * claims more than was on disk; only after a power cut may it tell of less.
 */
export class Mark {
  readonly #file: number;
  #written: Numbers;

  constructor(path: string) {
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#written = parse(readFileSync(this.#file, 'utf8'));
  }

  /** As it was found, or written since; zeros where there was none. */
  get last(): Numbers {
    return this.#written;
  }

  /** Always the same length in one write, so that a crash cannot leave half of it. */
  write({ request, alert }: Numbers): void {
    if (request === this.#written.request && alert === this.#written.alert) return;
    writeSync(this.#file, `${pad(request)} ${pad(alert)}\n`, 0);
    this.#written = { request, alert };
  }

  close(): void {
    closeSync(this.#file);
  }
}

function pad(number: number): string {
  return String(number).padStart(16, '0');
}

function parse(text: string): Numbers {
  const [, request = 0, alert = 0] = /^(\d{16}) (\d{16})\n$/.exec(text) ?? [];
  return { request: Number(request), alert: Number(alert) };
}
