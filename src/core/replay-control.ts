import type { ReplayRecord, ReplayRequest } from './replay.js';

/** What a replay would do if it were asked for now. */
export type ReplayPlan = {
  /** Alerts that the selection has, and deliveries that would be made. */
  readonly alerts: number;
  readonly deliveries: number;
  readonly sinks: readonly {
    readonly sink: string;
    readonly deliveries: number;
    /** Of them: older than the sink takes, and so sent with a later time. */
    readonly restamped: number;
    /** Held back unless forced: the sink keeps state, and a newer report of the finding is there. */
    readonly outdated: number;
  }[];
  /** The first of those that would be sent with a later time. */
  readonly restamped: readonly { readonly alertId: string; readonly sink: string; readonly time: string }[];
  /** Deliveries to sinks that are no longer in the config. */
  readonly unconfigured: number;
  /** What an operator should know before, in words. */
  readonly warnings: readonly string[];
};

/** How the admin side asks for replays, and knows nothing of who makes them. A type and an injection token in one. */
export abstract class ReplayControl {
  /** Looks at everything that is selected, and changes nothing. */
  abstract plan(request: ReplayRequest): Promise<ReplayPlan>;
  /** Resolves once it cannot be forgotten any more, before anything is sent. Asked twice, it is the same one. */
  abstract start(request: ReplayRequest): Promise<ReplayRecord>;
}
