import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';

/** Enough to settle with for as long as it takes: what is settled makes room for the next. */
const reserveBytes = 1_048_576;

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
    writeSync(file, Buffer.alloc(reserveBytes));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
