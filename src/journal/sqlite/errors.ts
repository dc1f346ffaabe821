import { JournalUnavailableError } from '../../core/errors.js';

/**
 * What a caller is told. Fatal is whatever leaves the open file untrustworthy: an I/O error, damage, or a file that
 * can no longer be written. A full disk is not: what is on it stays good, and space may come back.
 */
export function asUnavailable(error: unknown): JournalUnavailableError {
  if (error instanceof JournalUnavailableError) return error;
  if (isFull(error)) return diskIsFull(error);
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (!code.startsWith('SQLITE_')) {
    return new JournalUnavailableError(`The journal failed: ${message}`, false, { cause: error });
  }
  const isHarmless = /^SQLITE_(BUSY|LOCKED|CONSTRAINT|MISMATCH|RANGE|TOOBIG|INTERRUPT)/.test(code);
  return new JournalUnavailableError(`The journal failed with ${code}: ${message}`, !isHarmless, { cause: error });
}

export function diskIsFull(cause?: unknown): JournalUnavailableError {
  return new JournalUnavailableError('The disk of the journal is full. Free some space.', false, { cause });
}

export function isFull(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_FULL';
}

export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY');
}

/** Not by its class: the library is loaded once in a process, and its class belongs to the realm that loaded it. */
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
