/** A record as the vendor sent it, every field kept; whole numbers beyond 2^53 are texts. */
export type ApiRecord = Readonly<Record<string, unknown>>;

/** An incident of IRIS v3, nested or with dotted keys. Only the two ids are certain (nepal-client-libs, packages/iris). */
export type IncidentRecord = ApiRecord & { readonly incidentId: string; readonly accountId?: unknown };

/** What a friendly id stands for. */
export type IncidentName = {
  readonly accountId?: string;
  readonly humanFriendlyId: string;
  readonly incidentId: string;
};

/** Evidence of an incident: an event with its packets, or a log message. */
export type EvidenceRecord = ApiRecord;

/** What may be said when an incident is closed (iris.v3.yaml). */
export const closingReasons = [
  'further_action',
  'acceptable_risk',
  'compensating_control',
  'threat_not_valid',
  'not_concluded',
  'other',
] as const;
export type ClosingReason = (typeof closingReasons)[number];

/** Before and after a change of an incident's status, as the vendor tells it. */
export type StatusChange = { readonly new?: ApiRecord; readonly old?: ApiRecord };
