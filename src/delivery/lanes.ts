/** Calls that run at once, up to a bound that may change while they do. */
export class Lanes {
  readonly #running = new Set<Promise<unknown>>();

  /** Starts a call as soon as fewer than `bound()` run; resolves when it was started. */
  async start(bound: () => number, call: () => Promise<unknown>): Promise<void> {
    while (this.#running.size >= bound()) await Promise.race(this.#running);
    this.take(call());
  }

  /** Counts a call, which must not reject, until it ends. */
  take(call: Promise<unknown>): void {
    this.#running.add(call);
    void call.finally(() => this.#running.delete(call));
  }

  /** Resolves when no call runs. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }
}
