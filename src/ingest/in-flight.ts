/** All the bytes of bodies that may be under way at once, from their arrival to the answer. */
const maxBytes = 256_000_000;
/** What one source may take of them: a noisy one leaves room for the others. */
const maxShare = 0.5;

/** Counts the bytes of bodies under way, so that a slow disk fills no memory. */
export class InFlight {
  #total = 0;
  readonly #bySource = new Map<string, number>();

  constructor(private readonly limit = maxBytes) {}

  /** What to answer instead of taking more: 429 where the source has its share, 503 where all is full. */
  refusal(source: string): 429 | 503 | undefined {
    if (this.#total > this.limit) return 503;
    return (this.#bySource.get(source) ?? 0) > this.limit * maxShare ? 429 : undefined;
  }

  /** Counts bytes in; with a negative number, out again. */
  add(source: string, bytes: number): void {
    this.#total += bytes;
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + bytes);
  }
}
