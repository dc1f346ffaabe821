import { existsSync } from 'node:fs';
import { JournalUnavailableError } from '../../core/errors.js';
import type { MoveSource } from '../../core/move.js';
import { JournalExport } from './export.js';
import { Store, type StoreOptions } from './store.js';

/**
 * Opens a journal to move it elsewhere, as a router would: it is locked, brought to this version, and what is missing of
 * it is noted. Throws `JournalUnavailableError` where there is none, where a router has it, or a newer one wrote it.
 */
export function openExport(path: string, options: Omit<StoreOptions, 'path'>, now: number): MoveSource {
  if (!existsSync(path)) throw new JournalUnavailableError(`There is no journal ${path}.`, true);
  const store = new Store({ ...options, path }, now);
  try {
    return new JournalExport(store);
  } catch (error) {
    store.close();
    throw error;
  }
}
