import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { diskIsFull } from './errors.js';

/** Enough to move all of a WAL into the database, twice over: then the WAL can be written again, however full it is. */
const reserveBytes = 8_388_608;

/**
 * Space kept back for a full disk: it is given up then, so that what was accepted can still be settled and counted,
 * though nothing new is accepted.
 */
export class Reserve {
  constructor(private readonly path: string) {}

  /** Takes the space again; false where there is not enough. */
  take(): boolean {
    if (existsSync(this.path)) return true;
    try {
      fill(this.path);
      return true;
    } catch {
      this.giveUp();
      return false;
    }
  }

  giveUp(): void {
    rmSync(this.path, { force: true });
  }
}

function fill(path: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    // A disk that is nearly full takes a part of it without a word.
    if (writeSync(file, Buffer.alloc(reserveBytes)) < reserveBytes) throw diskIsFull();
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
