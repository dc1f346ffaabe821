import type { Answer, Cause } from './answer.js';

/** What the other side made of a test event. */
export type SinkTest = {
  readonly outcome: 'delivered' | 'retry' | 'parked' | 'rejected';
  readonly cause?: Cause;
  readonly reason?: string;
  /** What the other side calls it. */
  readonly remoteId?: string;
  /** The other side's words, without credentials. */
  readonly answer?: Answer;
  readonly durationMs: number;
};

/**
 * What an operator can do with a running sink. The seam between the admin side and delivery; a type and an injection
 * token in one. All but `giveUp` reject for a name that no running sink has.
 */
export abstract class SinkControl {
  /** Holds all deliveries until `resume`, over a restart too. */
  abstract park(sink: string, reason: string): Promise<void>;
  /** Ends a parking, whoever began it. */
  abstract resume(sink: string): Promise<void>;
  /** Sends a marked event on the way of every delivery, parked or not. It is in no journal and no count. */
  abstract test(sink: string): Promise<SinkTest>;
  /** Makes dead letters of what is due to a sink that does not run, and says of how many; rejects for one that runs. */
  abstract giveUp(sink: string): Promise<number>;
}
