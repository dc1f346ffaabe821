import type { AlertDraft, Kind, Note, Resource, Rule } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { field, id, isObject, list, text, titleText, type Flags } from '../../kit/read.js';
import type { severityReader, SeverityTable } from '../../kit/severity.js';
import { timeOf, timeText } from '../../kit/time.js';
import { assetOf } from './asset.js';
import { sentenceOf, type Subject, type VendorEvent } from './event.js';
import type { linkReader } from './links.js';
import { Members } from './members.js';
import { standingOf, type Standing } from './standing.js';
import { versionOf } from './version.js';
import { proseOf, titleOf } from './wording.js';

/** What a reader knows besides the body. */
export type Context = {
  /** Our clock in milliseconds, against which times are judged. */
  readonly now: number;
  readonly severityOf: ReturnType<typeof severityReader>;
  readonly linkOf: ReturnType<typeof linkReader>;
};

/** The part of a draft that depends on what the event is about. */
export type Report = Omit<AlertDraft, 'updatedTime' | 'product' | 'eventType' | 'quality'>;

/** The API Secure `relevance` and the Mobile Secure `severity`. */
export const severityTable: SeverityTable = {
  urgent: 'critical',
  important: 'high',
  proactive: 'low',
  high: 'high',
  medium: 'medium',
  low: 'low',
};

type Reported = Exclude<Subject, 'user'>;

const kindOf: Readonly<Record<Reported, Kind>> = {
  violation: 'posture',
  finding: 'posture',
  target: 'posture',
  note: 'posture',
  discovery: 'inventory',
  attack: 'detection',
  unknown: 'other',
};

/**
 * Reads whatever is no user's event: the fields of a policy violation (of which there is a sample) and those that the
 * pull API gives a mobile finding. A field that is missing is left out.
 */
export function readReport(event: VendorEvent, subject: Reported, context: Context, flags: Flags): Report {
  const data = new Members(event.data);
  const affected = data.read('affected_asset', (asset) => (isObject(asset) ? new Members(asset) : undefined));
  const asset = affected ?? (subject === 'discovery' ? data : undefined);
  const resources = resourcesOf(subject, asset, data);
  const status = data.read(['policy_violation_status', 'current_status', 'aggregated_status', 'status'], text);
  const findingId = data.read('security_finding_id', id);
  const ownId = ownIdOf(subject, resources, findingId) ?? data.read(['uuid', 'id'], id);
  const entity = entityOf(subject, ownId, findingId);
  const description = data.read('description', (prose) => proseOf(prose, flags));
  const title = data.read('title', (words) => titleText(words, flags));
  if (title === undefined && subject === 'violation') flags.add('title_derived');
  const happened = title ?? description ?? sentenceOf(event);
  const standing = standingIn(event, subject, status, flags);
  return present({
    kind: kindOf[subject],
    ...standing,
    vendorState: status,
    ...severityIn(data, subject, context, flags),
    ...data.read('date_created', (created) => timeOf(created, 'auto', context.now, flags)),
    title: titleOf(happened, resources[0]?.name, flags),
    description,
    recommendation: data.read('recommendation', (prose) => proseOf(prose, flags)),
    url: data.read('portal_url', (url) => context.linkOf(url, flags)),
    rule: ruleOf(data, context, flags),
    entity,
    version: versionOf(event, entity && { status, state: standing.state }),
    vendorIds: present({
      ...(subject === 'discovery' ? {} : { [nounOf(subject)]: ownId }),
      asset: asset && resources[0]?.id,
      assetGroup: asset?.read('belongs_to_asset_group', (group) => id(field(group, 'uuid'))),
      mobileApp: data.read('mobile_app_id', id),
      ...(findingId !== undefined && { finding: findingId }),
      rule: data.read('violated_policy_rule_uuid', id),
      ruleType: data.read('violated_policy_rule_type_uuid', id),
      policy: data.read('policy_uuid', id),
      issueType: data.read('issue_type_id', id),
    }),
    resources,
    notes: notesOf(data, context, flags),
    tags: tagsOf(data),
    enrichment: { ...data.rest(), ...(affected?.hasRest() === true && { affected_asset: affected.rest() }) },
  });
}

/** A discovery and a note say nothing of how a finding stands; an attack is open until something else is said. */
function standingIn({ name }: VendorEvent, subject: Reported, status: string | undefined, flags: Flags): Standing {
  if (subject === 'discovery' || subject === 'note') return { state: 'unknown' };
  const standing = standingOf(status, name, flags);
  return subject === 'attack' && standing.state === 'unknown' ? { state: 'open' } : standing;
}

function severityIn(data: Members, subject: Reported, { severityOf }: Context, flags: Flags) {
  const vendorSeverity = data.read(['relevance', 'severity'], text);
  if (vendorSeverity !== undefined) return { severity: severityOf(vendorSeverity, flags), vendorSeverity };
  if (subject === 'discovery') return { severity: 'informational' } as const;
  flags.add('severity_missing');
  return { severity: 'unknown' } as const;
}

/** The id of what the event is about, where that is not simply its data's own. */
function ownIdOf(subject: Reported, resources: readonly Resource[], findingId: string | undefined): string | undefined {
  if (subject === 'discovery') return resources[0]?.id;
  return subject === 'finding' ? findingId : undefined;
}

/** What stays the same from one event of a finding to the next. A note is an event of its finding. */
function entityOf(subject: Reported, ownId: string | undefined, findingId: string | undefined): AlertDraft['entity'] {
  if (subject === 'note' && findingId !== undefined) return { type: 'finding', id: findingId };
  return ownId === undefined ? undefined : { type: nounOf(subject), id: ownId };
}

function nounOf(subject: Reported): string {
  if (subject === 'discovery') return 'asset';
  return subject === 'attack' || subject === 'unknown' ? 'event' : subject;
}

function resourcesOf(subject: Reported, asset: Members | undefined, data: Members): readonly Resource[] {
  const mobileApp = data.read('mobile_app_id', id);
  return [
    ...(asset ? [assetOf(asset, subject === 'discovery' ? 'related' : 'affected')] : []),
    ...(mobileApp === undefined
      ? []
      : [
          present({
            role: 'affected' as const,
            type: 'mobile_app',
            id: mobileApp,
            name: data.read('mobile_app_name', text),
          }),
        ]),
  ];
}

function ruleOf(data: Members, { linkOf }: Context, flags: Flags): Rule | undefined {
  const rule = present({
    id: data.read(['violated_policy_rule_uuid', 'issue_type_id'], id),
    name: data.read('violated_policy_rule_type_title', text),
    type: data.read(['violated_policy_rule_type_uuid', 'category'], text),
    policyId: data.read('policy_uuid', id),
    policyName: data.read('policy_name', text),
    url: data.read('policy_portal_url', (url) => linkOf(url, flags)),
  });
  return Object.keys(rule).length > 0 ? rule : undefined;
}

/** The reason given for an exception: why a violation will not be fixed. */
function notesOf(data: Members, { now }: Context, flags: Flags): readonly Note[] | undefined {
  const words = data.read('exception_explanation', (prose) => proseOf(prose, flags));
  if (words === undefined) return undefined;
  return [
    present({ time: data.read('exception_date_created', (time) => timeText(time, 'auto', now, flags)), text: words }),
  ];
}

const maxTags = 20;

/** The regulations and store policies that a mobile finding touches. */
function tagsOf(data: Members): readonly string[] {
  const tag = (name: string, value: unknown): readonly string[] => {
    const word = text(value)?.toLowerCase() ?? '';
    return /^[\w.-]{1,50}$/.test(word) ? [`${name}:${word}`] : [];
  };
  const compliance = data.read('compliance_policy_references', (references) =>
    someOf(list(references).flatMap((reference) => tag('compliance', field(reference, 'compliance_policy')))),
  );
  const importance = data.read('importance_tags', (tags) =>
    someOf(list(tags).flatMap((word) => tag('importance', word))),
  );
  return [...(compliance ?? []), ...(importance ?? [])].slice(0, maxTags);
}

function someOf<T>(elements: readonly T[]): readonly T[] | undefined {
  return elements.length > 0 ? elements : undefined;
}
