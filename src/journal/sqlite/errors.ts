import Database from 'better-sqlite3';
import { JournalUnavailableError } from '../../core/errors.js';

/**
 * What a caller is told. Fatal is whatever leaves the open file untrustworthy: an I/O error, damage, or a file that
 * can no longer be written. A full disk is not: what is on it stays good, and space may come back.
 */
export function asUnavailable(error: unknown): JournalUnavailableError {
  if (error instanceof JournalUnavailableError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Database.SqliteError)) {
    return new JournalUnavailableError(`The journal failed: ${message}`, false, { cause: error });
  }
  const { code } = error;
  if (isFull(error)) return diskIsFull(error);
  const isHarmless = /^SQLITE_(BUSY|LOCKED|CONSTRAINT|MISMATCH|RANGE|TOOBIG|INTERRUPT)/.test(code);
  return new JournalUnavailableError(`The journal failed with ${code}: ${message}`, !isHarmless, { cause: error });
}

export function diskIsFull(cause?: unknown): JournalUnavailableError {
  return new JournalUnavailableError('The disk of the journal is full. Free some space.', false, { cause });
}

export function isFull(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_FULL';
}

export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
