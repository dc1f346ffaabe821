import type { AuditEntry, Fault, Parked, RoutedAlert } from './journal.js';
import type { Ledger, LedgerRange } from './ledger.js';
import type { Missing } from './missing.js';
import type { PullState } from './reconciliation.js';

/**
 * The rows of a journal on its way into another, by part. Names stand in the place of a journal's own numbers; numbers
 * of requests and alerts stay as they are. `kind`, `state` and `severity` are positions in the lists of core/alert.ts and
 * core/journal.ts, keys of findings and reports the first 16 bytes of theirs, times milliseconds since the epoch, and
 * texts called JSON are as they were kept.
 */
export type MovedRows = {
  /** What was counted and is not in `sourceHours`; and what is owed of it. */
  readonly sources: { readonly name: string } & Record<SourceRest | 'pending' | 'pendingBytes', number>;
  /** What was counted and is not in `sinkHours`. */
  readonly sinks: {
    readonly name: string;
    readonly delivered: number;
    readonly dead: number;
    readonly superseded: number;
    readonly parked: Parked | undefined;
  };
  readonly routes: { readonly name: string; readonly alerts: number };
  readonly sourceHours: { readonly hour: number; readonly source: string } & Record<SourceHourSum, number>;
  readonly sinkHours: { readonly hour: number; readonly sink: string } & Record<SinkHourSum, number>;
  readonly replays: {
    readonly id: string;
    readonly key: string | null;
    /** JSON. */
    readonly request: string;
    readonly createdAt: number;
    readonly finishedAt: number | null;
    readonly place: string | null;
  } & Record<'looked' | 'owed' | 'delivered' | 'dead' | 'outdated' | 'unconfigured', number>;
  readonly requests: {
    readonly seq: number;
    readonly id: string;
    readonly source: string;
    readonly receivedAt: number;
    /** JSON. */
    readonly arrival: string;
    readonly probe: string | null;
    /** As received. */
    readonly body: Buffer;
  };
  readonly unread: {
    readonly seq: number;
    readonly request: number;
    readonly position: number | null;
    readonly reason: string;
  };
  readonly alerts: {
    readonly seq: number;
    readonly id: string;
    readonly request: number;
    readonly source: string;
    readonly acceptedAt: number;
    readonly fingerprint: Buffer;
    readonly dedupKey: Buffer;
    readonly previous: number | null;
    readonly kind: number;
    readonly state: number;
    readonly severity: number;
    readonly isFirst: boolean;
    readonly superseded: boolean;
    readonly duplicates: number;
    readonly decision: Pick<RoutedAlert, 'routes' | 'sinks'>;
    /** JSON. */
    readonly json: string;
  };
  readonly findings: {
    readonly fingerprint: Buffer;
    readonly alert: number;
    readonly newestAt: number;
    readonly ended: boolean;
  };
  readonly newestReports: MovedReport;
  readonly earlierReports: MovedReport;
  readonly owed: {
    readonly sink: string;
    readonly alert: number;
    readonly attempts: number;
    readonly dueAt: number | null;
    /** The id of the replay that made it due. */
    readonly replay: string | null;
  };
  readonly settled: {
    readonly alert: number;
    readonly sink: string;
    readonly state: number;
    readonly attempts: number;
    readonly settledAt: number;
    readonly remoteId: string | null;
    readonly fault: Fault | null;
    readonly reason: string | null;
  };
  readonly earlierAttempts: MovedAttempt;
  readonly lastAttempts: MovedAttempt;
  readonly replayed: {
    readonly alert: number;
    readonly sink: string;
    readonly replay: string;
    readonly at: number;
    readonly attempts: number;
    readonly newestReplay: string;
  };
  readonly secondWays: {
    readonly alert: number;
    readonly byPull: boolean;
    readonly at: number;
    /** JSON. */
    readonly added: string | null;
    readonly isLate: boolean;
  };
  /** `record`: JSON. */
  readonly lookups: { readonly alert: number; readonly record: string };
  readonly pulls: PullState;
  readonly pulled: {
    readonly fingerprint: Buffer;
    readonly source: string;
    readonly day: string;
    readonly byWebhook: boolean;
    readonly seenAt: number;
  };
  readonly pullDays: { readonly source: string; readonly day: string; readonly total: number | null } & Record<
    'webhook' | 'recovered' | 'changes' | 'unread',
    number
  >;
  readonly missing: Missing;
  readonly audit: AuditEntry;
};

type SourceRest = 'requests' | 'accepted' | 'duplicates' | 'quarantined' | 'probes' | 'unrouted';
type SourceHourSum =
  'received' | 'accepted' | 'duplicates' | 'routed' | 'goneRouted' | 'goneUnrouted' | 'goneQuarantined' | 'goneProbes';
type SinkHourSum = 'owed' | 'goneDelivered' | 'goneDead' | 'goneSuperseded';
export type MovedReport = {
  readonly fingerprint: Buffer;
  readonly dedupKey: Buffer;
  readonly alert: number;
  readonly receivedAt: number;
};
export type MovedAttempt = {
  readonly alert: number;
  readonly sink: string;
  readonly number: number;
  /** JSON. */
  readonly attempt: string;
};

export type MovedPart = keyof MovedRows;

/** In this order: what a row needs to be there is there before it. */
export const movedParts = [
  'sources',
  'sinks',
  'routes',
  'sourceHours',
  'sinkHours',
  'replays',
  'requests',
  'unread',
  'alerts',
  'findings',
  'newestReports',
  'earlierReports',
  'owed',
  'settled',
  'earlierAttempts',
  'lastAttempts',
  'replayed',
  'secondWays',
  'lookups',
  'pulls',
  'pulled',
  'pullDays',
  'missing',
  'audit',
] as const satisfies readonly MovedPart[];

/** What is counted on both sides at the end: rows, and the bytes of the bodies. */
export const countedThings = [
  'requests',
  'bytes of bodies',
  'unread',
  'alerts',
  'findings',
  'reports',
  'owed',
  'settled',
  'attempts',
  'replays',
  'replayed',
  'second ways',
  'lookups',
  'pulls',
  'pulled findings',
  'days of pulls',
  'missing',
  'audit',
] as const;
export type CountedThing = (typeof countedThings)[number];
export type MovedCounts = Readonly<Record<CountedThing, number>>;

/** How far a move has come: the next rows are those of `part` after `place`; no part, all of them are there. */
export type MovePlace = { readonly part?: MovedPart; readonly place?: string };

/** Some rows of a part, and after which place there may be more; none: the end of it. */
export type MovedStretch<P extends MovedPart> = { readonly rows: readonly MovedRows[P][]; readonly place?: string };

/** The numbers given last, over both requests and what of them could not be read. */
export type LastNumbers = { readonly request: number; readonly alert: number };

/** A journal that is read to be moved elsewhere. Nobody else has it meanwhile. */
export type MoveSource = {
  /** Another one for another journal, and for this one once anything was written to it. */
  readonly identity: string;
  readonly last: LastNumbers;
  /** How many rows a part has. */
  count(part: MovedPart): number;
  read<P extends MovedPart>(part: P, after: string | undefined): MovedStretch<P>;
  counts(): MovedCounts;
  ledger(range: LedgerRange): Promise<Ledger>;
  close(): void;
};

/** What is being moved, as the target remembers it. */
export type MoveLabel = Pick<MoveSource, 'identity' | 'last'> & {
  /** Its name, for people. */
  readonly from: string;
};

/** A journal that another one is moved into. */
export type MoveTarget = {
  /**
   * Begins, or goes on where the same move had come to. Rejects for a target that holds something else, or is in use.
   * `finishedAt`: that move was finished then, and nothing is to be done.
   */
  begin(label: MoveLabel): Promise<MovePlace & { readonly finishedAt?: number }>;
  /** Takes rows of a part and remembers where to go on: both or neither, and once, however often it is tried. */
  put<P extends MovedPart>(part: P, rows: readonly MovedRows[P][], from: MovePlace, to: MovePlace): Promise<void>;
  counts(): Promise<MovedCounts>;
  ledger(range: LedgerRange): Promise<Ledger>;
  /** From now on it is a journal like any other. */
  finish(): Promise<void>;
  /** Throws away what a move that was not finished has brought. */
  abandon(): Promise<void>;
  close(): Promise<void>;
};
