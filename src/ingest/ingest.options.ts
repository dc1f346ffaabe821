import type { AddressList } from '../kit/address.js';

/** The limits and the address of the ingest port. A class, so that it is the injection token too. */
export class IngestOptions {
  readonly host!: string;
  readonly port!: number;
  /** Bytes on the wire, and after inflating. */
  readonly maxBody!: number;
  readonly maxInflated!: number;
  /** Milliseconds for a whole request to arrive. */
  readonly requestTimeout!: number;
  readonly maxConnections!: number;
  /** The most that may be owed: deliveries, and the bytes of their alerts as JSON. */
  readonly maxPending!: number;
  readonly maxPendingBytes!: number;
  /** The proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: AddressList;
}
