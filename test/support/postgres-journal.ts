import type { Journal, JournalContext } from '../../src/core/journal.js';
import { Secret } from '../../src/core/secret.js';
import { postgres } from '../../src/journal/postgres/plugin.js';
import { PostgresOptions } from '../../src/journal/postgres/options.js';

/** A journal on the database of that URL, with options that differ from the tests' usual ones. */
export function openPostgresJournal(
  url: string,
  options: Partial<PostgresOptions> = {},
  context: Partial<JournalContext> = {},
): Promise<Journal> {
  const told = { url: new Secret(url), ssl: false, pool: 4, timeout: 3_000, ...options };
  return postgres.open(Object.assign(new PostgresOptions(), told), { now: Date.now, ...context });
}
