/** Of all connections, what one address may hold before anything that came on them was accepted. */
const maxShare = 0.5;

/**
 * Counts, for each address, the connections on which nothing was accepted yet. One address can hold as many sockets as
 * it likes; the other half of them is kept for everybody else. Who proved itself on a connection is not counted on it.
 */
export class Newcomers {
  readonly #most: number;
  readonly #byAddress = new Map<string, number>();

  /** `connections`: how many there may be in all. */
  constructor(connections: number) {
    this.#most = Math.max(1, Math.floor(connections * maxShare));
  }

  /** How many addresses have any: no more than there are connections. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** Counts a connection; false, and it is not counted, where the address has its share. */
  add(address: string): boolean {
    const count = this.#byAddress.get(address) ?? 0;
    if (count >= this.#most) return false;
    this.#byAddress.set(address, count + 1);
    return true;
  }

  /** A connection that was counted proved itself, or ended. */
  remove(address: string): void {
    const count = (this.#byAddress.get(address) ?? 0) - 1;
    if (count > 0) this.#byAddress.set(address, count);
    else this.#byAddress.delete(address);
  }
}
