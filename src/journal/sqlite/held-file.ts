import { closeSync, fstatSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { BackupCopy } from '../../core/journal.js';

/** A file that can be read at its descriptor, valid in every thread of the process. */
export type Copied = { readonly file: number; readonly bytes: number };

const chunkBytes = 262_144;
const readAsync = promisify(read);

/**
 * The database file, which a backup reads while nothing is written to it. It is opened once and closed after the
 * database: the kernel drops a process's locks on a file when the process closes any descriptor of it.
 */
export class HeldFile {
  readonly #file: number;
  #isHeld = false;

  constructor(path: string) {
    this.#file = openSync(path, 'r');
  }

  /** True while nothing may be written to the file. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  hold(): Copied {
    this.#isHeld = true;
    return { file: this.#file, bytes: fstatSync(this.#file).size };
  }

  /** False when it was let go before. */
  letGo(): boolean {
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    return wasHeld;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/**
 * Reads a held file and hands it over chunk by chunk, all but the last chunk, which it returns. Nothing is handed over
 * once the signal aborted: the descriptor may then be that of another file.
 */
export async function copyAllButLast({ file, bytes }: Copied, copy: BackupCopy, signal: AbortSignal): Promise<Buffer> {
  let last = Buffer.alloc(0);
  for (let at = 0; at < bytes; at += last.length) {
    if (last.length > 0) await copy.take(last);
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes - at));
    signal.throwIfAborted();
    const { bytesRead } = await readAsync(file, chunk, 0, chunk.length, at);
    signal.throwIfAborted();
    if (bytesRead === 0) throw new Error('the file became shorter while it was copied');
    last = chunk.subarray(0, bytesRead);
  }
  return last;
}
