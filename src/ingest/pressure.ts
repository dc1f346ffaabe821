import type { ActivityStream } from '../core/activity.js';
import type { Journal } from '../core/journal.js';
import { fillOf, highFill, type PendingLimits, type PressureLevel } from '../core/pressure.js';

/** Full from 1 on, until it is below this: else it would change with every delivery. */
const openAgainBelow = 0.9;
/** As far above `high`, for the same reason. */
const normalAgainBelow = highFill - 0.1;
/** What a source below its fair share may still add when the others have filled all. */
const reserve = 0.1;

/**
 * Holds the backlog to its limits. Full, it takes nothing more from a source that has its fair share of it, nine tenths
 * of the limit divided by the number of sources; the others may go on into a reserve of a tenth, so that a noisy source silences no
 * quiet one. What has been accepted stays accepted whatever happens.
 */
export class Pressure {
  #level: PressureLevel = 'normal';
  readonly #fairShare: number;

  constructor(
    private readonly limits: PendingLimits,
    sources: number,
    private readonly journal: Pick<Journal, 'pending'>,
    private readonly activity: ActivityStream,
  ) {
    this.#fairShare = openAgainBelow / Math.max(sources, 1);
  }

  /** True when nothing more is to be taken from a source now. */
  refuses(source: string): boolean {
    const fill = this.look();
    if (this.#level !== 'full') return false;
    return fill >= 1 + reserve || fillOf(this.journal.pending(source), this.limits) >= this.#fairShare;
  }

  /** Looks how full it is, tells of it when that crossed a mark, and returns it as a share of the limit. */
  look(): number {
    const pending = this.journal.pending();
    const fill = fillOf(pending, this.limits);
    const level = this.#next(fill);
    if (level !== this.#level) {
      this.#level = level;
      this.activity.next({ kind: 'pressure', at: Date.now(), level, fill, pending });
    }
    return fill;
  }

  #next(fill: number): PressureLevel {
    if (fill >= 1 || (this.#level === 'full' && fill >= openAgainBelow)) return 'full';
    if (fill >= highFill || (this.#level !== 'normal' && fill >= normalAgainBelow)) return 'high';
    return 'normal';
  }
}
