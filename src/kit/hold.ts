import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from '../core/journal.js';

/** So long after a router was killed nobody does what it did. */
const holdMs = 15_000;
/** How often whoever holds something says that it goes on, and whoever waits for it asks. */
const againMs = 5_000;

/** What is to be done, and by whom. */
export type Held = {
  /** What it is called among the routers on a journal. */
  readonly name: string;
  /** Names this router among them. */
  readonly holder: string;
  /** Ends the waiting and the work. */
  readonly signal: AbortSignal;
};

/**
 * Does something in one router on a journal at a time: waits until no other does it, then works until that is done. The
 * signal that `work` is given also aborts once another router may have taken over; then this one waits for its turn
 * again. Resolves when the work is done or the signal aborted, and rejects with what `work` rejects with.
 */
export async function asHolder(
  journal: Pick<Journal, 'hold'>,
  { name, holder, signal }: Held,
  work: (signal: AbortSignal) => Promise<void>,
  { forMs, everyMs } = { forMs: holdMs, everyMs: againMs },
): Promise<void> {
  while (!signal.aborted) {
    let until = performance.now() + forMs;
    // A journal that cannot be asked now tells of it at every other call.
    if (!(await journal.hold(name, holder, forMs).catch(() => false))) {
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const lost = new AbortController();
    const renew = async (): Promise<void> => {
      const from = performance.now();
      try {
        if (await journal.hold(name, holder, forMs)) until = from + forMs;
        else lost.abort();
      } catch {
        if (performance.now() + everyMs > until) lost.abort();
      }
    };
    const timer = setInterval(() => void renew(), everyMs);
    try {
      await work(AbortSignal.any([signal, lost.signal]));
      if (!lost.signal.aborted) return;
    } finally {
      clearInterval(timer);
      if (!lost.signal.aborted) await journal.hold(name, holder, 0).catch(() => false);
    }
  }
}
