import type { Pending } from '../../core/journal.js';

/** What of a source's totals is shown on the board. */
type SourceTotal = {
  readonly number: number;
  readonly name: string;
  readonly pending: number;
  readonly pending_bytes: number;
};

/** Sources that ever had a name of their own; later ones count in the whole alone. 32 kB of memory. */
const mostSources = 4_095;
const kilobyte = 1_000;

/**
 * How much is owed, in memory that both threads see: the writer's thread keeps it, the event loop reads it whenever it
 * likes and nobody sends anything. Two whole numbers for each source, deliveries and kilobytes, by its number; those at
 * 0 are of all sources.
 */
export class PendingBoard {
  readonly memory = new SharedArrayBuffer(2 * (mostSources + 1) * Int32Array.BYTES_PER_ELEMENT);
  readonly #cells = new Int32Array(this.memory);
  readonly #shown = new Map<number, Pending>();
  #newSources: (readonly [name: string, number: number])[] = [];
  #deliveries = 0;
  #bytes = 0;

  /** Shows what is on disk now of these sources. */
  show(sources: Iterable<SourceTotal>): void {
    for (const { number, name, pending: deliveries, pending_bytes: bytes } of sources) {
      const before = this.#shown.get(number);
      if (before?.deliveries === deliveries && before.bytes === bytes) continue;
      if (!before) this.#newSources.push([name, number]);
      this.#shown.set(number, { deliveries, bytes });
      this.#deliveries += deliveries - (before?.deliveries ?? 0);
      this.#bytes += bytes - (before?.bytes ?? 0);
      if (number <= mostSources) this.#write(number, deliveries, bytes);
    }
    this.#write(0, this.#deliveries, this.#bytes);
  }

  /** The sources that were shown for the first time since this was last asked. */
  takeNewSources(): readonly (readonly [name: string, number: number])[] {
    const sources = this.#newSources;
    if (sources.length > 0) this.#newSources = [];
    return sources;
  }

  #write(number: number, deliveries: number, bytes: number): void {
    Atomics.store(this.#cells, 2 * number, deliveries);
    Atomics.store(this.#cells, 2 * number + 1, Math.ceil(bytes / kilobyte));
  }
}

/** The event loop's sight of the board. */
export class PendingView {
  readonly #cells: Int32Array;
  readonly #numbers = new Map<string, number>();

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory);
  }

  /** Tells it under which numbers sources are shown. */
  learn(sources: readonly (readonly [name: string, number: number])[]): void {
    for (const [name, number] of sources) if (number <= mostSources) this.#numbers.set(name, number);
  }

  /** Of all, or of one source; nothing of one that has no number yet. */
  pending(source?: string): Pending {
    const number = source === undefined ? 0 : this.#numbers.get(source);
    if (number === undefined) return { deliveries: 0, bytes: 0 };
    return {
      deliveries: Atomics.load(this.#cells, 2 * number),
      bytes: Atomics.load(this.#cells, 2 * number + 1) * kilobyte,
    };
  }
}
