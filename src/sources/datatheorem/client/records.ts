/**
 * The records of the Results API that a client reads. Every record keeps the fields that are not named here. Names are
 * the vendor's; of none but `id` is it sure that it is always sent.
 */
export type ApiRecord = { readonly id: string; readonly [field: string]: unknown };

/** An asset that breaks a rule of a policy: `policy_violations` of the API Secure results. */
export type PolicyViolationRecord = ApiRecord & {
  readonly violated_policy_rule_id?: string | null;
  readonly affected_network_service_id?: string | null;
  readonly affected_cloud_resource_id?: string | null;
  readonly affected_api_operation_id?: string | null;
  readonly affected_web_application_id?: string | null;
  /** Set when somebody closed it by hand. */
  readonly exception_type?: string | null;
  /** ISO 8601 with microseconds and `+00:00`. */
  readonly date_created?: string;
};

/** A rule of a policy of yours: `policy_rules`. */
export type PolicyRuleRecord = ApiRecord & {
  /** `URGENT`, `IMPORTANT` or `PROACTIVE`. */
  readonly relevance?: string;
  readonly policy_rule_type_id?: string;
};

/** What a rule demands, in the vendor's words: `policy_rule_types`. */
export type PolicyRuleTypeRecord = ApiRecord & {
  readonly title?: string;
  readonly description?: string;
  readonly recommendation?: string;
};

/** What was found in a mobile app: `security_findings` of the Mobile Secure results. */
export type SecurityFindingRecord = ApiRecord & {
  readonly mobile_app_id?: string | number;
  readonly issue_type_id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly recommendation?: string;
  /** `HIGH`, `MEDIUM` or `LOW`. */
  readonly severity?: string;
  /** `P0` to `P4`. */
  readonly priority?: string;
  /** `NEW`, `OPEN`, `CLOSED_FIXED` and others. */
  readonly aggregated_status?: string;
  readonly date_created?: string;
};

/** A place in the app that a finding is about: `targets`. */
export type FindingTargetRecord = ApiRecord & {
  readonly security_finding_id?: string | number;
  readonly mobile_app_id?: string | number;
  readonly issue_type_id?: string;
  readonly current_status?: string;
  readonly date_created?: string;
};

/** A mobile app that the vendor scans: `mobile_apps`. */
export type MobileAppRecord = ApiRecord & { readonly name?: string; readonly platform?: string };

/** What breaks a rule; `kind` is the list that the API has it in. */
export type AffectedAsset = {
  readonly kind: AssetKind;
  readonly id: string;
  /** For people: an address, `GET at https://api.example.com/orders`, the name of a cloud resource. */
  readonly name?: string;
  readonly url?: string;
  /** Absent where the API no longer lists it. */
  readonly record?: ApiRecord;
};

export type AssetKind = 'network_service' | 'cloud_resource' | 'api_operation' | 'web_application';

/** A violation together with what it refers to. */
export type PolicyViolation = {
  readonly id: string;
  /** What the rule's type is called, e.g. `TLS certificate expires soon`. */
  readonly title?: string;
  readonly description?: string;
  readonly recommendation?: string;
  readonly relevance?: string;
  readonly dateCreated?: string;
  /** False when somebody closed it by hand. */
  readonly isOpen: boolean;
  readonly asset?: AffectedAsset;
  readonly rule?: PolicyRuleRecord;
  readonly ruleType?: PolicyRuleTypeRecord;
  readonly record: PolicyViolationRecord;
};
