import type { Alert, Severity } from './alert.js';
import type { DeliveryState, Fault } from './journal.js';

/** Resend: to the same sink once more. Reroute: decided again by the routes of now, and owed where it is new. */
export const replayModes = ['resend', 'reroute'] as const;
export type ReplayMode = (typeof replayModes)[number];

export const resendStates = ['dead', 'delivered'] as const;
export type ResendState = (typeof resendStates)[number];

/** What a replay takes; all given must hold. */
export type ReplaySelect = {
  /** Of alerts. */
  readonly ids?: readonly string[];
  /** Has a delivery in this state. A resend takes dead ones unless told. */
  readonly state?: ResendState;
  readonly fault?: Fault;
  /** Only deliveries to this sink. */
  readonly sink?: string;
  readonly source?: string;
  readonly severity?: Severity;
  readonly unrouted?: boolean;
  /** Of acceptance, in milliseconds since the epoch: from inclusive, until exclusive. */
  readonly from?: number;
  readonly until?: number;
};

export type ReplayRequest = {
  readonly mode: ReplayMode;
  readonly select: ReplaySelect;
  /** Deliveries a second at most, and under way at once. */
  readonly rate: number;
  /** Also what could overwrite a newer report in a sink that keeps state. */
  readonly force: boolean;
  /** Two requests of one key are one replay. */
  readonly key?: string;
};

/** How far a replay has come. */
export type ReplayRecord = ReplayRequest & {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** When all that was selected had been looked at; deliveries may still be under way. */
  readonly finishedAt?: number;
  /** Alerts looked at. */
  readonly looked: number;
  /** Deliveries made due by it: pending + delivered + dead. */
  readonly owed: number;
  readonly pending: number;
  readonly delivered: number;
  readonly dead: number;
  /** Held back: a newer report of the finding is there, and the sink keeps state. */
  readonly outdated: number;
  /** To sinks that are no longer in the config. */
  readonly unconfigured: number;
};

/** A replay that has not looked at everything yet, and after which place to go on. */
export type UnfinishedReplay = { readonly replay: ReplayRecord; readonly place?: string };

/** An alert that a replay may take, with its deliveries as they are now. */
export type ReplayCandidate = {
  /** Where to go on after it. */
  readonly place: string;
  readonly alert: Alert;
  /** True when a newer report of its finding was accepted. */
  readonly isOutdated: boolean;
  readonly deliveries: readonly { readonly sink: string; readonly state: DeliveryState; readonly fault?: Fault }[];
};

/** A bounded stretch of candidates, in the order accepted. No `next`: the end. */
export type ReplayCandidates = { readonly items: readonly ReplayCandidate[]; readonly next?: string };

/** One step of a replay, kept whole or not at all: what is owed by it, and how far it has come. */
export type ReplayStep = {
  readonly owe: readonly {
    readonly alertId: string;
    readonly sink: string;
    /** Of a delivery that is new: the routes that ask for it now, and `Sink.keepsState`. */
    readonly routed?: { readonly routes: readonly string[]; readonly keepsState: boolean };
  }[];
  /** Where the replay stood when the step was decided; absent: at its beginning. */
  readonly from?: string;
  /** Where the next step goes on; absent: this was the last. */
  readonly place?: string;
} & Pick<ReplayRecord, 'looked' | 'outdated' | 'unconfigured'>;

/** What marks a delivery as one of a replay. */
export type ReplayMark = {
  readonly id: string;
  /** When it was made due again, in milliseconds since the epoch: its age counts from here. */
  readonly at: number;
  /** Attempts made before that: backoff counts from here. */
  readonly attemptsBefore: number;
};
