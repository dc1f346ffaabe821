import type { Missing } from '../../core/missing.js';
import type { Query } from './database.js';

/**
 * What was found missing of a journal before it was moved here. Of a database that was restored nobody knows what it
 * lacks: nothing is ever added.
 */
export async function missingOf(query: Query): Promise<readonly Missing[]> {
  const rows = await query<{ missing: string; acknowledged_at: number | null }>(
    'SELECT missing, acknowledged_at FROM missing ORDER BY number',
  );
  return rows.map(({ missing, acknowledged_at: acknowledgedAt }) => ({
    ...(JSON.parse(missing) as Missing),
    ...(acknowledgedAt !== null && { acknowledgedAt }),
  }));
}

export async function acknowledgeMissing(query: Query, now: number): Promise<void> {
  await query('UPDATE missing SET acknowledged_at = $1 WHERE acknowledged_at IS NULL', [now]);
}
