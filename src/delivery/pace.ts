/** What one claim may take to send: far below a lease, so that nothing claimed waits until somebody else may claim it. */
const claimMs = 100;
const mostRounds = 8;
/** How much of the last durations the newest one replaces. */
const weight = 0.1;

/** How fast a sink takes what it is sent: a quick one is given more at a time, since each claim is a trip to the journal. */
export class Pace {
  #durationMs = claimMs;

  /** How many deliveries for each call that may run at once. */
  get rounds(): number {
    return Math.min(mostRounds, Math.max(1, Math.floor(claimMs / this.#durationMs)));
  }

  /** Takes note of how many milliseconds a call took, whatever came of it. */
  record(durationMs: number): void {
    this.#durationMs += weight * (Math.max(1, durationMs) - this.#durationMs);
  }
}
