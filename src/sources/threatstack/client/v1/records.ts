import type { ApiRecord } from '../records.js';

/** https://app.threatstack.com/api/docs; fields that are not named here are kept. */
export type Agent = ApiRecord & {
  /** What an alert's `agent_id` refers to. */
  readonly id: string;
  /** Another one, composed of several; no alert refers to it. */
  readonly agent_id?: string;
  readonly hostname?: string;
  readonly name?: string;
  readonly description?: string;
  readonly ip_address?: string;
  readonly version?: string;
  readonly status?: string;
  readonly online?: boolean;
  readonly enabled?: boolean;
  readonly pause?: boolean;
  readonly policy_id?: string;
  readonly organization_id?: string;
  /** ISO 8601, as the three below. */
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly activated_at?: string;
  readonly last_reported_at?: string;
};

export type Alert = ApiRecord & {
  readonly id: string;
  readonly title?: string;
  /** 1, the highest, to 3. */
  readonly severity?: number;
  readonly type?: string;
  readonly count?: number;
  /** Milliseconds since the epoch. */
  readonly created_at?: number;
  readonly expires_at?: number;
  /** ISO 8601. */
  readonly last_notified_at?: string;
  readonly last_updated_at?: string;
  readonly active?: boolean;
  readonly dismissed?: boolean;
  readonly unread?: boolean;
  /** None for CloudTrail. */
  readonly agent_id?: string;
  readonly alert_policy_id?: string;
  readonly rule_id?: string;
  readonly key?: string;
  /** Of `get` only: the customer's rule, and the one of Threat Stack that it is a copy of. */
  readonly rule?: ApiRecord & {
    readonly id?: string;
    readonly name?: string;
    readonly original_rule?: ApiRecord & { readonly id?: string; readonly name?: string };
  };
  /** Of `get` only. */
  readonly latest_events?: readonly ApiRecord[];
};

/** An entry of the audit log. */
export type Log = ApiRecord & {
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
  readonly user?: string;
  readonly user_id?: string;
  readonly type?: string;
  readonly action?: string;
  readonly description?: string;
  readonly source?: string;
  readonly organization_id?: string;
  readonly context?: readonly ApiRecord[];
};

export type Organization = ApiRecord & { readonly id: string; readonly name?: string; readonly role?: string };

export type User = ApiRecord & {
  readonly id: string;
  readonly display_name?: string;
  readonly name?: { readonly first?: string; readonly last?: string };
  readonly email?: string;
  readonly role?: string;
  readonly organization_id?: string;
  readonly updated_at?: string;
};

export type Policy = ApiRecord & {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly enabled?: boolean;
  readonly read_only?: boolean;
  readonly firewall_enabled?: boolean;
  readonly file_integrity_rules?: readonly ApiRecord[];
  readonly agent_count?: number;
  readonly firewall_rule_count?: number;
  readonly alert_rule_count?: number;
  readonly alert_policy_id?: string;
  readonly organization_id?: string;
  readonly created_at?: string;
  readonly updated_at?: string;
};
