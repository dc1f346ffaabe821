/** Calls that run at once, up to a bound that may change while they do. */
export class Lanes {
  readonly #running = new Set<Promise<void>>();

  /** Resolves when fewer than `bound()` calls run. */
  async free(bound: () => number): Promise<void> {
    while (this.#running.size >= bound()) await Promise.race(this.#running);
  }

  /** Counts a call until it ends. */
  take(call: Promise<void>): void {
    this.#running.add(call);
    void call.finally(() => this.#running.delete(call));
  }

  /** Resolves when no call runs. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }
}
