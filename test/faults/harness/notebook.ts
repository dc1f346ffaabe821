import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';

/** A file of JSON lines, each synced to the disk before `note` returns: what it says happened has happened. */
export class Notebook<T> {
  readonly #file: number;
  #isClosed = false;

  constructor(readonly path: string) {
    this.#file = openSync(path, 'a');
  }

  /** After the end, nothing: another file may have the number of this one by then. */
  note(...entries: readonly T[]): void {
    if (entries.length === 0 || this.#isClosed) return;
    writeSync(this.#file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    fdatasyncSync(this.#file);
  }

  /** Everything noted so far, in order. */
  entries(): readonly T[] {
    return readFileSync(this.path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }
}
