import type { Alert, Resource } from '../../core/alert.js';
import type { Delivery } from '../../core/journal.js';
import { present } from '../../kit/present.js';
import { plainText } from './escape.js';

/** How much of an alert becomes attributes of their own: Datadog takes fewer than 256 of them. */
export type FactLimits = { readonly resources: number; readonly attacks: number; readonly ids: number };

/** An alert as attributes in Datadog's spelling, for one object that holds them all, so that none is at the root. */
export function factsOf({ id, alert }: Delivery, limits: FactLimits): object {
  const { source, rule, raw } = alert;
  const resources = alert.resources.slice(0, limits.resources).map(resourceFacts);
  const attacks = alert.attacks?.slice(0, limits.attacks).map(attackFacts);
  return present({
    id: alert.id,
    delivery_id: id,
    fingerprint: alert.fingerprint,
    dedup_key: alert.dedupKey,
    kind: alert.kind,
    state: alert.state,
    resolution: alert.resolution,
    action: alert.action,
    severity: alert.severity,
    severity_id: alert.severityId,
    confidence: alert.confidence,
    title: plainText(alert.title),
    url: alert.url,
    time: alert.time,
    time_quality: alert.timeQuality,
    updated_time: alert.updatedTime,
    start_time: alert.startTime,
    end_time: alert.endTime,
    received_at: alert.receivedAt,
    source: present({
      id: source.sourceId,
      vendor: source.vendor,
      product: source.product,
      event_type: source.eventType,
      account_id: source.accountId,
      account_name: source.accountName,
      region: source.region,
    }),
    rule:
      rule &&
      present({
        id: rule.id,
        name: rule.name,
        type: rule.type,
        policy_id: rule.policyId,
        policy_name: rule.policyName,
        url: rule.url,
      }),
    vendor_ids: idFacts(alert.vendorIds, limits.ids),
    vendor_severity: alert.vendorSeverity,
    vendor_state: alert.vendorState,
    resources: resources.length > 0 ? resources : undefined,
    resource_count: alert.resources.length,
    attacks: attacks && attacks.length > 0 ? attacks : undefined,
    count: alert.count,
    quality: alert.quality.length > 0 ? alert.quality : undefined,
    raw: present({
      ref: raw.ref,
      sha256: raw.sha256,
      bytes: raw.bytes,
      content_type: raw.contentType,
      index: raw.index,
    }),
  });
}

/** Names that only their vendor knows, and in any number: labels stay in the details. */
function resourceFacts({ role, type, id, name, hostname, ip, port, url, region, accountId, group }: Resource): object {
  return present({ role, type, id, name, hostname, ip, port, url, region, account_id: accountId, group });
}

function attackFacts(attack: NonNullable<Alert['attacks']>[number]): object {
  const { tacticId, tactic, techniqueId, technique } = attack;
  return present({ tactic_id: tacticId, tactic, technique_id: techniqueId, technique });
}

const maxKey = 49;

function idFacts(ids: Alert['vendorIds'], max: number): object {
  const entries = Object.entries(ids).slice(0, max);
  return Object.fromEntries(entries.map(([name, id]) => [name.slice(0, maxKey), id]));
}
