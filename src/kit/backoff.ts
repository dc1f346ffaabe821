/** How long to wait between attempts, in milliseconds. */
export type Backoff = {
  readonly firstMs: number;
  readonly longestMs: number;
  /** The longest wait that another side can ask for. */
  readonly longestAskedMs: number;
};

/** For deliveries, which have days. */
const patient: Backoff = { firstMs: 1_000, longestMs: 5 * 60_000, longestAskedMs: 15 * 60_000 };

/**
 * Milliseconds to wait after the given failed attempt (from 1): full jitter over an exponential from 1 s, doubling, to
 * 5 min, so that those who failed together do not come back together. What the other side asked for (`afterMs`) wins
 * over it when it is longer, up to 15 min. `random` in [0, 1).
 */
export function backoffMs(attempt: number, random: number, afterMs = 0, backoff = patient): number {
  const ceiling = Math.min(backoff.longestMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(Math.round(random * ceiling), Math.min(afterMs, backoff.longestAskedMs));
}
