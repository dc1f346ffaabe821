import type { Sink } from '../core/sink.js';

/** What delivery works with. A class, so that it is the injection token too. */
export class DeliveryOptions {
  /** The configured sinks by name. */
  readonly sinks!: ReadonlyMap<string, Sink>;
  /** Milliseconds after accept when retrying ends in the dead letters. */
  readonly maxAge!: number;
  /** Milliseconds that running deliveries get to end at shutdown. */
  readonly shutdownGrace!: number;
}
