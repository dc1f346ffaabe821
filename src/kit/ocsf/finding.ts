import type { Alert } from '../../core/alert.js';

/**
 * The part of the Open Cybersecurity Schema Framework (https://schema.ocsf.io) that alerts are written in: four classes
 * of the Findings category and the objects they need. Times are milliseconds since the epoch. Nothing here is newer
 * than 1.6.0 (the first with `raw_data_hash` and a resource's `role_id`), nor gone or deprecated in 1.8.0.
 */
export type OcsfFinding = DetectionFinding | PostureFinding | ComplianceFinding | VulnerabilityFinding;

/** The versions that the output is valid for. */
export const ocsfVersions = ['1.6.0', '1.8.0'] as const;
export type OcsfVersion = (typeof ocsfVersions)[number];

export type DetectionFinding = Finding & {
  readonly class_uid: 2004;
  readonly class_name: 'Detection Finding';
  readonly is_alert: boolean;
  readonly evidences?: readonly OcsfEvidence[];
  readonly remediation?: OcsfRemediation;
  readonly vulnerabilities?: readonly OcsfVulnerability[];
};

/** Has a remediation, vulnerabilities, or both: the class asks for one of them. */
export type PostureFinding = Finding & {
  readonly class_uid: 2007;
  readonly class_name: 'Application Security Posture Finding';
  readonly remediation?: OcsfRemediation;
  readonly vulnerabilities?: readonly OcsfVulnerability[];
};

export type ComplianceFinding = Finding & {
  readonly class_uid: 2003;
  readonly class_name: 'Compliance Finding';
  readonly compliance: OcsfCompliance;
  readonly evidences?: readonly OcsfEvidence[];
  readonly remediation?: OcsfRemediation;
};

export type VulnerabilityFinding = Finding & {
  readonly class_uid: 2002;
  readonly class_name: 'Vulnerability Finding';
  /** Never empty. */
  readonly vulnerabilities: readonly OcsfVulnerability[];
};

type Finding = Activity &
  SeverityLabel &
  StatusLabel & {
    readonly metadata: OcsfMetadata;
    readonly category_uid: 2;
    readonly category_name: 'Findings';
    /** `class_uid * 100 + activity_id`. */
    readonly type_uid: number;
    readonly type_name: string;
    /** When the finding was created, not when the activity took place: that is `start_time` to `end_time`. */
    readonly time: number;
    readonly start_time?: number;
    readonly end_time?: number;
    readonly count?: number;
    readonly message: string;
    readonly status_detail?: string;
    readonly confidence_score?: number;
    readonly comment?: string;
    readonly finding_info: OcsfFindingInfo;
    readonly device?: OcsfDevice;
    readonly resources?: readonly OcsfResource[];
    readonly observables?: readonly OcsfObservable[];
    readonly raw_data?: string;
    readonly raw_data_size: number;
    readonly raw_data_hash: OcsfFingerprint;
    readonly unmapped?: OcsfUnmapped;
  };

/** Of an alert, by its own field names, what no attribute says exactly: with it, the finding is the whole alert. */
export type OcsfUnmapped = Pick<Alert, UnmappedField> & Partial<Alert>;

/** What no attribute is for. */
export type UnmappedField = 'state' | 'dedupKey' | 'timeQuality' | 'vendorIds' | 'quality' | 'raw';

export type Activity =
  | { readonly activity_id: 1; readonly activity_name: 'Create' }
  | { readonly activity_id: 2; readonly activity_name: 'Update' }
  | { readonly activity_id: 3; readonly activity_name: 'Close' };

export type SeverityLabel =
  | { readonly severity_id: 0; readonly severity: 'Unknown' }
  | { readonly severity_id: 1; readonly severity: 'Informational' }
  | { readonly severity_id: 2; readonly severity: 'Low' }
  | { readonly severity_id: 3; readonly severity: 'Medium' }
  | { readonly severity_id: 4; readonly severity: 'High' }
  | { readonly severity_id: 5; readonly severity: 'Critical' };

export type StatusLabel =
  | { readonly status_id: 0; readonly status: 'Unknown' }
  | { readonly status_id: 1; readonly status: 'New' }
  | { readonly status_id: 2; readonly status: 'In Progress' }
  | { readonly status_id: 3; readonly status: 'Suppressed' }
  | { readonly status_id: 4; readonly status: 'Resolved' };

export type RoleLabel =
  | { readonly role_id: 1; readonly role: 'Target' }
  | { readonly role_id: 2; readonly role: 'Actor' }
  | { readonly role_id: 3; readonly role: 'Affected' }
  | { readonly role_id: 4; readonly role: 'Related' };

export type OcsfMetadata = {
  readonly version: OcsfVersion;
  readonly uid: string;
  readonly product: { readonly name: string; readonly vendor_name: string };
  readonly tenant_uid?: string;
  readonly event_code?: string;
  /** The configured source's name. */
  readonly log_name: string;
  readonly logged_time: number;
  readonly labels?: readonly string[];
  readonly is_truncated?: true;
};

export type OcsfFindingInfo = {
  /** The alert's fingerprint: the same for every report of the finding. */
  readonly uid: string;
  readonly title: string;
  readonly desc?: string;
  readonly types: readonly [Alert['kind']];
  readonly created_time: number;
  readonly modified_time?: number;
  readonly src_url?: string;
  readonly analytic?: OcsfAnalytic;
  readonly attacks?: readonly OcsfAttack[];
};

/** Has a uid, a name, or both. */
type Entity = { readonly uid?: string; readonly name?: string };

export type OcsfAnalytic = Entity & { readonly type_id: 1; readonly type: 'Rule'; readonly category?: string };

/** Has a tactic, a technique, or both. */
export type OcsfAttack = { readonly tactic?: Entity; readonly technique?: Entity };

export type OcsfResource = Entity &
  RoleLabel & {
    readonly type: string;
    readonly hostname?: string;
    readonly ip?: string;
    readonly group?: { readonly name: string };
    readonly tags?: readonly { readonly name: string; readonly value: string }[];
    /** What a resource has no attribute for; `region` has one in the cloud profile only, which we do not claim. */
    readonly data?: Pick<Alert['resources'][number], 'port' | 'url' | 'region' | 'accountId'>;
  };

/** Has an ip, a hostname, or both. */
export type OcsfEndpoint = Entity & { readonly hostname?: string; readonly ip?: string; readonly port?: number };

export type OcsfDevice = Entity & {
  readonly type_id: 0;
  readonly type: 'Unknown';
  readonly hostname?: string;
  readonly ip?: string;
  readonly region?: string;
};

/** Has one end, or both. */
export type OcsfEvidence = { readonly src_endpoint?: OcsfEndpoint; readonly dst_endpoint?: OcsfEndpoint };

export type OcsfObservable = { readonly name: string; readonly value: string } & (
  | { readonly type_id: 1; readonly type: 'Hostname' }
  | { readonly type_id: 2; readonly type: 'IP Address' }
  | { readonly type_id: 4; readonly type: 'User Name' }
  | { readonly type_id: 6; readonly type: 'URL String' }
  | { readonly type_id: 10; readonly type: 'Resource UID' }
);

export type OcsfRemediation = { readonly desc: string };

export type OcsfFingerprint = { readonly algorithm_id: 3; readonly algorithm: 'SHA-256'; readonly value: string };

/** Exactly one of `cve` and `cwe`. */
export type OcsfVulnerability = { readonly remediation?: OcsfRemediation } & (
  { readonly cve: { readonly uid: string } } | { readonly cwe: { readonly uid: string } }
);

export type OcsfCompliance = {
  readonly control?: string;
  readonly standards?: readonly string[];
} & (
  | { readonly status_id: 0; readonly status: 'Unknown' }
  | { readonly status_id: 1; readonly status: 'Pass' }
  | { readonly status_id: 3; readonly status: 'Fail' }
);
