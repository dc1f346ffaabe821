import type { Delivery, Journal, Lease } from '../core/journal.js';

/** Of a lease, between two looks: it is renewed before half of it is over. */
const shareOfLease = 0.25;
const mostBetweenMs = 30_000;

/**
 * The leases of what a loop has claimed and not settled. They are renewed for as long as that takes: a sink may be
 * slower than a lease is long, and a batch may wait for its turn.
 */
export class Leases {
  /** Since when each was last known to hold, on the clock that never jumps. */
  readonly #held = new Map<Lease, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly sink: string,
    private readonly journal: Pick<Journal, 'leaseMs' | 'renew'>,
  ) {
    const everyMs = Math.min(journal.leaseMs * shareOfLease, mostBetweenMs);
    this.#timer = setInterval(() => {
      // What the journal could not do now it may still do a quarter later; it says why at every other request.
      this.#renew(everyMs).catch(() => undefined);
    }, everyMs).unref();
  }

  take(deliveries: readonly Delivery[]): void {
    const now = performance.now();
    for (const { lease } of deliveries) this.#held.set(lease, now);
  }

  drop(deliveries: readonly Delivery[]): void {
    for (const { lease } of deliveries) this.#held.delete(lease);
  }

  /** False once another router is known to have claimed it. */
  holds({ lease }: Delivery): boolean {
    return this.#held.has(lease);
  }

  /** Renews nothing more. */
  close(): void {
    clearInterval(this.#timer);
  }

  async #renew(ageMs: number): Promise<void> {
    const now = performance.now();
    const old = [...this.#held].filter(([, since]) => now - since >= ageMs).map(([lease]) => lease);
    if (old.length === 0) return;
    const renewed = new Set((await this.journal.renew(this.sink, old)).map(({ seq, token }) => keyOf(seq, token)));
    for (const lease of old) {
      if (!this.#held.has(lease)) continue;
      if (renewed.has(keyOf(lease.seq, lease.token))) this.#held.set(lease, now);
      else this.#held.delete(lease);
    }
  }
}

function keyOf(seq: number, token: number): string {
  return `${String(seq)} ${String(token)}`;
}
