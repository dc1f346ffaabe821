const minuteMs = 60_000;

/** So many calls a minute, refilled evenly; what was not used is not saved for longer than that. */
export class Allowance {
  #left: number;
  #at: number;

  constructor(
    private readonly perMinute: number,
    now: number,
  ) {
    this.#left = perMinute;
    this.#at = now;
  }

  /** False when there is none left. A clock that is set back gives nothing. */
  take(now: number): boolean {
    const refill = (Math.max(0, now - this.#at) / minuteMs) * this.perMinute;
    this.#left = Math.min(this.perMinute, this.#left + refill);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
