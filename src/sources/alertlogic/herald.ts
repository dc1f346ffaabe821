import type { AlertDraft, Resource } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { httpsUrl, id, isObject, list, text, type Flags } from '../../kit/read.js';
import { identityOf, incidentEntity } from './identity.js';
import { narrativeOf, titleOf } from './markup.js';
import { printedNotes } from './notes.js';
import { part, parts } from './part.js';
import { deployed, hosts, labelsOf, merged, partiesOf, textsOf } from './parties.js';
import { ratingOf } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { standingOf } from './standing.js';
import { tagsOf } from './tags.js';
import { isTestIncident } from './test-button.js';
import { firstTime } from './times.js';

/** The incident of the notification service (herald v2 of alertlogic-sdk-definitions), about its `payload`. */
export const herald: Shape = {
  recognises: (body) => /^incidents?\//i.test(text(body['type']) ?? '') && isPayload(body['payload']),
  read: (body, context) => readPayload(body['payload'], body, context),
};

/**
 * The console's older webhook, about 2018 to 2020 (docs.alertlogic.com/configure/webhooks.htm): `feature`, `subkey` and
 * a `data` that is taken to be herald's payload.
 */
export const consoleWebhook: Shape = {
  recognises: (body) => text(body['feature'])?.toLowerCase() === 'incidents' && isPayload(body['data']),
  read: (body, context) => readPayload(body['data'], body, context),
};

/** Herald's payload by itself. */
export const heraldPayload: Shape = {
  recognises: (body) => isPayload(body) && part(body, 'attack_summary') !== undefined,
  read: (body, context) => readPayload(body, body, context),
};

function isPayload(value: unknown): boolean {
  const names = ['long_incident_id', 'incident_id', 'attack_summary', 'investigation_report'];
  return isObject(value) && parts(value, ...names).some((fact) => fact !== undefined);
}

function readPayload(payload: unknown, body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const { now } = context;
  const long = id(part(payload, 'long_incident_id'))?.toUpperCase();
  const short = id(part(payload, 'incident_id'));
  const accountId = id(part(payload, 'cid'));
  const className = text(part(payload, 'class')) ?? text(part(body, 'notification_data.class'));
  const subkey = text(body['subkey'])?.toLowerCase();
  const standing = standingOf({ statuses: [part(payload, 'status'), part(body, 'notification_data.status')] }, flags);
  const rating = ratingOf(
    [part(payload, 'threat'), part(body, 'notification_data.threat_level')],
    context,
    flags,
    ratingInSubkey(subkey),
  );
  const narrative = narrativeOf([part(payload, 'investigation_report')], [part(payload, 'recommendations')], flags);
  const title = titleOf(
    [part(payload, 'attack_summary')],
    narrative.description,
    `Alert Logic incident ${short ?? long ?? 'without an id'}`,
    flags,
  );
  const isEscalated = subkey?.startsWith('escalations/') === true || undefined;
  const draft = present({
    kind: isTestIncident(accountId, long, className) ? ('test' as const) : ('incident' as const),
    ...standing,
    ...rating,
    title,
    ...narrative,
    ...firstTime(parts(payload, 'create_date', 'start_date'), now, flags),
    startTime: firstTime([part(payload, 'start_date')], now, flags)?.time,
    accountId,
    accountName: text(part(payload, 'customer_name')),
    eventType: text(part(body, 'notification_data.detection_source')) ?? eventTypeOf(body),
    rule: className === undefined ? undefined : { type: className },
    notes: printedNotes(part(payload, 'analyst_notes'), now, flags),
    enrichment: enrichmentOf(body, isEscalated, flags),
  });
  return {
    ...draft,
    ...identityOf(incidentEntity(long, short, flags), [standing.state, rating.severity], body),
    vendorIds: present({ incident: long, humanFriendly: short, notification: id(body['id']) }),
    resources: resourcesOf(payload, body, flags),
    tags: tagsOf({ class: className, escalated: isEscalated }),
    quality: [...flags],
  };
}

/** `incidents/medium`; but `escalations/primary` rates nothing. */
function ratingInSubkey(subkey: string | undefined): string | undefined {
  return subkey?.startsWith('incidents/') === true ? subkey.slice('incidents/'.length) : undefined;
}

function eventTypeOf(body: Body): string | undefined {
  return text(body['subkey']) ?? text(body['type']);
}

function resourcesOf(payload: unknown, body: Body, flags: Flags): readonly Resource[] {
  const actors = [
    ...hosts('actor', part(payload, 'location_ip'), flags),
    ...partiesOf('actor', part(body, 'notification_data.attackers'), flags),
  ];
  const targets = [
    ...hosts('target', part(payload, 'target_host'), flags),
    ...partiesOf('target', part(body, 'notification_data.targets'), flags),
  ];
  const deployment = labelsOf({
    deployment: part(payload, 'deployment_name'),
    deploymentId: part(body, 'asset_data.deployment_id'),
  });
  const appliances = textsOf(part(body, 'notification_data.appliance'), flags).map((name) => ({
    role: 'related' as const,
    type: 'appliance',
    name,
  }));
  return merged([...actors, ...deployed(targets, deployment), ...appliances], flags);
}

const maxListed = 50;

function enrichmentOf(body: Body, isEscalated: boolean | undefined, flags: Flags) {
  const assetTags = [
    ...textsOf(part(body, 'asset_data.tags'), flags),
    ...textsOf(part(body, 'asset_data.tag_keys'), flags),
  ];
  const attachments = list(part(body, 'attachments'))
    .map((attachment) =>
      present({
        name: text(part(attachment, 'name')),
        description: text(part(attachment, 'description')),
        url: httpsUrl(part(attachment, 'url')),
      }),
    )
    .filter((attachment) => Object.keys(attachment).length > 0);
  const facts = present({
    escalated: isEscalated,
    assetTags: assetTags.length > 0 ? [...new Set(assetTags)].slice(0, maxListed) : undefined,
    attachments: attachments.length > 0 ? attachments.slice(0, maxListed) : undefined,
  });
  return Object.keys(facts).length > 0 ? facts : undefined;
}
