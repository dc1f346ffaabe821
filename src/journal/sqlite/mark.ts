import { closeSync, constants, existsSync, fdatasyncSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { JournalUnavailableError } from '../../core/errors.js';

/** The numbers given last: to a request, to an alert, to a transaction. */
export type Numbers = { readonly request: number; readonly alert: number; readonly write: number };

/**
 * How far the journal had come, kept outside of it. A WAL that was damaged or deleted is cut off by SQLite without a
 * word, and what was in it is gone: this is how we notice. It is written after each commit, so that it never claims
 * more than was on disk; and synced before the answer where something was accepted, so that it claims no less either.
 */
export class Mark {
  /** False where there was none, or one that cannot be read. */
  readonly isKnown: boolean;
  readonly #file: number;
  #written: Numbers;

  constructor(path: string) {
    const isNew = !existsSync(path);
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const found = parse(readFileSync(this.#file, 'utf8'));
    this.isKnown = found !== undefined;
    this.#written = found ?? { request: 0, alert: 0, write: 0 };
    if (isNew) this.#create(path);
  }

  /** As it was found, or written since; zeros where there was none. */
  get last(): Numbers {
    return this.#written;
  }

  /** Throws a fatal `JournalUnavailableError`: what cannot be marked could go missing without a trace. */
  write(numbers: Numbers): void {
    const { request, alert } = this.#written;
    try {
      this.#put(numbers);
      if (numbers.request !== request || numbers.alert !== alert) fdatasyncSync(this.#file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new JournalUnavailableError(`The mark beside the journal cannot be written: ${reason}`, true, {
        cause: error,
      });
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Always the same length at the same place in one write: a crash leaves no half of it, and a full disk has room. */
  #put(numbers: Numbers): void {
    const text = [numbers.request, numbers.alert, numbers.write].map(pad).join(' ');
    writeSync(this.#file, `${text} ${checksum(text)}\n`, 0);
    this.#written = { ...numbers };
  }

  /** A power cut must not take the file itself. */
  #create(path: string): void {
    this.#put(this.#written);
    fsyncSync(this.#file);
    const folder = openSync(dirname(path), constants.O_RDONLY);
    fsyncSync(folder);
    closeSync(folder);
  }
}

function pad(number: number): string {
  return String(number).padStart(16, '0');
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/** The first form of it had two numbers and no checksum. */
function parse(text: string): Numbers | undefined {
  const [, request, alert, write, sum] = /^(\d{16}) (\d{16})(?: (\d{16}) ([0-9a-f]{8}))?\n$/.exec(text) ?? [];
  if (request === undefined || alert === undefined) return undefined;
  if (sum !== undefined && sum !== checksum(text.slice(0, text.lastIndexOf(' ')))) return undefined;
  return { request: Number(request), alert: Number(alert), write: Number(write ?? 0) };
}
