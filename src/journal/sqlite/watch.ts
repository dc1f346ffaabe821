import { statSync } from 'node:fs';
import { JournalUnavailableError } from '../../core/errors.js';

/**
 * Notices that the files of a journal are no longer those that were opened. SQLite does not: it goes on writing into a
 * file that was deleted or replaced, and all of that is gone when the process ends.
 */
export class FileWatch {
  readonly #files: readonly { readonly path: string; readonly identity: string }[];

  constructor(path: string) {
    this.#files = [path, `${path}-wal`, `${path}.mark`].map((file) => ({ path: file, identity: identityOf(file) }));
  }

  /** Throws a fatal `JournalUnavailableError` when a file is gone or another. */
  check(): void {
    for (const { path, identity } of this.#files) {
      if (identityOf(path) === identity) continue;
      throw new JournalUnavailableError(
        `${path} was deleted or replaced while the router ran. What was accepted since the last checkpoint may be lost; ` +
          'put the file back before the router is started again.',
        true,
      );
    }
  }
}

function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}` : 'none';
}
