import type { Delivery } from '../core/journal.js';

/** What one look for due deliveries found. */
export type Look = {
  readonly deliveries: readonly Delivery[];
  /** How long until there may be more without anybody ringing, in milliseconds. */
  readonly againMs?: number;
};

/** A clock that jumps must not make anybody wait for ever, nor may a timer overflow. */
const longestWaitMs = 30_000;

/**
 * Wakes those who wait for deliveries of a sink, one at a time: whoever finds something wakes the next, so that many
 * waiters do not all look for one delivery.
 */
export class ClaimBell {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #rings = new Map<string, number>();
  #isClosed = false;

  /** Says that there may be something to claim for a sink. */
  ring(sink: string): void {
    this.#rings.set(sink, this.#count(sink) + 1);
    this.#wakeOne(sink);
  }

  /** Ends every loop. */
  close(): void {
    this.#isClosed = true;
    for (const waiting of this.#waiting.values()) for (const wake of [...waiting]) wake();
  }

  /**
   * Looks, yields what is found, and waits for the bell or for `againMs` when there is nothing. What was found after
   * the signal aborted goes to `giveBack`. A look that fails because the end has come is the end.
   */
  async *loop(
    sink: string,
    look: () => Promise<Look>,
    giveBack: (deliveries: readonly Delivery[]) => Promise<void>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Delivery[], void, undefined> {
    const isOver = () => signal.aborted || this.#isClosed;
    try {
      while (!isOver()) {
        const heard = this.#count(sink);
        const { deliveries, againMs } = await look();
        if (deliveries.length === 0) {
          if (heard === this.#count(sink)) await this.#wait(sink, againMs ?? longestWaitMs, signal);
        } else if (isOver()) {
          await giveBack(deliveries);
        } else {
          this.#wakeOne(sink);
          yield deliveries;
        }
      }
    } catch (error) {
      if (!isOver()) throw error;
    } finally {
      // Whoever leaves may have been the one that was woken.
      this.#wakeOne(sink);
    }
  }

  #count(sink: string): number {
    return this.#rings.get(sink) ?? 0;
  }

  #wakeOne(sink: string): void {
    const [first] = this.#waiting.get(sink) ?? [];
    first?.();
  }

  async #wait(sink: string, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isClosed) return;
    const waiters = this.#waiting.get(sink) ?? new Set();
    this.#waiting.set(sink, waiters);
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(Math.max(ms, 1), longestWaitMs));
      waiters.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
