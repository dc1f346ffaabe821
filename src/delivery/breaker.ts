import type { Outcome } from '../core/sink.js';
import { backoffMs } from '../kit/backoff.js';

/** Consecutive failures after which a sink is left alone for a while. */
const failuresToOpen = 5;

/**
 * How hard a sink may be pressed. Each retry halves the calls that may run at once and each success adds one, so that
 * a sink that comes back is not trampled; after five failures in a row it is left alone for a growing while, and then
 * tried with a single call. What it asks for with Retry-After holds for all calls to it.
 */
export class Breaker {
  #lanes: number;
  #failures = 0;
  #closedUntil = 0;
  /** When the last failure counted. */
  #failedAt = 0;

  constructor(
    private readonly maxLanes: number,
    private readonly random: () => number = Math.random,
  ) {
    this.#lanes = maxLanes;
  }

  /** How many calls may run at once now. */
  get lanes(): number {
    return this.#lanes;
  }

  /** True after five failures in a row, until a success. */
  get isOpen(): boolean {
    return this.#failures >= failuresToOpen;
  }

  /** Milliseconds before the next call may start. Like all times here on a clock that never jumps. */
  waitMs(now: number): number {
    return Math.max(0, this.#closedUntil - now);
  }

  /**
   * Takes note of how one call ended. A rejection is a healthy sink's answer. Once open, calls that were under way with
   * the last one that failed say nothing new: else one moment of trouble in sixteen lanes would count as sixteen.
   */
  record(outcome: Outcome, now: number, startedAt = now): void {
    if (outcome.kind === 'delivered' || outcome.kind === 'rejected') {
      this.#failures = 0;
      this.#lanes = Math.min(this.maxLanes, this.#lanes + 1);
      return;
    }
    const isNews = !this.isOpen || startedAt >= this.#failedAt;
    if (isNews) {
      this.#failures += 1;
      this.#failedAt = now;
    }
    this.#lanes = this.isOpen ? 1 : Math.max(1, Math.floor(this.#lanes / 2));
    const afterMs = outcome.kind === 'retry' ? outcome.afterMs : undefined;
    if (afterMs !== undefined || (this.isOpen && isNews)) {
      const delay = backoffMs(Math.max(1, this.#failures - failuresToOpen + 1), this.random(), afterMs);
      this.#closedUntil = Math.max(this.#closedUntil, now + delay);
    }
  }

  /** One call to try whether a parked sink works again. */
  halfOpen(): void {
    this.#failures = failuresToOpen;
    this.#lanes = 1;
    this.#closedUntil = 0;
  }
}
