import type { ApiRecord } from '../records.js';

/** https://apidocs.threatstack.com; fields that are not named here are kept. Times are ISO 8601 unless said otherwise. */
export type Alert = ApiRecord & {
  readonly id: string;
  readonly title?: string;
  readonly dataSource?: string;
  readonly createdAt?: string;
  readonly isDismissed?: boolean;
  readonly dismissedAt?: string | null;
  readonly dismissReason?: string | null;
  readonly dismissReasonText?: string | null;
  readonly dismissedBy?: string | null;
  /** 1, the highest, to 3. */
  readonly severity?: number;
  readonly agentId?: string;
  readonly ruleId?: string;
  readonly rulesetId?: string;
  readonly aggregates?: readonly (ApiRecord & { readonly fieldName?: string })[];
};

/** What an alert was raised for. This list spells its fields in its own way. */
export type Event = ApiRecord & {
  readonly _id?: string;
  readonly event_type?: string;
  readonly eventClass?: string;
  readonly user?: string;
  readonly agent_id?: string;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
  readonly organization_id?: string;
};

export type SeverityCount = ApiRecord & { readonly severity: number; readonly count: number };

export type Agent = ApiRecord & {
  readonly id: string;
  readonly instanceId?: string;
  readonly status?: string;
  readonly createdAt?: string;
  readonly lastReportedAt?: string;
  readonly version?: string;
  readonly name?: string;
  readonly description?: string;
  readonly hostname?: string;
  readonly ipAddresses?: {
    readonly private?: readonly string[];
    readonly link_local?: readonly string[];
    readonly public?: readonly string[];
  };
  readonly tags?: readonly { readonly source?: string; readonly key: string; readonly value: string }[];
  /** `monitor` or `investigate`. */
  readonly agentType?: string;
  readonly osVersion?: string;
  readonly kernel?: string;
  readonly agentModuleHealth?: { readonly isHealthy?: boolean };
};

export type Ruleset = ApiRecord & {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly createdAt?: string;
  readonly updatedAt?: string;
  /** The ids of its rules. */
  readonly rules?: readonly string[];
};

export type Rule = ApiRecord & {
  readonly id: string;
  readonly rulesetId?: string;
  readonly name?: string;
  /** `Host`, `File`, `CloudTrail`, `ThreatIntel`, `KubernetesAudit`, `KubernetesConfig`, `Winsec` and others. */
  readonly type?: string;
  readonly createdAt?: string;
  readonly updatedAt?: string;
  readonly title?: string;
  readonly severityOfAlerts?: number;
  readonly alertDescription?: string;
  readonly aggregateFields?: readonly string[];
  readonly filter?: string;
  /** Seconds. */
  readonly window?: number;
  readonly threshold?: number;
  readonly suppressions?: readonly string[];
  readonly enabled?: boolean;
  /** Of the type `File`, as the two below. */
  readonly fileIntegrityPaths?: readonly { readonly path: string; readonly recursive?: boolean }[];
  readonly ignoreFiles?: readonly string[];
  readonly eventsToMonitor?: readonly string[];
};

export type Vulnerability = ApiRecord & {
  readonly cveNumber?: string;
  readonly reportedPackage?: string;
  readonly systemPackage?: string;
  readonly vectorType?: string;
  /** A word here: `high`, `medium`, `low`. */
  readonly severity?: string;
  readonly isSuppressed?: boolean;
};

/** A server of EC2, with an agent or without. */
export type Server = ApiRecord & { readonly instanceId?: string; readonly hostname?: string };

export type AuditLog = ApiRecord & {
  readonly id?: string;
  readonly userEmail?: string;
  readonly userId?: string;
  readonly organizationId?: string;
  readonly result?: string;
  readonly crud?: string;
  readonly action?: string;
  readonly source?: string;
  readonly description?: string;
  readonly eventTime?: string;
  readonly context?: unknown;
};
