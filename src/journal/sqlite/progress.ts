import type Database from 'better-sqlite3';

/** How far the journal's own work has come. */
export type ProgressName =
  | 'findings_to'
  | 'last_request'
  | 'last_alert'
  | 'last_unread'
  | 'last_write'
  | 'checked_at'
  | 'backup_at'
  | 'backup_write';

/** 0 when nothing was written yet. */
export function readProgress(db: Database.Database, name: ProgressName): number {
  const value = db.prepare<[string], number>('SELECT value FROM progress WHERE name = ?').pluck().get(name);
  return value ?? 0;
}

export function writeProgress(db: Database.Database, name: ProgressName, value: number): void {
  db.prepare('INSERT OR REPLACE INTO progress VALUES (?, ?)').run(name, value);
}
