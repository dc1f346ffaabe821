import type Database from 'better-sqlite3';
import type { AuditEntry } from '../../core/journal.js';
import type { Role } from '../../core/role.js';
import { present } from '../../kit/present.js';
import { stretchOf, toNumber, type From, type Stretch } from './searches.js';

/** One step holds the writer up for a few milliseconds. */
const rowsPerStep = 200;

export type AuditRow = {
  readonly seq: number;
  readonly at: number;
  readonly who: string;
  readonly role: Role | null;
  readonly remote_address: string;
  readonly action: string;
  readonly outcome: AuditEntry['outcome'];
  readonly status: number;
  readonly detail: string | null;
};

/** Who changed what by the admin side. */
export class AuditTrail {
  readonly #insert;
  readonly #select;
  readonly #delete;

  constructor(db: Database.Database) {
    this.#insert = db.prepare<[number, string, string | null, string, string, string, number, string | null]>(
      `INSERT INTO audit (at, who, role, remote_address, action, outcome, status, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#select = db.prepare<[number, number], AuditRow>(
      'SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?',
    );
    this.#delete = db.prepare<[number, number]>(
      'DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at <= ? ORDER BY at LIMIT ?)',
    );
  }

  /** Called within a transaction. */
  add({ at, who, role, remoteAddress, action, outcome, status, detail }: AuditEntry): void {
    this.#insert.run(at, who, role ?? null, remoteAddress, action, outcome, status, detail ?? null);
  }

  list({ limit, place }: From): Stretch<AuditEntry> {
    return stretchOf(this.#select.all(toNumber(place), limit), limit, (row) => ({
      place: String(row.seq),
      item: toEntry(row),
    }));
  }

  /** Removes some rows of this time and before; returns how many. Called within a transaction. */
  removeUntil(cutoff: number): number {
    return this.#delete.run(cutoff, rowsPerStep).changes;
  }
}

export function toEntry(row: AuditRow): AuditEntry {
  const { at, who, role, remote_address: remoteAddress, action, outcome, status, detail } = row;
  return present({
    at,
    who,
    role: role ?? undefined,
    remoteAddress,
    action,
    outcome,
    status,
    detail: detail ?? undefined,
  });
}
