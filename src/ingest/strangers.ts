import ipaddr from 'ipaddr.js';
import { isIPv6 } from 'node:net';

/** How many requests an address may make that nobody recognises, at once and then each second. */
const burst = 60;
const perSecond = 1;
/** About 2 MB. Beyond it the address that was quiet for longest is forgotten, which only gives it a new start. */
const mostAddresses = 10_000;
/** How long an address that proved itself by a signature may send large signed bodies whatever else comes from it. */
const provenForMs = 24 * 3_600_000;

type Bucket = { tokens: number; at: number };

/**
 * Remembers the addresses whose requests were not recognised, and how many more of them are answered in full. An address
 * is one of IPv4, or a /64 of IPv6, which is what one sender gets. It is asked only of what is not recognised: who shows
 * a right credential is never told to wait, whatever else comes from the same address.
 */
export class Strangers {
  readonly #buckets = new Map<string, Bucket>();
  readonly #proven = new Map<string, number>();

  /** `now`: milliseconds on a clock that never jumps. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** How many addresses are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** True when requests of this address were not recognised lately. */
  knows(address: string): boolean {
    return this.#buckets.size > 0 && this.#buckets.has(keyOf(address));
  }

  /** Counts a request that was not recognised. Returns for how many seconds it is too many; 0: it is not. */
  turnedAway(address: string): number {
    const key = keyOf(address);
    const bucket = this.#filled(key);
    this.#buckets.delete(key);
    if (this.#buckets.size >= mostAddresses) deleteFirst(this.#buckets);
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perSecond);
    bucket.tokens -= 1;
    return 0;
  }

  /** True when an address has used up what it may send unrecognised. Counts nothing. */
  isSpent(address: string): boolean {
    return this.knows(address) && this.#filled(keyOf(address)).tokens < 1;
  }

  /** A signed request of this address proved genuine. */
  proved(address: string): void {
    const key = keyOf(address);
    this.#proven.delete(key);
    if (this.#proven.size >= mostAddresses) deleteFirst(this.#proven);
    this.#proven.set(key, this.now());
  }

  hasProved(address: string): boolean {
    const at = this.#proven.get(keyOf(address));
    return at !== undefined && this.now() - at < provenForMs;
  }

  /** Forgets the addresses that may send as many again as at first; for now and then. */
  forget(): void {
    for (const key of this.#buckets.keys()) {
      // In the order in which they were last turned away.
      if (this.#filled(key).tokens < burst) return;
      this.#buckets.delete(key);
    }
  }

  #filled(key: string): Bucket {
    const now = this.now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    return bucket;
  }
}

function keyOf(address: string): string {
  return isIPv6(address) ? ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':') : address;
}

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
