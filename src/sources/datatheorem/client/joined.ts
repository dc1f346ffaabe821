import { field, id, list, text } from '../../../kit/read.js';
import { present } from '../../../kit/present.js';
import type {
  AffectedAsset,
  ApiRecord,
  AssetKind,
  PolicyRuleRecord,
  PolicyRuleTypeRecord,
  PolicyViolation,
  PolicyViolationRecord,
} from './records.js';

/** The lists beside `policy_violations` on its pages, which its records refer to by id. */
export const relatedLists = [
  'policy_rules',
  'policy_rule_types',
  'network_services',
  'cloud_resources',
  'web_applications',
  'restful_apis',
  'api_operations',
] as const;
export type RelatedList = (typeof relatedLists)[number];

/** In the order they are looked at: a violation affects one asset. */
const assetLists: readonly (readonly [AssetKind, RelatedList])[] = [
  ['network_service', 'network_services'],
  ['cloud_resource', 'cloud_resources'],
  ['api_operation', 'api_operations'],
  ['web_application', 'web_applications'],
];

/** The records of a page that are some: objects with an id, which comes out as text. */
export function recordsOf(body: unknown, name: string): readonly ApiRecord[] {
  return list(field(body, name)).flatMap((element) => recordOf(element) ?? []);
}

export function recordOf(element: unknown): ApiRecord | undefined {
  const known = id(field(element, 'id'));
  return known === undefined ? undefined : { ...(element as object), id: known };
}

/** Remembers what the pages of one listing hold beside the violations, and puts it together with them. */
export class Related {
  readonly #records = new Map<RelatedList, Map<string, ApiRecord>>();

  add(body: unknown): void {
    for (const name of relatedLists) {
      const known = this.#listOf(name);
      for (const record of recordsOf(body, name)) known.set(record.id, record);
    }
  }

  /** A violation with its rule, the type of that, and its asset; without those that no page has shown so far. */
  join(record: PolicyViolationRecord): PolicyViolation {
    const { rule, ruleType, asset } = this.#partsOf(record);
    return present({
      id: record.id,
      title: text(ruleType?.title),
      description: text(ruleType?.description),
      recommendation: text(ruleType?.recommendation),
      relevance: text(rule?.relevance),
      dateCreated: text(record.date_created),
      isOpen: text(record.exception_type) === undefined,
      asset,
      rule,
      ruleType,
      record,
    });
  }

  /** Whether a later page could still add to it. */
  isWhole(record: PolicyViolationRecord): boolean {
    const { ruleType, asset } = this.#partsOf(record);
    return ruleType !== undefined && asset?.record !== undefined && asset.name !== undefined;
  }

  /** The page that holds these violations, and of all that was seen only what they refer to. */
  pageOf(violations: readonly PolicyViolationRecord[]): Readonly<Record<string, readonly ApiRecord[]>> {
    const wanted = new Map(relatedLists.map((name) => [name, new Set<ApiRecord>()]));
    const want = (name: RelatedList, known: unknown): ApiRecord | undefined => {
      const record = this.#find(name, known);
      if (record) wanted.get(name)?.add(record);
      return record;
    };
    for (const violation of violations) {
      want('policy_rule_types', want('policy_rules', violation.violated_policy_rule_id)?.['policy_rule_type_id']);
      for (const [kind, name] of assetLists) {
        want('restful_apis', want(name, violation[`affected_${kind}_id`])?.['restful_api_id']);
      }
    }
    return Object.fromEntries([
      ['policy_violations', violations],
      ...[...wanted].map(([name, records]) => [name, [...records]] as const),
    ]);
  }

  #partsOf(record: PolicyViolationRecord) {
    const rule: PolicyRuleRecord | undefined = this.#find('policy_rules', record.violated_policy_rule_id);
    const ruleType: PolicyRuleTypeRecord | undefined = this.#find('policy_rule_types', rule?.policy_rule_type_id);
    return { rule, ruleType, asset: this.#assetOf(record) };
  }

  #assetOf(violation: PolicyViolationRecord): AffectedAsset | undefined {
    for (const [kind, name] of assetLists) {
      const known = id(violation[`affected_${kind}_id`]);
      if (known === undefined) continue;
      const record = this.#find(name, known);
      return present({ kind, id: known, ...(record && this.#namesOf(kind, record)), record });
    }
    return undefined;
  }

  #namesOf(kind: AssetKind, record: ApiRecord): { name?: string; url?: string } {
    const read = (name: string): string | undefined => text(record[name]);
    switch (kind) {
      case 'network_service':
        return present({ name: read('name') ?? read('url'), url: read('url') });
      case 'cloud_resource':
        return present({ name: read('name'), url: read('cloud_console_url') });
      case 'web_application': {
        const base = read('base_url');
        const url = base && base + (read('base_path') ?? '');
        return present({ name: read('name') ?? url, url });
      }
      case 'api_operation': {
        const base = text(this.#find('restful_apis', record['restful_api_id'])?.['base_url']);
        const url = base && base + (read('path') ?? '');
        return present({ name: url && `${read('http_method') ?? 'Operation'} at ${url}`, url });
      }
    }
  }

  #find(name: RelatedList, known: unknown): ApiRecord | undefined {
    const key = id(known);
    return key === undefined ? undefined : this.#listOf(name).get(key);
  }

  #listOf(name: RelatedList): Map<string, ApiRecord> {
    const known = this.#records.get(name) ?? new Map<string, ApiRecord>();
    this.#records.set(name, known);
    return known;
  }
}
