import type { DataTheorem, PolicyViolation } from './client/datatheorem.js';

type Seeker = {
  readonly id: string;
  readonly settle: (found: PolicyViolation | undefined) => void;
  readonly fail: (error: Error) => void;
};

/**
 * Finds violations by their ids. The API has them as a list only, so one reading of it serves all who seek: it goes on
 * as long as somebody does, one page at a time, however many they are.
 */
export class ViolationSearch {
  readonly #seekers = new Set<Seeker>();
  #isReading = false;

  constructor(private readonly client: DataTheorem) {}

  /** Undefined where a whole reading, begun after this call, did not have it. Rejects with the signal's reason. */
  async find(id: string, signal: AbortSignal): Promise<PolicyViolation | undefined> {
    signal.throwIfAborted();
    const done = new AbortController();
    try {
      return await new Promise((settle, fail) => {
        const seeker: Seeker = { id, settle, fail };
        const leave = (): void => {
          this.#seekers.delete(seeker);
          fail(signal.reason as Error);
        };
        signal.addEventListener('abort', leave, { signal: done.signal });
        this.#seekers.add(seeker);
        if (!this.#isReading) void this.#read();
      });
    } finally {
      done.abort();
    }
  }

  /** Never rejects: whoever seeks is told. */
  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#seekers.size > 0) {
      const fromTheBeginning = [...this.#seekers];
      try {
        await this.#readOnce();
        for (const seeker of fromTheBeginning) this.#settle(seeker, undefined);
      } catch (error) {
        for (const seeker of this.#seekers) seeker.fail(error as Error);
        this.#seekers.clear();
      }
    }
    this.#isReading = false;
  }

  /** To the end of the list, or until nobody seeks any longer. */
  async #readOnce(): Promise<void> {
    for await (const violation of this.client.policyViolations.list()) {
      for (const seeker of this.#seekers) if (seeker.id === violation.id) this.#settle(seeker, violation);
      if (this.#seekers.size === 0) return;
    }
  }

  #settle(seeker: Seeker, found: PolicyViolation | undefined): void {
    this.#seekers.delete(seeker);
    seeker.settle(found);
  }
}
