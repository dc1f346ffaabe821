import { JournalUnavailableError } from '../../core/errors.js';

type Waiting<Item, Result> = {
  readonly items: readonly Item[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
  /** Ends the wait. */
  readonly late: NodeJS.Timeout;
};

export type BatchLimits = {
  /** How many items in one transaction. */
  readonly most: number;
  /** How many items wait before a caller is turned away. */
  readonly mostWaiting: number;
  /** How long a caller waits, in milliseconds. */
  readonly lateMs: number;
};

const busy = 'PostgreSQL takes too long: too many are waiting for it';

/**
 * Group commit: whatever has gathered goes in one transaction as soon as the last one is done, so that many wait for one
 * sync, and nobody for a timer.
 */
export class Batches<Item, Result> {
  readonly #waiting = new Set<Waiting<Item, Result>>();
  #count = 0;
  #isRunning = false;

  constructor(
    private readonly run: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly limits: BatchLimits,
  ) {}

  /**
   * The results of the items, in order. Items of one call are in one transaction. Whoever has waited for too long is
   * told so then: what is in a transaction by that time may be kept all the same.
   */
  add(items: readonly Item[]): Promise<readonly Result[]> {
    const { mostWaiting, lateMs } = this.limits;
    if (this.#count >= mostWaiting) return Promise.reject(new JournalUnavailableError(busy, false));
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#takeOut(waiting);
        reject(new JournalUnavailableError(`PostgreSQL has not answered for ${String(lateMs / 1_000)} s`, false));
      }, lateMs);
      const waiting = { items, resolve, reject, late };
      this.#waiting.add(waiting);
      this.#count += items.length;
      if (!this.#isRunning) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    // What comes in the same turn goes along.
    await Promise.resolve();
    while (this.#waiting.size > 0) await this.#runSome(this.#takeSome());
    this.#isRunning = false;
  }

  #takeSome(): readonly Waiting<Item, Result>[] {
    const calls: Waiting<Item, Result>[] = [];
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count >= this.limits.most) break;
      calls.push(waiting);
      count += waiting.items.length;
      this.#takeOut(waiting);
    }
    return calls;
  }

  #takeOut(waiting: Waiting<Item, Result>): void {
    if (this.#waiting.delete(waiting)) this.#count -= waiting.items.length;
  }

  async #runSome(calls: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.run(calls.flatMap(({ items }) => items));
      let at = 0;
      for (const { items, resolve } of calls) {
        resolve(results.slice(at, at + items.length));
        at += items.length;
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    } finally {
      for (const { late } of calls) clearTimeout(late);
    }
  }
}
