import { JournalUnavailableError } from '../../core/errors.js';

type Waiting<Item, Result> = {
  readonly items: readonly Item[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
};

const busy = 'PostgreSQL takes too long: there are too many webhooks waiting for it';

/**
 * Group commit: whatever has gathered goes in one transaction as soon as the last one is done, so that many wait for one
 * sync, and nobody for a timer.
 */
export class Batches<Item, Result> {
  readonly #waiting: Waiting<Item, Result>[] = [];
  #count = 0;
  #isRunning = false;

  /** `most` items in one transaction, and `mostWaiting` before a caller is turned away. */
  constructor(
    private readonly run: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly most: number,
    private readonly mostWaiting: number,
  ) {}

  /** The results of the items, in order. Items of one call are in one transaction. */
  add(items: readonly Item[]): Promise<readonly Result[]> {
    if (this.#count >= this.mostWaiting) return Promise.reject(new JournalUnavailableError(busy, false));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, resolve, reject });
      this.#count += items.length;
      if (!this.#isRunning) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    // What comes in the same turn goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#runSome(this.#take());
    this.#isRunning = false;
  }

  #take(): readonly Waiting<Item, Result>[] {
    let count = 0;
    let calls = 0;
    while (calls < this.#waiting.length && (calls === 0 || count < this.most)) {
      count += this.#waiting[calls]?.items.length ?? 0;
      calls += 1;
    }
    this.#count -= count;
    return this.#waiting.splice(0, calls);
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
    }
  }
}
