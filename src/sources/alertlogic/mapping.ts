import type { AlertDraft } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { count, id, text, type Flags } from '../../kit/read.js';
import { identityOf, incidentEntity } from './identity.js';
import { parsePath, valueAt, type JsonPath } from './json-path.js';
import { linkOf } from './link.js';
import { narrativeOf, titleOf } from './markup.js';
import { merged, partiesOf } from './parties.js';
import { ratingOf } from './severity.js';
import type { Body, Context } from './shape.js';
import { standingOf } from './standing.js';
import { tagsOf } from './tags.js';
import { isTestIncident } from './test-button.js';
import { firstTime } from './times.js';

/** What of an alert a template of the customer's own can be mapped to. */
export const mappedFields = [
  'title',
  'id',
  'severity',
  'state',
  'time',
  'updatedTime',
  'accountId',
  'accountName',
  'description',
  'recommendation',
  'url',
  'class',
  'rule',
  'eventType',
  'count',
  'hostname',
  'ip',
  'attacker',
  'victim',
] as const;
export type MappedField = (typeof mappedFields)[number];

/** Alert field to JSON path, as written in the config; `title` is always there. */
export type MappingOptions = Readonly<Partial<Record<MappedField, string>>>;

/** Reads a body by the mapping; `undefined` where it finds no title, and so is not of the customer's template. */
export type MappedReader = (body: Body, context: Context) => AlertDraft | undefined;

/** What is wrong with a mapping, and what to write instead; nothing where it is right. */
export function mappingProblems(mapping: unknown): readonly string[] {
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping)) return [wanted];
  const problems = Object.entries(mapping).flatMap(([name, written]: [string, unknown]) => {
    if (!isMappedField(name)) return [`"${name}" is no field; there are ${mappedFields.join(', ')}`];
    if (typeof written !== 'string') return [`${name} must be a path in quotes, such as "$.text"`];
    const parsed = parsePath(written);
    return parsed.ok ? [] : [`${name}: ${parsed.reason}`];
  });
  return Object.hasOwn(mapping, 'title') ? problems : [...problems, 'title is missing: every alert needs one'];
}

const wanted = 'must map alert fields to JSON paths, such as { title: "$.text", severity: "$.sev", id: "$.ref" }';

function isMappedField(name: string): name is MappedField {
  return (mappedFields as readonly string[]).includes(name);
}

/** Compiles a mapping that has no problems. */
export function mappedReader(mapping: MappingOptions): MappedReader {
  const paths = new Map<MappedField, JsonPath>();
  for (const name of mappedFields) {
    const parsed = parsePath(mapping[name] ?? '');
    if (parsed.ok) paths.set(name, parsed.path);
  }
  return (body, context) => {
    const sent = (name: MappedField): unknown => {
      const path = paths.get(name);
      return path && valueAt(body, path);
    };
    return text(sent('title')) === undefined ? undefined : readMapped(body, sent, context);
  };
}

function readMapped(body: Body, sent: (name: MappedField) => unknown, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const incidentId = id(sent('id'))?.toUpperCase();
  const accountId = id(sent('accountId'));
  const className = text(sent('class'));
  const ruleName = text(sent('rule'));
  const standing = standingOf({ statuses: [sent('state')] }, flags);
  const rating = ratingOf([sent('severity')], context, flags);
  const narrative = narrativeOf([sent('description')], [sent('recommendation')], flags);
  const title = titleOf([sent('title')], narrative.description, 'Alert Logic incident', flags);
  const updatedTime = firstTime([sent('updatedTime')], context.now, flags)?.time;
  const draft = present({
    kind: isTestIncident(accountId, incidentId, className) ? ('test' as const) : ('incident' as const),
    ...standing,
    ...rating,
    title,
    ...narrative,
    ...firstTime([sent('time')], context.now, flags),
    updatedTime,
    url: linkOf(sent('url'), flags),
    accountId,
    accountName: text(sent('accountName')),
    eventType: text(sent('eventType')),
    rule: ruleName === undefined && className === undefined ? undefined : present({ name: ruleName, type: className }),
    count: count(sent('count')),
  });
  const host = present({ hostname: text(sent('hostname')), ip: text(sent('ip')) });
  return {
    ...draft,
    ...identityOf(incidentEntity(incidentId, undefined, flags), [standing.state, updatedTime ?? rating.severity], body),
    vendorIds: present({ incident: incidentId }),
    resources: merged(
      [
        ...partiesOf('actor', sent('attacker'), flags),
        ...(Object.keys(host).length > 0 ? [{ role: 'target' as const, type: 'host', ...host }] : []),
        ...partiesOf('target', sent('victim'), flags),
      ],
      flags,
    ),
    tags: tagsOf({ class: className }),
    quality: [...flags],
  };
}
