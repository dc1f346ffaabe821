import type { Alert } from '../../core/alert.js';
import type { Finding } from '../../core/finding.js';
import type { ReplayMark, ReplayRecord } from '../../core/replay.js';
import type { AcceptedRequest, AlertRecord, Attempt, DeliveryState, Fault, LookupRecord } from '../../core/journal.js';

/** What the memory journal holds, each numbered in the order it came. Only the journal and its backlogs change these. */

export type KeptRequest = Omit<AcceptedRequest, 'alerts' | 'unread' | 'probe' | 'part'> & {
  probe?: string;
  readonly seq: number;
  unread: readonly { readonly seq: number; readonly index?: number; readonly reason: string }[];
  /** How many of its alerts are still kept. */
  alerts: number;
};

export type KeptAlert = {
  readonly seq: number;
  alert: Alert;
  readonly request: KeptRequest;
  /** Milliseconds since the epoch: later than its request where that was read again. */
  readonly acceptedAt: number;
  /** Of its finding nothing was known. */
  readonly isFirst: boolean;
  readonly superseded: boolean;
  /** When it came by the other way, too. */
  again?: AlertRecord['again'];
  routes: readonly string[];
  duplicates: number;
  /** Of the alert as JSON, as it was given. */
  bytes: number;
  deliveries: readonly KeptDelivery[];
  lookup?: LookupRecord;
};

export type KeptDelivery = {
  readonly seq: number;
  readonly of: KeptAlert;
  readonly sink: string;
  readonly routes: readonly string[];
  state: DeliveryState;
  /** While pending, once it was tried or is held: due on the wall clock, and on one that never jumps; whichever comes first. */
  due?: { readonly at: number; readonly uptime: number };
  lease?: { readonly token: number; readonly until: number } | undefined;
  history: readonly Attempt[];
  settledAt?: number;
  remoteId?: string;
  fault?: Fault;
  reason?: string;
  /** The last replay that made it due, and the newest replay then. */
  replay?: ReplayMark & { readonly by: KeptReplay; readonly newestReplay: number };
};

export type KeptReplay = { readonly seq: number; record: ReplayRecord; place?: string | undefined };

export type KeptFinding = {
  finding: Finding;
  /** Accepted last; with it the finding is forgotten. */
  last: KeptAlert;
  /** By dedup key: when that report was first accepted, and as which alert. */
  readonly reports: Map<string, { readonly at: number; readonly as: KeptAlert }>;
};
