import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal, Parkings } from '../core/journal.js';

/** So soon a router follows what another one parked or resumed. */
const everyMs = 1_000;

/**
 * Looks what is parked until the signal aborts. `observe` is called before each look, and what it returns takes what was
 * found: so that nobody takes an answer for news that is older than what they did themselves.
 */
export async function followParkings(
  journal: Pick<Journal, 'parkings'>,
  signal: AbortSignal,
  observe: () => (parkings: Parkings) => void,
): Promise<void> {
  for (;;) {
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    const take = observe();
    // A journal that cannot be asked now tells of it at every other call.
    const parkings = await journal.parkings().catch(() => undefined);
    if (parkings) take(parkings);
  }
}
