const most = 1_000;

/** Remembers the digests that were added last. */
export class LastDigests {
  readonly #digests = new Set<string>();

  has(digest: string): boolean {
    return this.#digests.has(digest);
  }

  add(digest: string): void {
    this.#digests.add(digest);
    const [oldest] = this.#digests;
    if (this.#digests.size > most && oldest !== undefined) this.#digests.delete(oldest);
  }
}
