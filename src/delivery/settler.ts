import type { Settlement } from '../core/journal.js';

/** What ends within this time is settled together: one write and one sync of the disk instead of one for each. */
const gatherMs = 5;

/** Gathers settlements for a moment. A crash in it repeats a few deliveries more; it loses none. */
export class Settler {
  #gathered: Settlement[] = [];
  #flush: Promise<void> | undefined;

  constructor(private readonly write: (settlements: readonly Settlement[]) => Promise<unknown>) {}

  /** Resolves when they are durable; rejects when they could not be written. */
  settle(settlements: readonly Settlement[]): Promise<void> {
    this.#gathered.push(...settlements);
    this.#flush ??= new Promise((resolve, reject) => {
      setTimeout(() => {
        const gathered = this.#gathered;
        this.#gathered = [];
        this.#flush = undefined;
        this.write(gathered).then(() => {
          resolve();
        }, reject);
      }, gatherMs);
    });
    return this.#flush;
  }
}
