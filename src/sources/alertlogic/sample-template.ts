import type { AlertDraft } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { id, text, type Flags } from '../../kit/read.js';
import { identityOf, incidentEntity } from './identity.js';
import { linkOf } from './link.js';
import { narrativeOf, titleOf } from './markup.js';
import { parts } from './part.js';
import { deployed, labelsOf, merged, partiesOf } from './parties.js';
import { ratingOf } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { standingOf } from './standing.js';
import { tagsOf } from './tags.js';
import { isTestIncident } from './test-button.js';
import { firstTime } from './times.js';

/** The keys of the vendor's sample incident template in its order (docs.alertlogic.com/configure/connectors/webhooks.htm). */
export const incidentKeys = [
  'account_id',
  'customer_name',
  'deployment_name',
  'short_incident_id',
  'long_incident_id',
  'summary',
  'description',
  'recommendations',
  'attacker',
  'victim',
  'timestamp',
  'threat_rating',
  'incident_class',
  'status',
] as const;

/** The keys of the vendor's sample observation template, in its order. */
export const observationKeys = [
  'account_id',
  'summary',
  'description',
  'severity',
  'class',
  'subclass',
  'recommendations',
  'message',
] as const;

/**
 * What the vendor's sample incident template makes of an incident; `updated_timestamp` and `incident_url` are the two
 * keys that our README adds to it.
 */
export const sampleIncident: Shape = {
  recognises: (body) => parts(body, 'long_incident_id', 'short_incident_id').some((value) => value !== undefined),
  read: readSampleIncident,
};

/** What the vendor's sample observation template makes of an observation: it carries no id and no time. */
export const sampleObservation: Shape = {
  recognises: (body) =>
    parts(body, 'account_id', 'summary', 'severity', 'subclass').every((value) => value !== undefined),
  read: readSampleObservation,
};

function readSampleIncident(body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const long = id(body['long_incident_id'])?.toUpperCase();
  const short = id(body['short_incident_id']);
  const accountId = id(body['account_id']);
  const className = text(body['incident_class']);
  const standing = standingOf({ statuses: [body['status']] }, flags);
  const rating = ratingOf([body['threat_rating']], context, flags);
  const narrative = narrativeOf([body['description']], [body['recommendations']], flags);
  const updatedTime = firstTime([body['updated_timestamp']], context.now, flags)?.time;
  // The template asks for {{summary}}, which an incident does not have: empty in what it sends.
  const otherwise = `Alert Logic incident ${short ?? long ?? ''}`;
  const title = titleOf([body['summary']], narrative.description, otherwise, flags);
  const draft = present({
    kind: isTestIncident(accountId, long, className) ? ('test' as const) : ('incident' as const),
    ...standing,
    ...rating,
    title,
    ...narrative,
    ...firstTime([body['timestamp']], context.now, flags),
    updatedTime,
    url: linkOf(body['incident_url'], flags),
    accountId,
    accountName: text(body['customer_name']),
    rule: className === undefined ? undefined : { type: className },
  });
  const targets = partiesOf('target', body['victim'], flags);
  const deployment = labelsOf({ deployment: body['deployment_name'] });
  const actors = partiesOf('actor', body['attacker'], flags);
  return {
    ...draft,
    ...identityOf(incidentEntity(long, short, flags), [standing.state, updatedTime ?? rating.severity], body),
    vendorIds: present({ incident: long, humanFriendly: short }),
    resources: merged([...actors, ...deployed(targets, deployment)], flags),
    tags: tagsOf({ class: className }),
    quality: [...flags],
  };
}

function readSampleObservation(body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const className = text(body['class']);
  const rating = ratingOf([body['severity']], context, flags);
  const narrative = narrativeOf([body['description'], body['message']], [body['recommendations']], flags);
  const title = titleOf([body['summary']], narrative.description, 'Alert Logic observation', flags);
  const draft = present({
    kind: 'detection' as const,
    state: 'open' as const,
    ...rating,
    title,
    ...narrative,
    accountId: id(body['account_id']),
    rule: className === undefined ? undefined : { type: className },
  });
  return {
    ...draft,
    ...identityOf({ type: 'observation', id: undefined }, [], body),
    vendorIds: {},
    resources: [],
    tags: tagsOf({ class: className, subclass: body['subclass'] }),
    quality: [...flags],
  };
}
