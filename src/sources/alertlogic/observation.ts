import type { AlertDraft } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { id, isObject, number, text, type Flags } from '../../kit/read.js';
import { attackOf } from './attacks.js';
import { agreed, identityOf } from './identity.js';
import { narrativeOf, titleOf } from './markup.js';
import { part, parts } from './part.js';
import { deployed, hosts, labelsOf, merged } from './parties.js';
import { ratingOf } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { tagsOf } from './tags.js';
import { firstTime, windowOf } from './times.js';

/**
 * An observation: one occurrence of a log correlation rule (docs.alertlogic.com/configure/connectors/observation.htm).
 * It has no lifecycle: it is open, and never heard of again.
 */
export const observation: Shape = {
  recognises: (body) =>
    isObject(body['fields']) &&
    (isObject(body['id']) || isObject(body['extra']) || part(body, 'fields.summary') !== undefined),
  read: readObservation,
};

function readObservation(body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const { now } = context;
  const accountId = agreed(parts(body, 'id.account', 'fields.account_id', 'extra.cid'), 'account_conflict', flags);
  const observationId = agreed(parts(body, 'fields.id', 'extra.observation_id'), 'ids_conflict', flags);
  const messageId = id(part(body, 'id.msgid'));
  const rating = ratingOf([part(body, 'fields.severity')], context, flags);
  const seen = firstTime(parts(body, 'fields.ts', 'fields.ingest_ts', 'extra.create_date'), now, flags);
  const window = windowOf(part(body, 'fields.start_ts'), part(body, 'fields.end_ts'), now, flags);
  const narrative = narrativeOf(
    parts(body, 'fields.desc', 'extra.observation_description'),
    parts(body, 'fields.recommendations'),
    flags,
  );
  const title = titleOf(
    parts(body, 'fields.summary', 'extra.observation_summary'),
    narrative.description,
    `Alert Logic observation ${observationId ?? messageId ?? 'without an id'}`,
    flags,
  );
  const attack = attackOf(part(body, 'fields.tactic'), part(body, 'fields.technique'));
  const rule = present({
    id: id(part(body, 'extra.correlation_rule_id')),
    name: text(part(body, 'extra.correlation_rule_name')),
    type: text(part(body, 'fields.class')),
  });
  const draft = present({
    kind: 'detection' as const,
    state: 'open' as const,
    ...rating,
    confidence: percentage(part(body, 'fields.confidence')),
    title,
    ...narrative,
    ...seen,
    ...window,
    accountId,
    accountName: text(part(body, 'extra.customer_name')),
    eventType: text(part(body, 'fields.authority')),
    rule: Object.keys(rule).length > 0 ? rule : undefined,
    attacks: attack && [attack],
  });
  const targets = hosts('target', part(body, 'extra.target_host'), flags);
  const deployment = labelsOf({ deployment: part(body, 'extra.deployment_name') });
  const actors = hosts('actor', part(body, 'extra.location_ip'), flags);
  const path = text(part(body, 'fields.path'));
  const visibility = text(part(body, 'fields.visibility'));
  const message = text(part(body, 'fields.keys.message'));
  const enrichment = present({ path, visibility, message });
  return {
    ...draft,
    ...identityOf({ type: 'observation', id: observationId ?? messageId }, ['open', draft.endTime ?? draft.time], body),
    vendorIds: present({
      observation: observationId,
      message: messageId,
      aid: id(part(body, 'id.aid')),
      ingest: id(part(body, 'fields.ingest_id')),
      correlationRule: rule.id,
      evolvedTo: id(part(body, 'fields.evolved_to')),
    }),
    resources: merged([...actors, ...deployed(targets, deployment)], flags),
    ...(Object.keys(enrichment).length > 0 && { enrichment }),
    tags: tagsOf({ class: part(body, 'fields.class'), subclass: part(body, 'fields.subclass') }),
    quality: [...flags],
  };
}

function percentage(value: unknown): number | undefined {
  const percent = number(value);
  return percent !== undefined && percent >= 0 && percent <= 100 ? percent : undefined;
}
