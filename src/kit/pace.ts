import type { Clock } from './api-clock.js';

const minuteMs = 60_000;

/** Lets at most `perMinute` begin within any minute; the others wait. */
export class Pace {
  /** When the last ones began, oldest first. */
  readonly #begun: number[] = [];

  constructor(
    private readonly perMinute: number,
    private readonly clock: Clock,
  ) {}

  /** Resolves when one more may begin. Rejects with the signal's reason. */
  async turn(signal?: AbortSignal): Promise<void> {
    for (let waitMs = this.#begin(); waitMs > 0; waitMs = this.#begin()) await this.clock.sleep(waitMs, signal);
  }

  /** Milliseconds until it is worth asking again; 0 when one has begun. */
  #begin(): number {
    const now = this.clock.now();
    for (let [oldest] = this.#begun; oldest !== undefined && !isWithinMinute(oldest, now); [oldest] = this.#begun) {
      this.#begun.shift();
    }
    const [oldest] = this.#begun;
    if (oldest !== undefined && this.#begun.length >= this.perMinute) return oldest + minuteMs - now;
    this.#begun.push(now);
    return 0;
  }
}

/** A clock that was set back must not keep anybody waiting. */
function isWithinMinute(begun: number, now: number): boolean {
  return begun <= now && now < begun + minuteMs;
}
