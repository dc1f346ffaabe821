/**
 * The common alert: one normalised report of one finding. What a vendor calls an event, an alert or an incident
 * becomes an `AlertDraft` in that vendor's folder, and an `Alert` in `identity.ts`.
 */

export const kinds = [
  'detection',
  'posture',
  'vulnerability',
  'compliance',
  'incident',
  'audit',
  'inventory',
  'test',
  'other',
] as const;
export type Kind = (typeof kinds)[number];

export const states = ['open', 'acknowledged', 'snoozed', 'resolved', 'closed', 'unknown'] as const;
export type State = (typeof states)[number];

export const resolutions = [
  'fixed',
  'wont_fix',
  'risk_accepted',
  'compensating_control',
  'false_positive',
  'duplicate',
  'other',
] as const;
export type Resolution = (typeof resolutions)[number];

/** In rising order: the index is the OCSF `severity_id`. */
export const severities = ['unknown', 'informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof severities)[number];

export const actions = ['create', 'update', 'close'] as const;
/** First sight of a finding, a later report of it, or the report that ends it. The journal knows which. */
export type Action = (typeof actions)[number];

/** How far `time` can be trusted: as sent, sent without a zone, our own clock, or cut to what is plausible. */
export type TimeQuality = 'vendor' | 'assumed_utc' | 'received' | 'clamped';

export const resourceRoles = ['target', 'actor', 'affected', 'related'] as const;

export type Resource = {
  readonly role: (typeof resourceRoles)[number];
  readonly type: string;
  readonly id?: string;
  readonly name?: string;
  readonly hostname?: string;
  readonly ip?: string;
  readonly port?: number;
  readonly url?: string;
  readonly region?: string;
  readonly accountId?: string;
  readonly group?: string;
  readonly labels?: Readonly<Record<string, string>>;
};

export type Rule = {
  readonly id?: string;
  readonly name?: string;
  readonly type?: string;
  readonly policyId?: string;
  readonly policyName?: string;
  readonly url?: string;
};

export type Attack = {
  readonly tacticId?: string;
  readonly tactic?: string;
  readonly techniqueId?: string;
  readonly technique?: string;
};

export type Note = { readonly time?: string; readonly author?: string; readonly text: string };

/** What a draft and an alert have in common. Times are RFC 3339 UTC with milliseconds; what is unknown is absent. */
type Report = {
  readonly kind: Kind;
  readonly state: State;
  readonly resolution?: Resolution;
  readonly severity: Severity;
  /** 0 to 100. */
  readonly confidence?: number;
  /** Never empty, at most 500 code points. */
  readonly title: string;
  /** Plain text, at most 16 kB; a vendor's markup stays in the raw body. */
  readonly description?: string;
  readonly recommendation?: string;
  /** The vendor's console, https only. */
  readonly url?: string;
  /** The vendor's time of this state. */
  readonly updatedTime?: string;
  /** The window of the activity reported. */
  readonly startTime?: string;
  readonly endTime?: string;
  readonly rule?: Rule;
  /** Every identifier the vendor sent, as strings: some exceed 2^53. */
  readonly vendorIds: Readonly<Record<string, string>>;
  /** The vendor's own words, as sent. */
  readonly vendorSeverity?: string;
  readonly vendorState?: string;
  /** At most 200; what is left out is flagged in `quality`. */
  readonly resources: readonly Resource[];
  readonly attacks?: readonly Attack[];
  /** How many occurrences the vendor folded into this report. */
  readonly count?: number;
  /** Ours, in the form `key:value` or a plain word; normalised. */
  readonly tags: readonly string[];
  readonly notes?: readonly Note[];
  readonly enrichment?: Readonly<Record<string, unknown>>;
  /** A code for every guess and every loss on the way here, e.g. `severity_unmapped`. */
  readonly quality: readonly string[];
};

/** What a source's `read` makes of one element of a body: everything but identity, arrival and routing. Pure data. */
export type AlertDraft = Report & {
  /** The vendor's stable entity: `{ type: 'alert', id: '52ebb5…' }`. Absent where the vendor sent no id. */
  readonly entity?: { readonly type: string; readonly id: string };
  /** The text that changes exactly when the vendor's report of this finding changes. */
  readonly version: string;
  /** When the vendor says the finding was created; absent when it did not say, or said nonsense. */
  readonly time?: string;
  readonly timeQuality?: Exclude<TimeQuality, 'received'>;
  /** Overrides the source's product name where the body says it. */
  readonly product?: string;
  readonly eventType?: string;
  readonly accountId?: string;
  readonly accountName?: string;
  readonly region?: string;
  /** The position of the element in a body that held several. */
  readonly index?: number;
};

/** One normalised report of one finding. */
export type Alert = Report & {
  readonly schema: 'signalbox.alert/1';
  /** UUIDv7, minted at accept: unique for each accepted report. */
  readonly id: string;
  /** 64 hex digits: the finding, the same for every report of it. */
  readonly fingerprint: string;
  /** 64 hex digits: this very report, the same however often it is sent. */
  readonly dedupKey: string;
  readonly action: Action;
  /** The OCSF number of `severity`. */
  readonly severityId: number;
  readonly time: string;
  readonly timeQuality: TimeQuality;
  readonly receivedAt: string;
  readonly source: {
    readonly vendor: string;
    readonly product: string;
    /** The name of the configured source. */
    readonly sourceId: string;
    readonly eventType?: string;
    readonly accountId?: string;
    readonly accountName?: string;
    readonly region?: string;
  };
  /** The journalled request body: `ref` is the request's id, the digest is of the bytes before parsing. */
  readonly raw: {
    readonly ref: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly contentType: string;
    readonly index?: number;
  };
};

/** An alert on its way to the journal, which alone knows whether its finding was seen before. */
export type NewAlert = Omit<Alert, 'action'>;

/** The OCSF `severity_id`: 0 unknown to 5 critical. */
export function severityIdOf(severity: Severity): number {
  return severities.indexOf(severity);
}

/** True for states that end a finding. */
export function isTerminal(state: State): boolean {
  return state === 'resolved' || state === 'closed';
}

/** What a report does to its finding: ends it, opens it, or changes it. */
export function actionOf(state: State, isFirstSight: boolean): Action {
  if (isTerminal(state)) return 'close';
  return isFirstSight ? 'create' : 'update';
}

/** When the finding was made or, of a later report of it, when it changed; RFC 3339. */
export function reportTimeOf({ action, time, updatedTime }: Pick<Alert, 'action' | 'time' | 'updatedTime'>): string {
  return action === 'create' ? time : (updatedTime ?? time);
}
