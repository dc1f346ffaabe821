import type { Answer, Cause } from './answer.js';
import type { Delivery } from './journal.js';
import type { OptionsClass } from './source.js';

/** How one attempt ended. Expected failure is a value; a sink throws only when its own code is broken. */
export type Outcome =
  /** `remoteId` is what the other side calls it. */
  | { readonly kind: 'delivered'; readonly remoteId?: string; readonly answer?: Answer }
  /** 408, 425, 429, 5xx, network, deadline. `afterMs`: what the other side asked for. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      readonly cause: Cause;
      readonly afterMs?: number;
      readonly answer?: Answer;
    }
  /** 401, 403, 404, redirect, TLS, DNS name unknown: an operator must act. Everything is kept. */
  | {
      readonly kind: 'parked';
      readonly reason: string;
      readonly cause: Cause;
      /** True where the other side has given this place up (410): nothing is tried until an operator resumes it. */
      readonly isFinal?: boolean;
      readonly answer?: Answer;
    }
  /** 400, 413, 422: this alert will never pass. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly cause: Cause; readonly answer?: Answer };

/** A configured destination, as its plugin opens it. Safe to call twice with the same deliveries. */
export type Sink = {
  /** The most deliveries one call may carry, 1 where the other side takes one at a time. */
  readonly maxBatch: number;
  /** The most bytes of alert JSON one call may carry. */
  readonly maxBatchBytes?: number;
  /** How many calls may run at once. */
  readonly concurrency: number;
  /**
   * True where a late arrival overwrites (an incident's state); then a report older than one already accepted is not
   * sent. False where everything is appended (logs, files).
   */
  readonly keepsState: boolean;
  /**
   * How old a report may be, in milliseconds; an older one is sent with a later time. Absent: any age. The time is
   * `reportTimeOf` it.
   */
  readonly maxAge?: number;
  /** One outcome for all, or one each in the order given. */
  deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<Outcome | readonly Outcome[]>;
  /** True when a parked sink may go on. */
  probe?(signal: AbortSignal): Promise<boolean>;
  close?(): Promise<void>;
};

export type SinkContext = {
  /** The configured name. */
  readonly name: string;
  readonly now: () => number;
};

export type SinkPlugin<Options extends object = object> = {
  /** Equals the folder's name. */
  readonly type: string;
  readonly options: OptionsClass<Options>;
  open(options: Options, context: SinkContext): Sink;
};

/** Declares a sink plugin; the one export of `sinks/x/sink.ts`. */
export function defineSink<Options extends object>(plugin: SinkPlugin<Options>): SinkPlugin<Options> {
  return plugin;
}
