import { mkdir, open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Outcome } from '../../core/sink.js';
import { NotAFileError, outcomeOfFailure } from './failure.js';

/**
 * A file that lines are appended to. It may be renamed or removed at any time, as log rotation does: the next batch goes
 * to a new file of that name. Others may append to it too. Not for two calls at once.
 */
export class LineFile {
  #handle: FileHandle | undefined;

  constructor(private readonly path: string) {}

  /** Delivered when all lines, each with its line feed, are on the disk; after a failure some of them may be. */
  async append(lines: readonly string[]): Promise<Outcome> {
    try {
      const handle = await this.#current();
      await writeWhole(handle, Buffer.from(lines.join('')));
      await handle.datasync();
      return { kind: 'delivered' };
    } catch (error) {
      // A half written line is ended when the file is opened again. It is not cut off: by now, others may have written
      // behind it. And after a failed sync, a second one on the same handle may say that all is well.
      await this.close();
      return outcomeOfFailure(error, this.path);
    }
  }

  /** Whether the file can be opened to append. */
  async isWritable(): Promise<boolean> {
    try {
      const handle = await openForLines(this.path);
      await handle.close();
      return true;
    } catch {
      return false;
    }
  }

  /** May be called twice. What was acknowledged is on the disk, so that nothing is lost if closing fails. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }

  /** The open file, as long as it is the one of that name. */
  async #current(): Promise<FileHandle> {
    if (this.#handle && !(await isAt(this.path, this.#handle))) await this.close();
    this.#handle ??= await openForLines(this.path);
    return this.#handle;
  }
}

async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  const opened = await handle.stat({ bigint: true });
  // Whatever is wrong with the path, opening it will say.
  const named = await stat(path, { bigint: true }).catch(() => undefined);
  return named?.ino === opened.ino && named.dev === opened.dev;
}

/** Ready for the next line: what a crash or a full disk cut off has been ended. */
async function openForLines(path: string): Promise<FileHandle> {
  const handle = await openOrCreate(path);
  try {
    const stats = await handle.stat();
    if (stats.isFIFO()) throw new NotAFileError();
    if (stats.size === 0) await syncFolder(dirname(path));
    else if (!(await endsInLineFeed(handle, stats.size))) await writeWhole(handle, Buffer.from('\n'));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** For its owner alone, since alerts are not for everybody to read. The folders above the last one must be there. */
async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a+', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await createFolder(dirname(path));
    return open(path, 'a+', 0o600);
  }
}

async function createFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, 0o700);
  } catch (error) {
    // Another sink was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  await syncFolder(dirname(folder));
}

async function endsInLineFeed(handle: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() === '\n';
}

/** In one call of the system if it can be, so that nobody else's lines come between. */
async function writeWhole(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written);
    written += bytesWritten;
  }
}

/** A new file is on the disk by its name only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
