const firstDelayMs = 1_000;
const maxDelayMs = 5 * 60_000;
/** The longest wait that another side can ask for. */
const maxAskedMs = 15 * 60_000;

/**
 * Milliseconds to wait after the given failed attempt (from 1): full jitter over an exponential from 1 s, doubling, to
 * 5 min, so that those who failed together do not come back together. What the other side asked for (`afterMs`) wins
 * over it when it is longer, up to 15 min. `random` in [0, 1).
 */
export function backoffMs(attempt: number, random: number, afterMs = 0): number {
  const ceiling = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(Math.round(random * ceiling), Math.min(afterMs, maxAskedMs));
}
