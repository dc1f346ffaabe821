import type { Alert, Kind, NewAlert, Severity, State } from './alert.js';
import type { JournalUnavailableError } from './errors.js';
import type { Answer, Cause } from './answer.js';
import type { Instance, InstanceName } from './instance.js';
import type { Ledger, LedgerRange } from './ledger.js';
import type { Missing } from './missing.js';
import type { MoveSource, MoveTarget } from './move.js';
import type { DayAccount, DayRange, PullMark, PullState, Way } from './reconciliation.js';
import type { Role } from './role.js';
import type {
  ReplayCandidates,
  ReplayMark,
  ReplayRecord,
  ReplayRequest,
  ReplaySelect,
  ReplayStep,
  UnfinishedReplay,
} from './replay.js';

/** One authenticated request on its way to the disk: its bytes once, and what was read from them. */
export type AcceptedRequest = {
  /** UUIDv7; `alert.raw.ref`. */
  readonly id: string;
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly remoteAddress: string;
  /** How the sender was recognised, e.g. `bearer`. */
  readonly authentication: string;
  readonly contentType: string;
  /** The inflated bytes as received, and their SHA-256 in hex. */
  readonly body: Buffer;
  readonly sha256: string;
  readonly alerts: readonly RoutedAlert[];
  /** What was authentic but unreadable, whole (no index) or in part. */
  readonly unread: readonly { readonly index?: number; readonly reason: string }[];
  readonly probe?: string;
  /** Set for a page of a pull. One that brings nothing new is not kept, only where it leads. */
  readonly pull?: PullMark;
  /** Set where this is a part of the request: see `append`. */
  readonly part?: RequestPart;
};

/** Which of the parts of a request, that are more than one. */
export type RequestPart = { readonly isFirst: boolean; readonly isLast: boolean };

export const wholeRequest: RequestPart = { isFirst: true, isLast: true };

export type RoutedAlert = {
  readonly alert: NewAlert;
  /** The alert as JSON, where it was made already. */
  readonly json?: string;
  /** The routes that matched, in the order written; none: the alert is kept as unrouted. */
  readonly routes: readonly string[];
  readonly sinks: readonly RoutedSink[];
  /** Milliseconds since the epoch: its deliveries are not due before, while more is learned of it. */
  readonly notBefore?: number;
};

/** An alert after more was learned of it, as it is decided now. Identity, state, severity and times are as they were. */
export type Amendment = {
  readonly alert: NewAlert;
  readonly routes: readonly string[];
  readonly sinks: readonly RoutedSink[];
  readonly lookup?: LookupRecord;
};

/** What became of asking the vendor's API for an alert. */
export type LookupRecord = {
  /** When it was begun, in milliseconds since the epoch, and how long it took. */
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: LookupOutcome;
  /** Why it failed or was not made. */
  readonly reason?: string;
  /** The answer was one given before, or the one that another alert was waiting for. */
  readonly isShared?: true;
  /** The names of the alert's fields that it added to. */
  readonly added: readonly string[];
  /** What was learned came too late: a delivery may have gone out, and the alert stayed as it was. */
  readonly isLate?: true;
};

/** `known` and `unknown`: the vendor's answer. `failed`, `timeout`: there was none. `skipped`: it was not asked. */
export const lookupOutcomes = ['known', 'unknown', 'failed', 'timeout', 'skipped'] as const;
export type LookupOutcome = (typeof lookupOutcomes)[number];

/** One delivery to be made, and the routes that ask for it. */
export type RoutedSink = {
  readonly sink: string;
  readonly routes: readonly string[];
  /** `Sink.keepsState`: then a superseded report is not sent. */
  readonly keepsState: boolean;
};

export type Receipt = {
  /** One for each alert of the request, in order. `id` is the stored alert's: for a duplicate, the first one's. */
  readonly alerts: readonly { readonly id: string; readonly status: 'accepted' | 'duplicate' }[];
};

/** One alert owed to one sink, claimed for one attempt. */
export type Delivery = {
  /** Stable over attempts: what an idempotent sink may use as its key. */
  readonly id: string;
  readonly sink: string;
  readonly alert: Alert;
  /** The routes that asked for this delivery. */
  readonly routes: readonly string[];
  /** This attempt, counted from 1. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly acceptedAt: number;
  /** Set while it is sent again, or later than it was accepted, because an operator asked. */
  readonly replay?: ReplayMark;
  readonly lease: Lease;
};

/** How much to claim: deliveries, bytes of alert JSON, and whether a parked sink gives some too, to try it with. */
export type ClaimLimit = { readonly count: number; readonly bytes?: number; readonly whileParked?: boolean };

/** The right to settle a claimed delivery; void once it expired and somebody else claimed. */
export type Lease = { readonly seq: number; readonly token: number };

export type Attempt = {
  readonly attempt: number;
  /** Milliseconds since the epoch, and how long the call took. */
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: 'delivered' | 'retry' | 'parked' | 'rejected';
  /** The router that made it, where several share the journal. */
  readonly instance?: string;
  readonly cause?: Cause;
  readonly reason?: string;
  readonly answer?: Answer;
};

/** What became of one claimed delivery. */
export type Settlement = {
  readonly sink: string;
  readonly lease: Lease;
  readonly attempt: Attempt;
  readonly next:
    | { readonly kind: 'delivered'; readonly remoteId?: string }
    /** Again, not before `dueAt` (milliseconds since the epoch). */
    | { readonly kind: 'pending'; readonly dueAt: number }
    /** Given up. */
    | { readonly kind: 'dead'; readonly fault: Fault; readonly reason: string };
};

export const deliveryStates = ['pending', 'delivered', 'dead', 'superseded'] as const;
/** Superseded: not sent, because a newer report of the finding had been accepted and the sink keeps state. */
export type DeliveryState = (typeof deliveryStates)[number];

/** Why a delivery was given up: they refused it, our plugin broke, its age passed the limit, or an operator said so. */
export const faults = ['theirs', 'ours', 'age', 'operator'] as const;
export type Fault = (typeof faults)[number];

/** A delivery as the admin side shows it. */
export type DeliveryRecord = {
  readonly alertId: string;
  readonly sink: string;
  readonly routes: readonly string[];
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly dueAt?: number;
  readonly settledAt?: number;
  readonly remoteId?: string;
  readonly fault?: Fault;
  readonly reason?: string;
  /** The last replay that made it due. */
  readonly replay?: ReplayMark;
  /** The router that has it out now, where several share the journal. */
  readonly heldBy?: string;
};

/** A delivery in a list: with what tells which alert it is of, and what the other side said last. */
export type DeliverySummary = DeliveryRecord &
  Pick<AlertSummary, 'receivedAt' | 'source' | 'severity' | 'title'> & { readonly answer?: Answer };

/** All that is known of one accepted alert. */
export type AlertRecord = {
  readonly alert: Alert;
  readonly superseded: boolean;
  /** How often this very report came again. */
  readonly duplicates: number;
  readonly routes: readonly string[];
  readonly request: Pick<
    AcceptedRequest,
    'id' | 'source' | 'receivedAt' | 'remoteAddress' | 'authentication' | 'contentType'
  > & {
    /** The router that took it, where several share the journal. */
    readonly instance?: string;
  };
  readonly deliveries: readonly (DeliveryRecord & { readonly history: readonly Attempt[] })[];
  /** Set where the vendor's API was asked for it. */
  readonly lookup?: LookupRecord;
  /** Set where it came by the other way, too. */
  readonly again?: SecondWay;
};

/** How an alert that was kept came by the other way as well. */
export type SecondWay = {
  readonly by: Way;
  /** When first, in milliseconds since the epoch. */
  readonly at: number;
  /** What it knew more: the fields as they are with it. It is in the alert, unless it came too late. */
  readonly added?: Partial<NewAlert>;
  /** A delivery may have gone out before: the alert stays as it was sent. */
  readonly isLate?: true;
};

/** An authentic request, or part of one, that could not be read; or a vendor's probe. */
export type RequestRecord = {
  readonly requestId: string;
  readonly source: string;
  readonly receivedAt: number;
  readonly contentType: string;
  readonly bytes: number;
  readonly index?: number;
  /** Why it could not be read, or which probe it was. */
  readonly reason: string;
};

/** A request with something in the quarantine, to be read again. */
export type QuarantinedRequest = Pick<
  AcceptedRequest,
  'id' | 'source' | 'receivedAt' | 'remoteAddress' | 'contentType' | 'body'
> & {
  /** What of it could not be read; without an index, the whole body. `number` is the journal's own. */
  readonly parts: readonly { readonly number: number; readonly index?: number }[];
};

/** What another reading made of quarantined parts: they all go, and this is in their place. */
export type Reread = Pick<AcceptedRequest, 'alerts' | 'unread' | 'probe'> & {
  readonly requestId: string;
  /** Their numbers. */
  readonly parts: readonly number[];
  /** These are the first alerts, of many: the parts stay until the last come. */
  readonly isUnfinished?: true;
};

export type AlertSummary = {
  readonly id: string;
  readonly fingerprint: string;
  readonly receivedAt: string;
  readonly source: string;
  readonly kind: Kind;
  readonly state: State;
  readonly severity: Severity;
  readonly title: string;
  readonly superseded: boolean;
  readonly routes: readonly string[];
  readonly deliveries: readonly { readonly sink: string; readonly state: DeliveryState; readonly attempts: number }[];
};

/** All given must hold. */
export type AlertQuery = {
  readonly source?: string;
  readonly kind?: Kind;
  readonly state?: State;
  readonly severity?: Severity;
  /** Has a delivery to this sink; with `deliveryState`, in that state. */
  readonly sink?: string;
  readonly deliveryState?: DeliveryState;
  readonly unrouted?: boolean;
  readonly fingerprint?: string;
  /** One of its `vendorIds`. */
  readonly vendorId?: string;
  /** Milliseconds since the epoch: from inclusive, until exclusive. */
  readonly from?: number;
  readonly until?: number;
};

/** All given must hold. */
export type DeliveryQuery = {
  readonly sink?: string;
  readonly state?: DeliveryState;
  readonly fault?: Fault;
} & Pick<AlertQuery, 'source' | 'severity' | 'from' | 'until'>;

/** What is owed and not settled yet: deliveries, and the bytes of their alerts as JSON. */
export type Pending = { readonly deliveries: number; readonly bytes: number };

export type PageRequest = { readonly limit: number; readonly cursor?: string };
/** Newest first; no `next`: the end. A search that finds little ends after a while with a short page and a `next`. */
export type Page<T> = { readonly items: readonly T[]; readonly next?: string };

/** Who ends a parking: `router`, a probe that succeeds, or an operator; `operator`, nobody but an operator. */
export type ParkedBy = 'router' | 'operator';

/** Why, since when (milliseconds since the epoch) and by whom a sink is parked. */
export type Parked = { readonly reason: string; readonly since: number; readonly by: ParkedBy };

/** By the names of sinks, and of sources that pull. */
export type Parkings = { readonly sinks: ReadonlyMap<string, Parked>; readonly pulls: ReadonlyMap<string, Parked> };

export type SinkBacklog = {
  readonly sink: string;
  readonly pending: number;
  readonly delivered: number;
  readonly dead: number;
  readonly superseded: number;
  /** Accept time of the oldest pending delivery, milliseconds since the epoch. */
  readonly oldestPendingAt?: number;
  /** Set while the sink is parked. */
  readonly parked?: Parked;
};

/** Totals since the journal began. */
export type JournalCounts = {
  readonly sources: readonly {
    readonly source: string;
    readonly requests: number;
    readonly accepted: number;
    readonly duplicates: number;
    readonly quarantined: number;
    readonly probes: number;
    readonly unrouted: number;
  }[];
  readonly routes: readonly { readonly route: string; readonly alerts: number }[];
  readonly sinks: readonly SinkBacklog[];
  /** Of every source that ever pulled. */
  readonly pulls: readonly PullState[];
  /** What was on disk once and was found missing, oldest first. */
  readonly missing: readonly Missing[];
};

/** One attempt to change something by the admin side: who, what, when, from where, and how it ended. */
export type AuditEntry = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The name of the token, or `local` where none is asked for. */
  readonly who: string;
  /** Absent where the request was turned away before anybody was recognised. */
  readonly role?: Role;
  readonly remoteAddress: string;
  /** Method and path, e.g. `POST /api/v1/sinks/pager/park`. */
  readonly action: string;
  /** Refused: not allowed (403). Failed: allowed, and could not be done. */
  readonly outcome: 'done' | 'refused' | 'failed';
  /** The HTTP status it was answered with. */
  readonly status: number;
  /** What was sent with it, as JSON, cut off where it is long. */
  readonly detail?: string;
};

/** Takes a backup: first how many bytes there will be, then those bytes, a chunk at a time. */
export type BackupCopy = {
  begin(bytes: number): void;
  take(chunk: Buffer): Promise<void>;
};

/**
 * The durable seam between ingest and delivery, and the account of every alert. An abstract class, so that it is the
 * type and the injection token in one. Every method may reject with `JournalUnavailableError`.
 */
export abstract class Journal {
  /**
   * Keeps requests: resolves when a power cut could not take them back. Everything of one call is kept or nothing.
   * Decides duplicates (one `dedupKey` within the window) and `action`.
   *
   * A large request comes in parts: a call for each, one after the other, alike in all but their alerts. It is counted
   * once and its body is kept once. A `probe` comes with the first part, `unread` with the last, and only with that a
   * pull has come to where the page leads. Parts that were kept stay, though the last never comes.
   */
  abstract append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]>;

  /**
   * Deliveries that are due, oldest first, at most `limit` (and about `maxBytes` of alert JSON) at a time, leased to
   * the caller. Of one finding at most one delivery is out at once, and none before an earlier one is settled. Waits
   * while there is nothing to do or the sink is parked; ends when the signal aborts.
   */
  abstract claim(sink: string, limit: ClaimLimit, signal: AbortSignal): AsyncIterable<readonly Delivery[]>;

  /**
   * Puts an alert of which more was learned in the place of the one that was kept, with its decision and its deliveries:
   * those of before are gone, those of now are due at once. All of it or nothing, and only while no delivery of it can
   * have gone out: none was claimed (by a process before this one, either) or made due by a replay. False when it is too
   * late for that, or the alert is gone; the lookup is remembered all the same.
   */
  abstract amend(alertId: string, amendment: Amendment): Promise<boolean>;

  /** Records what became of claimed deliveries; durable when it resolves. Returns how many leases were still valid. */
  abstract settle(settlements: readonly Settlement[]): Promise<number>;

  /** How long a claimed delivery is whose claimed it, in milliseconds, unless its lease is renewed. */
  abstract readonly leaseMs: number;

  /** Begins leases anew, where nobody else has claimed meanwhile; returns those that go on. */
  abstract renew(sink: string, leases: readonly Lease[]): Promise<readonly Lease[]>;

  /** Gives claimed deliveries back untried, as at shutdown: due at once, no attempt counted. */
  abstract release(sink: string, leases: readonly Lease[]): Promise<void>;

  /**
   * Stops claims for a sink until `resume`; survives a restart. Parked again, a sink keeps its first time, and its
   * first reason too, unless an operator now holds what the router had parked. Returns what holds from now on.
   */
  abstract park(sink: string, reason: string, by?: ParkedBy): Promise<Parked>;
  /** Ends a parking, for `router` only one of its own. Returns the one that it ended. */
  abstract resume(sink: string, by?: ParkedBy): Promise<Parked | undefined>;
  /** All that is parked now, by whichever router: cheap enough to be asked every second. */
  abstract parkings(): Promise<Parkings>;

  /**
   * Where the pull of a source stands. Asked for the first time, it begins at `since`, milliseconds since the epoch:
   * that is kept, so that a first pull which fails for long leaves no gap.
   */
  abstract beginPull(source: string, since: number): Promise<PullState>;
  /** Undefined where it never began. */
  abstract pullState(source: string): Promise<PullState | undefined>;
  /** As `park` and `resume`, of the pull of a source: nothing else about the source is parked. */
  abstract parkPull(source: string, reason: string, by?: ParkedBy): Promise<Parked>;
  abstract resumePull(source: string, by?: ParkedBy): Promise<Parked | undefined>;
  /**
   * Makes `holder` the one that does what is called `name`, for so many milliseconds or until it says so again; 0 gives
   * it back. False while another router holds it: never for a journal of one process.
   */
  abstract hold(name: string, holder: string, forMs: number): Promise<boolean>;
  /**
   * The routers that had this journal within a week, the last seen first, at most a hundred; of a journal of one process
   * that one alone.
   */
  abstract instances(): Promise<readonly Instance[]>;
  /** What the vendors have of the days of a range, and by which way it came, for each source that pulls. Newest first. */
  abstract reconciliation(range: DayRange): Promise<readonly DayAccount[]>;

  abstract alert(id: string): Promise<AlertRecord | undefined>;
  abstract alerts(query: AlertQuery, page: PageRequest): Promise<Page<AlertSummary>>;
  /** The request body an alert came in, exactly as received; by the alert's id or the request's. */
  abstract raw(id: string): Promise<{ readonly contentType: string; readonly body: Buffer } | undefined>;
  abstract deliveries(query: DeliveryQuery, page: PageRequest): Promise<Page<DeliverySummary>>;
  abstract quarantine(page: PageRequest): Promise<Page<RequestRecord>>;
  /** By its id; undefined where nothing of it is in the quarantine. */
  abstract quarantined(requestId: string): Promise<QuarantinedRequest | undefined>;
  /**
   * Puts what was read again in the place of quarantined parts: its alerts are accepted now, of the old request. Does
   * nothing and returns undefined where one of the parts is there no longer: somebody else was faster.
   */
  abstract reread(reread: Reread): Promise<Receipt | undefined>;
  abstract probes(page: PageRequest): Promise<Page<RequestRecord>>;
  abstract counts(): Promise<JournalCounts>;
  /** The account of every alert; with a range, by hour, and checked against what is there. */
  abstract ledger(range?: LedgerRange): Promise<Ledger>;
  /** An operator knows of what is missing: it stays listed, and troubles nobody's readiness any more. */
  abstract acknowledge(): Promise<void>;
  /** How much is owed, in all or of what one source sent: as of the last commit, and free to ask for each request. */
  abstract pending(source?: string): Pending;

  /** Keeps a row of who changed what; durable when it resolves. */
  abstract audit(entry: AuditEntry): Promise<void>;
  abstract auditLog(page: PageRequest): Promise<Page<AuditEntry>>;

  /**
   * Remembers a replay under `id`. One of the same key, or of the same request and not finished, is returned instead:
   * asked twice, or at once, it is one replay.
   */
  abstract startReplay(id: string, request: ReplayRequest): Promise<ReplayRecord>;
  abstract replay(id: string): Promise<ReplayRecord | undefined>;
  abstract replays(page: PageRequest): Promise<Page<ReplayRecord>>;
  abstract unfinishedReplays(): Promise<readonly UnfinishedReplay[]>;
  /** What a selection has after a place, in the order accepted; looks at no more than so many alerts at a time. */
  abstract replayCandidates(select: ReplaySelect, place?: string, limit?: number): Promise<ReplayCandidates>;
  /**
   * Makes deliveries due by a replay: settled ones again, new ones for the first time. What is pending, or was made due
   * by a replay since this one was asked for, is left alone: whoever asks twice gets one more chain of attempts. Does
   * nothing where the replay does not stand at `step.from` any more: then another router took that step.
   */
  abstract advanceReplay(id: string, step: ReplayStep): Promise<ReplayRecord>;

  /**
   * Copies the journal as it is now, while it goes on being used. Rejects where the copy is not whole: then what was
   * given to `copy` is worth nothing. False, and nothing given: this journal keeps nothing on a disk.
   */
  abstract backup(copy: BackupCopy): Promise<boolean>;

  /** Proves that the journal can be written now; rejects if not. */
  abstract check(): Promise<void>;

  /**
   * Removes what is older than the retention and owed to nobody, and audit rows past a retention of their own, in
   * bounded steps. Returns how many alerts went.
   */
  abstract purge(now: number): Promise<number>;

  abstract close(): Promise<void>;
}

/** What a journal is told besides its own options. */
export type JournalContext = {
  readonly now: () => number;
  /** The router that opens it. */
  readonly instance?: InstanceName;
  /** Told once when the journal can do nothing more until a restart. */
  readonly onFatal?: (error: JournalUnavailableError) => void;
  /** Told while it opens, until it is acknowledged, that something that was on disk is no longer there; says what. */
  readonly onGap?: (gap: string) => void;
  /** Told while it opens of what it can do without, and an operator should know. */
  readonly onWarning?: (warning: string) => void;
};

export type JournalPlugin<Options extends object = object> = {
  readonly type: string;
  readonly options: new () => Options;
  open(options: Options, context: JournalContext): Promise<Journal>;
  /** Where a journal of this type can be moved elsewhere: opens its file for that. Throws `JournalUnavailableError`. */
  moveFrom?(file: string, context: JournalContext): MoveSource;
  /** Where another journal can be moved into one of this type. Rejects with `JournalUnavailableError`. */
  moveInto?(options: Options, context: JournalContext): Promise<MoveTarget>;
};

/** Declares a journal plugin; what `journal/index.ts` lists. */
export function defineJournal<Options extends object>(plugin: JournalPlugin<Options>): JournalPlugin<Options> {
  return plugin;
}
