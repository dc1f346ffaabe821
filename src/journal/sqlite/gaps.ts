import type Database from 'better-sqlite3';
import type { Missing, NumberRange } from '../../core/missing.js';
import type { Numbers } from './mark.js';

type GapRow = {
  readonly noticed_at: number;
  readonly request_from: number;
  readonly request_to: number;
  readonly alert_from: number;
  readonly alert_to: number;
  readonly write_from: number;
  readonly write_to: number;
  readonly acknowledged_at: number | null;
  readonly end_unknown: number;
  readonly backup_at: number | null;
};

/** What was found missing, ever: few rows, and never purged. */
export class Gaps {
  readonly #insert;
  readonly #insertUnknown;
  readonly #select;
  readonly #acknowledge;

  constructor(db: Database.Database) {
    this.#insert = db.prepare(
      `INSERT INTO gaps (noticed_at, request_from, request_to, alert_from, alert_to, write_from, write_to)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertUnknown = db.prepare(
      `INSERT INTO gaps (noticed_at, request_from, request_to, alert_from, alert_to, write_from, write_to,
         end_unknown, backup_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?)`,
    );
    this.#select = db.prepare<[], GapRow>('SELECT * FROM gaps ORDER BY number');
    this.#acknowledge = db.prepare('UPDATE gaps SET acknowledged_at = ? WHERE acknowledged_at IS NULL');
  }

  /** Notes what lies between what was found in the journal and what the mark says. Called within a transaction. */
  note(found: Numbers, marked: Numbers, at: number): void {
    const ranges = (['request', 'alert', 'write'] as const).flatMap((each) => [found[each] + 1, marked[each]]);
    this.#insert.run(at, ...ranges);
  }

  /**
   * Notes that there was no mark to compare what was found with, and the time of the backup that the journal is a copy
   * of. Called within a transaction.
   */
  noteUnknown({ request, alert, write }: Numbers, at: number, backupAt: number | undefined): void {
    const none = [request, alert, write].flatMap((last) => [last + 1, last]);
    this.#insertUnknown.run(at, ...none, backupAt ?? null);
  }

  all(): readonly Missing[] {
    return this.#select.all().map((row) => {
      const requests = rangeOf(row.request_from, row.request_to);
      const alerts = rangeOf(row.alert_from, row.alert_to);
      return {
        noticedAt: row.noticed_at,
        writes: { from: row.write_from, to: row.write_to },
        ...(requests && { requests }),
        ...(alerts && { alerts }),
        ...(row.end_unknown === 1 && {
          endUnknown: { lastAlert: row.alert_to, ...(row.backup_at !== null && { backupAt: row.backup_at }) },
        }),
        ...(row.acknowledged_at !== null && { acknowledgedAt: row.acknowledged_at }),
      };
    });
  }

  /** An operator knows of all of them. Called within a transaction. */
  acknowledge(now: number): void {
    this.#acknowledge.run(now);
  }
}

function rangeOf(from: number, to: number): NumberRange | undefined {
  return to < from ? undefined : { from, to };
}
