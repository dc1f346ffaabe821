import type { Database } from './database.js';
import type { Decisions, Names } from './names.js';

/** What all that works on the database needs to know. */
export type Tables = {
  readonly database: Database;
  readonly sources: Names;
  readonly sinks: Names;
  readonly routes: Names;
  readonly decisions: Decisions;
  /** The number of this router. */
  readonly instance: number;
  readonly name: string;
  readonly dedupWindow: number;
};
