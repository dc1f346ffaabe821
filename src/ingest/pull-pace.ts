import { backoffMs, type Backoff } from '../kit/backoff.js';
import type { PulledPage, PullFailure } from '../core/source.js';

/** How a pull ended. */
export type PullEnd =
  /** `done`: nothing is left; `cut`: the most pages were taken. */
  { readonly kind: 'done' } | { readonly kind: 'cut' } | PullFailure;

const minuteMs = 60_000;

/** What may pass by itself. */
const failed: Backoff = { firstMs: 5_000, longestMs: 10 * minuteMs, longestAskedMs: 60 * minuteMs };
/** An operator is needed, who may have been there. */
const parked: Backoff = { firstMs: minuteMs, longestMs: 15 * minuteMs, longestAskedMs: 60 * minuteMs };

/**
 * Milliseconds from the end of a pull to the next one; `failures` in a row, of which this is the last. What the vendor
 * asked for wins over the backoff where it is longer, up to an hour. `random` in [0, 1).
 */
export function nextPullMs(end: PullEnd, failures: number, everyMs: number, random: number): number {
  switch (end.kind) {
    case 'done':
    case 'cut':
      return everyMs;
    case 'retry':
      return backoffMs(failures, random, end.afterMs, failed);
    case 'parked':
      return backoffMs(failures, random, 0, parked);
    // It begins anew, and only where that does not help it must not do so all the time.
    case 'lost':
      return failures === 1 ? 0 : backoffMs(failures, random, 0, failed);
  }
}

/** How long so many new alerts take at a rate of so many a second. */
export function paceMs(accepted: number, perSecond: number): number {
  return (1_000 * accepted) / perSecond;
}

/** What the pages of a pull had in them so far. */
export type PullSum = {
  readonly pages: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
};

/** How the pull ends with this page, or undefined where it goes on. `accepted`: what was new on it. */
export function endWith(
  page: Pick<PulledPage, 'cursor' | 'isLast'> & { readonly accepted: number },
  cursorBefore: string | undefined,
  { pages, accepted, duplicates, quarantined }: PullSum,
  maxPages: number,
): PullEnd | undefined {
  if (page.isLast) return { kind: 'done' };
  if (page.cursor === cursorBefore && page.accepted === 0) {
    return { kind: 'retry', reason: 'the vendor gives the same page again and again' };
  }
  if (pages < maxPages) return undefined;
  if (accepted + duplicates + quarantined > 0) return { kind: 'cut' };
  return { kind: 'retry', reason: `the vendor gave ${pages} pages with nothing in them and says there are more` };
}
