import type { AlertDraft, Note, Resolution, Resource, Rule, Severity } from '../../core/alert.js';
import type { Reading, WebhookRequest } from '../../core/source.js';
import { readList } from '../../kit/batch.js';
import { contentHash } from '../../kit/json.js';
import { present, type Present } from '../../kit/present.js';
import {
  at,
  bodyText,
  bool,
  count,
  field,
  id,
  isObject,
  jsonCopy,
  list,
  oneOf,
  text,
  titleText,
} from '../../kit/read.js';
import type { Flags } from '../../kit/read.js';
import type { SeverityTable } from '../../kit/severity.js';
import { timeOf, timeText } from '../../kit/time.js';
import { nameOf, openEnvelope } from './envelope.js';

/** 1 is the highest of Threat Stack's severities; the predecessor made error, warning and info of them. */
export const severityTable: SeverityTable = { '1': 'high', '2': 'medium', '3': 'low' };

export type NormalizeContext = {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly severityOf: (word: unknown, flags: Flags) => Severity;
  /** Whose alerts those are that do not say it, as none in the answers of the APIs does. */
  readonly organization?: string;
};

/**
 * Reads what Threat Stack posts, and what its APIs v1 (snake_case) and v2 (camelCase) answer, for they have the same
 * alerts with more fields. Pure; does not throw. An empty batch is a probe.
 */
export function normalize(request: Pick<WebhookRequest, 'headers' | 'body'>, context: NormalizeContext): Reading {
  const envelope = openEnvelope(request.headers, request.body);
  switch (envelope.kind) {
    case 'unreadable':
      return { drafts: [], unread: [{ reason: envelope.reason }] };
    case 'probe':
      return { drafts: [], unread: [], probe: envelope.probe };
    case 'alerts':
      return readList(envelope.alerts, (alert, index) => {
        if (!isObject(alert)) return `not_an_alert: the element is ${nameOf(alert)}`;
        return toDraft(alert, envelope.isList ? index : undefined, new Set(envelope.flags), context);
      });
  }
}

type VendorAlert = Readonly<Record<string, unknown>>;

function toDraft(alert: VendorAlert, index: number | undefined, flags: Flags, context: NormalizeContext): AlertDraft {
  const { now, severityOf } = context;
  const vendorIds = vendorIdsOf(alert, context.organization);
  const vendorSeverity = text(field(alert, 'severity'));
  const eventType = sourceOf(alert);
  const rule = ruleOf(alert, vendorIds);
  const standing = standingOf(alert, vendorIds, now, flags);
  return present({
    kind: 'detection' as const,
    entity: vendorIds.alert === undefined ? undefined : { type: 'alert', id: vendorIds.alert },
    version: vendorIds.alert === undefined ? contentHash(alert) : versionOf(standing.state),
    ...standing,
    severity: severityOf(vendorSeverity, flags),
    vendorSeverity,
    title: titleText(field(alert, 'title'), flags) ?? titleInstead(rule, flags),
    ...timeOf(either(alert, 'created_at', 'createdAt'), 'ms', now, flags),
    eventType,
    accountId: vendorIds.organization,
    accountName: text(firstOf(alert, organizationNames)),
    rule,
    vendorIds,
    resources: resourcesOf(alert, vendorIds, eventType),
    count: count(firstOf(alert, countNames)),
    tags: [],
    enrichment: enrichmentOf(alert, standing.state, flags),
    index,
    quality: [...flags],
  });
}

/** One version of the help page has the capital N. */
const organizationNames = ['organization_Name', 'organization_name', 'organizationName'];
const countNames = ['count', 'event_count', 'eventCount'];

/** The webhook and an API's copy of one alert are one report, however often its counters move. */
function versionOf(state: Standing['state']): string {
  return state === 'closed' ? 'dismissed' : 'active';
}

function titleInstead(rule: Rule | undefined, flags: Flags): string {
  flags.add('title_missing');
  return titleText(rule?.name, flags) ?? 'Threat Stack alert';
}

type Standing = {
  readonly state: 'open' | 'closed';
  readonly vendorState?: string;
  readonly resolution?: Resolution;
  readonly updatedTime?: string;
  readonly notes?: readonly Note[];
};

/** A webhook tells of active alerts only; the APIs also of those that somebody dismissed, and when, why and who. */
function standingOf(alert: VendorAlert, vendorIds: VendorIds, now: number, flags: Flags): Standing {
  const dismissed = bool(either(alert, 'dismissed', 'isDismissed'));
  const updated = either(alert, 'last_updated_at', 'lastUpdatedAt');
  if (dismissed !== true) {
    const isActive = bool(field(alert, 'active')) ?? (dismissed === false ? true : undefined);
    const vendorState = isActive === undefined ? undefined : isActive ? 'active' : 'inactive';
    return present({ state: 'open' as const, vendorState, updatedTime: timeText(updated, 'ms', now, flags) });
  }
  const dismissedTime = timeText(either(alert, 'dismissed_at', 'dismissedAt'), 'ms', now, flags);
  const words = bodyText(firstOf(alert, reasonTextNames), flags);
  return present({
    state: 'closed' as const,
    vendorState: 'dismissed',
    resolution: resolutionOf(firstOf(alert, reasonNames)),
    updatedTime: dismissedTime ?? timeText(updated, 'ms', now, flags),
    notes:
      words === undefined ? undefined : [present({ time: dismissedTime, author: vendorIds.dismissedBy, text: words })],
  });
}

/** The API's documentation and its answers disagree on the spelling. */
const reasonNames = ['dismissReason', 'dismissedReason', 'dismiss_reason', 'dismissed_reason'];
const reasonTextNames = ['dismissReasonText', 'dismissedReasonText', 'dismiss_reason_text', 'dismissed_reason_text'];

/** Normal business and what company policy allows are accepted; planned work, AUTO_DISMISS and the rest say nothing. */
function resolutionOf(reason: unknown): Resolution | undefined {
  if (text(reason) === undefined) return undefined;
  return oneOf(reason, { business_op: 'risk_accepted', company_policy: 'risk_accepted' } as const) ?? 'other';
}

type VendorIds = ReturnType<typeof vendorIdsOf>;

function vendorIdsOf(alert: VendorAlert, organization: string | undefined) {
  const rule = field(alert, 'rule');
  return present({
    alert: id(field(alert, 'id')),
    // Rule, agent and a hash: what the vendor itself folds occurrences by.
    key: id(field(alert, 'key')),
    organization: id(either(alert, 'organization_id', 'organizationId')) ?? organization,
    agent: id(either(alert, 'agent_id', 'agentId') ?? at(alert, 'agent', 'id')),
    rule: id(either(alert, 'rule_id', 'ruleId') ?? field(rule, 'id')),
    originalRule: id(at(rule, 'original_rule', 'id')),
    ruleset: id(either(alert, 'ruleset_id', 'rulesetId')),
    alertPolicy: id(either(alert, 'alert_policy_id', 'alertPolicyId')),
    dismissedBy: id(either(alert, 'dismissed_by', 'dismissedBy')),
  });
}

function ruleOf(alert: VendorAlert, vendorIds: VendorIds): Rule | undefined {
  const detail = field(alert, 'rule');
  return unlessEmpty({
    id: vendorIds.rule,
    // The name that the predecessor showed: a customer's copy of a rule is named after the original.
    name: text(at(detail, 'original_rule', 'name') ?? field(detail, 'name')),
    type: text(field(detail, 'type')),
    policyId: vendorIds.ruleset ?? vendorIds.alertPolicy,
  });
}

/** `Host`, `CloudTrail` …; in API v2 the data source, spelled in two ways. */
function sourceOf(alert: VendorAlert): string | undefined {
  return text(field(alert, 'source') ?? either(alert, 'data_source', 'dataSource') ?? field(alert, 'datasource'));
}

/** `server_or_region` is an AWS region for CloudTrail and a server's name for all else. */
function resourcesOf(alert: VendorAlert, vendorIds: VendorIds, source: string | undefined): readonly Resource[] {
  const place = text(field(alert, 'server_or_region'));
  if (source?.toLowerCase() === 'cloudtrail') {
    return place === undefined ? [] : [{ role: 'target', type: 'cloud_region', region: place }];
  }
  const agent = field(alert, 'agent');
  const host = unlessEmpty({
    id: vendorIds.agent,
    hostname: text(field(agent, 'hostname') ?? field(alert, 'hostname')) ?? place,
    ip: text(field(agent, 'ip_address')),
  });
  return host === undefined ? [] : [{ role: 'target', type: 'host', ...host }];
}

const maxEvents = 50;

function enrichmentOf(
  alert: VendorAlert,
  state: Standing['state'],
  flags: Flags,
): Readonly<Record<string, unknown>> | undefined {
  const events = list(firstOf(alert, eventNames));
  if (events.length > maxEvents) flags.add('events_truncated');
  return unlessEmpty({
    events: events.length > 0 ? jsonCopy(events.slice(0, maxEvents), flags) : undefined,
    dismissReason: state === 'closed' ? text(firstOf(alert, reasonNames)) : undefined,
    lastNotifiedAt: text(either(alert, 'last_notified_at', 'lastNotifiedAt')),
    expiresAt: text(either(alert, 'expires_at', 'expiresAt')),
  });
}

const eventNames = ['latest_events', 'latestEvents', 'events'];

function unlessEmpty<T extends object>(members: T): Present<T> | undefined {
  const known = present(members);
  return Object.keys(known).length > 0 ? known : undefined;
}

/** A field under the name that the webhook and API v1 give it, or under that of API v2. */
function either(alert: VendorAlert, name: string, otherName: string): unknown {
  return field(alert, name) ?? field(alert, otherName);
}

function firstOf(alert: VendorAlert, names: readonly string[]): unknown {
  for (const name of names) {
    const value = field(alert, name) ?? undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}
