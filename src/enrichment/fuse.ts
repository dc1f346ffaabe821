/** So many failures in a row, and the vendor's API is left alone for a while. */
const mostFailures = 5;
const restMs = 30_000;

/** Keeps a vendor's API that fails from being asked again and again. Times in milliseconds since the epoch. */
export class Fuse {
  #failures = 0;
  #until = 0;
  #reason = '';

  /** What stands against asking now; undefined: nothing. After a rest one call may try, and the others wait for it. */
  resting(now: number): { readonly until: number; readonly reason: string } | undefined {
    return now < this.#until ? { until: this.#until, reason: this.#reason } : undefined;
  }

  /** One call is about to be made: after a rest, the only one until it ends. */
  begin(now: number): void {
    if (this.#failures >= mostFailures) this.#until = now + restMs;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#until = 0;
  }

  failed(reason: string, now: number): void {
    this.#failures += 1;
    this.#reason = reason;
    if (this.#failures >= mostFailures) this.#until = now + restMs;
  }
}
