import type Database from 'better-sqlite3';
import { Decisions } from './decisions.js';
import { Hours } from './hours.js';
import { PendingBoard } from './pending.js';
import { Totals } from './totals.js';

const sourceFields = [
  'requests',
  'accepted',
  'duplicates',
  'quarantined',
  'probes',
  'unrouted',
  'pending',
  'pending_bytes',
] as const;
const routeFields = ['alerts'] as const;
const sinkFields = ['pending', 'delivered', 'dead', 'superseded'] as const;

/** Everything that has a name in the config, its number on disk, and what was counted of it. */
export class Ledger {
  readonly sources;
  readonly routes;
  readonly sinks;
  readonly decisions;
  readonly hours;
  readonly pending = new PendingBoard();

  constructor(db: Database.Database) {
    this.sources = new Totals(db, 'sources', sourceFields);
    this.routes = new Totals(db, 'routes', routeFields);
    this.sinks = new Totals(db, 'sinks', sinkFields);
    this.decisions = new Decisions(db);
    this.hours = new Hours(db);
    this.pending.show(this.sources.all());
  }

  /** Writes what the open transaction counted. */
  flush(): void {
    for (const totals of [this.sources, this.routes, this.sinks]) totals.write();
    this.hours.flush();
  }

  commit(): void {
    this.pending.show(this.sources.changed());
    for (const totals of [this.sources, this.routes, this.sinks]) totals.commit();
    this.hours.commit();
  }

  rollback(): void {
    for (const totals of [this.sources, this.routes, this.sinks]) totals.rollback();
    this.hours.rollback();
    this.decisions.forget();
  }
}
