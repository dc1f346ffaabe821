import { present } from '../../kit/present.js';
import { field, id, text } from '../../kit/read.js';
import { recordsOf, Related } from './client/joined.js';
import type { AffectedAsset, ApiRecord, PolicyViolation } from './client/records.js';
import type { VendorEvent } from './event.js';

/** A page of the Results API: its elements, and the event that the hook would have sent of one of them. */
export type Results = {
  readonly elements: readonly unknown[];
  readonly eventOf: (record: ApiRecord) => VendorEvent;
};

/**
 * Opens a page of policy violations (`policy_violations` beside the lists they refer to), or of the targets of mobile
 * findings (`targets` beside `security_findings` and `mobile_apps`); undefined where the body is neither.
 */
export function openResults(body: unknown): Results | undefined {
  const violations = field(body, 'policy_violations');
  if (Array.isArray(violations)) {
    const related = new Related();
    related.add(body);
    return { elements: violations, eventOf: (record) => violationEvent(related.join(record)) };
  }
  const targets = field(body, 'targets');
  if (!Array.isArray(targets)) return undefined;
  const [findings, apps] = ['security_findings', 'mobile_apps'].map((name) => byId(recordsOf(body, name)));
  return {
    elements: targets,
    eventOf: (target) =>
      targetEvent(
        target,
        findings?.get(id(target['security_finding_id']) ?? ''),
        apps?.get(id(target['mobile_app_id']) ?? ''),
      ),
  };
}

function byId(records: readonly ApiRecord[]): ReadonlyMap<string, ApiRecord> {
  return new Map(records.map((record) => [record.id, record]));
}

/** What the API names otherwise than the hook, or not at all. */
const renamed = ['id', 'violated_policy_rule_id', 'exception_type'];

/** A violation of the API as the event that the hook would have sent of it. */
export function violationEvent({ record, asset, rule, ruleType, ...known }: PolicyViolation): VendorEvent {
  const rest = Object.entries(record).filter(([name]) => !renamed.includes(name) && !/^affected_.+_id$/.test(name));
  return {
    type: undefined,
    product: 'API Secure',
    name: known.isOpen ? 'POLICY_VIOLATION_OPENED' : 'POLICY_VIOLATION_CLOSED',
    subject: 'violation',
    isFromApi: true,
    data: present({
      ...Object.fromEntries(rest),
      uuid: known.id,
      affected_asset: asset && assetData(asset),
      policy_violation_status: text(record.exception_type),
      relevance: known.relevance,
      title: known.title,
      description: known.description,
      recommendation: known.recommendation,
      violated_policy_rule_uuid: id(record.violated_policy_rule_id),
      violated_policy_rule_type_uuid: id(rule?.policy_rule_type_id),
      violated_policy_rule_type_title: text(ruleType?.title),
    }),
    time: record['exception_date_created'] ?? undefined,
    host: undefined,
    version: undefined,
  };
}

/** With the names of `affected_asset`. The hook calls a network service by its host. */
function assetData({ kind, id: uuid, name, url, record = { id: uuid } }: AffectedAsset): Record<string, unknown> {
  const { id: _id, asset_type_name: type, ...rest } = record;
  const isAddress = kind === 'network_service' && name === url && url !== undefined && URL.canParse(url);
  return present({
    ...rest,
    uuid,
    name: isAddress ? new URL(url).hostname : name,
    url: kind === 'cloud_resource' ? undefined : url,
    type: text(type) ?? kind.toUpperCase(),
  });
}

/** A target with its finding and its app, likewise. */
export function targetEvent(
  target: ApiRecord,
  finding: ApiRecord | undefined,
  app: ApiRecord | undefined,
): VendorEvent {
  const { aggregated_status: _status, id: _id, date_created: _created, ...found } = finding ?? { id: '' };
  return {
    type: undefined,
    product: 'Mobile Secure',
    name: 'FINDING_TARGET',
    subject: 'target',
    isFromApi: true,
    data: present({ ...found, ...target, mobile_app_name: text(app?.['name']) }),
    time: undefined,
    host: undefined,
    version: undefined,
  };
}
