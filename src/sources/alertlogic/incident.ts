import type { AlertDraft, Rule } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { bool, count, id, isObject, list, text, type Flags } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import { attacksOf } from './attacks.js';
import { agreed, identityOf, incidentEntity } from './identity.js';
import { incidentParties } from './incident-parties.js';
import { linkOf } from './link.js';
import { narrativeOf, titleOf } from './markup.js';
import { incidentNotes } from './notes.js';
import { part, parts } from './part.js';
import { ratingOf, type Rating } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { standingOf, type Standing } from './standing.js';
import { tagsOf } from './tags.js';
import { isTestIncident } from './test-button.js';
import { firstTime, latest, windowOf } from './times.js';

/**
 * The full incident of IRIS v3, as the API returns it and the JQ template `.` sends it, nested or with dotted keys
 * (docs.alertlogic.com/configure/connectors/incident.htm; iris.v3.yaml of alertlogic-sdk-definitions).
 */
export const incident: Shape = {
  recognises: (body) =>
    isObject(part(body, 'incident')) ||
    parts(body, 'incidentId', 'humanFriendlyId', 'incident.summary').some((value) => value !== undefined),
  read: readIncident,
};

function readIncident(body: Body, context: Context): AlertDraft {
  const { now } = context;
  const flags: Flags = new Set();
  const ids = idsOf(body);
  const accountId = agreed(parts(body, 'accountId', 'customer_id'), 'account_conflict', flags);
  const className = text(classOf(body));
  const rating = readRating(body, context, flags);
  const standing = readStanding(body, flags);
  const created = firstTime(parts(body, 'createtime_str', 'createtimeStr', 'createTime'), now, flags);
  const updatedTime = readUpdate(body, now, flags);
  const window = windowOf(part(body, 'incident.begin_time'), part(body, 'incident.end_time'), now, flags);
  const narrative = narrativeOf(
    parts(body, 'incident.description', 'extra.investigation_report', 'description', 'desc'),
    parts(body, 'incident.recommendations', 'extra.recommendations', 'recommendations'),
    flags,
  );
  const title = titleOf(
    parts(body, 'incident.summary', 'summary', 'desc'),
    narrative.description,
    `Alert Logic incident ${ids.humanFriendly ?? ids.incident ?? 'without an id'}`,
    flags,
  );
  const isEscalated = readEscalation(body, flags);
  const draft = present({
    kind: isTestIncident(accountId, ids.incident, className) ? ('test' as const) : ('incident' as const),
    ...standing,
    ...rating,
    title,
    ...narrative,
    ...created,
    updatedTime,
    ...window,
    url: linkOf(part(body, 'extra.incidentUrl'), flags),
    accountId,
    accountName: text(part(body, 'customer')),
    region: text(part(body, 'stack_region')),
    eventType: text(part(body, 'detection_source')) ?? sourceOf(body),
    rule: ruleOf(body, className),
    count: count(part(body, 'associatedEventCount')),
    attacks: attacksOf(part(body, 'mitre_classification')),
    notes: incidentNotes(body, now, flags),
    enrichment: enrichmentOf(body, isEscalated, now, flags),
  });
  const entity = incidentEntity(ids.incident, ids.humanFriendly, flags);
  return {
    ...draft,
    ...identityOf(entity, [standing.state, updatedTime ?? rating.severity], body),
    vendorIds: present(ids),
    resources: incidentParties(body, flags),
    tags: tagsOf({
      class: className,
      type: part(body, 'incident_type') ?? part(body, 'incident.type'),
      escalated: isEscalated,
    }),
    quality: [...flags],
  };
}

function idsOf(body: Body) {
  return {
    incident: id(part(body, 'incidentId'))?.toUpperCase(),
    humanFriendly: id(part(body, 'humanFriendlyId')),
    correlation: id(part(body, 'correlation_id')),
    dedupHint: id(part(body, 'dedup_hint')),
    attackClass: id(part(body, 'incident.attackClassId')),
    asset: id(part(body, 'assets.__asset.key')),
    statusUser: id(part(body, 'customer_status.user_id')),
    feedbackUser: id(part(body, 'customer_feedback.feedback_uid')),
    snoozeUser: id(part(body, 'snooze_status.snooze_by_uid')),
  };
}

/** `defaultThreatRating` is the rating before analysis. */
function readRating(body: Body, context: Context, flags: Flags): Rating {
  const current = parts(body, 'incident.threatRating', 'incident_threat_rating', 'threat_rating');
  return ratingOf(current, context, flags, part(body, 'defaultThreatRating'));
}

function readStanding(body: Body, flags: Flags): Standing {
  return standingOf(
    {
      statuses: parts(body, 'customer_status.status', 'customer_status_status', 'extra.status'),
      reason: part(body, 'customer_status.reason_code'),
      snoozes: parts(body, 'snooze_status.snoozed', 'snooze_status_snoozed'),
    },
    flags,
  );
}

/** The customer's change of the status does not always move the update time. */
function readUpdate(body: Body, now: number, flags: Flags): string | undefined {
  return latest(
    firstTime(parts(body, 'updatetime_str', 'updateTime'), now, flags)?.time,
    timeText(part(body, 'customer_status.status_change_time'), 's', now, flags),
  );
}

function readEscalation(body: Body, flags: Flags): boolean | undefined {
  const said = parts(body, 'incident.escalated', 'incident_escalated', 'extra.is_escalated')
    .map(bool)
    .filter((escalated) => escalated !== undefined);
  if (new Set(said).size > 1) flags.add('escalation_conflict');
  return said[0];
}

function classOf(body: Body): unknown {
  return parts(body, 'incident_class', 'incident.attackClassId_str', 'incident_attack_class', 'extra.class').find(
    (name) => name !== undefined,
  );
}

/** `sources` and `source_keyword` are a list here and a text there. */
function sourceOf(body: Body): string | undefined {
  return parts(body, 'sources', 'source_keyword')
    .flatMap((source) => (Array.isArray(source) ? list(source) : [source]))
    .map(text)
    .find((source) => source !== undefined);
}

function ruleOf(body: Body, className: string | undefined): Rule | undefined {
  const name = parts(body, 'correlation_name', 'analytic_name')
    .map(text)
    .find((word) => word !== undefined);
  return name === undefined && className === undefined ? undefined : present({ name, type: className });
}

function enrichmentOf(body: Body, isEscalated: boolean | undefined, now: number, flags: Flags) {
  const time = (path: string): string | undefined => timeText(part(body, path), 's', now, flags);
  const facts = present({
    escalated: isEscalated,
    path: text(part(body, 'path')),
    associatedLogCount: count(part(body, 'associatedLogCount')),
    observationsCount: count(part(body, 'parents.observations_count')),
    closedTime: time('closed_time') ?? time('closedTime'),
    firstClosedTime: time('first_closed_time'),
    snoozedUntil: firstTime(
      parts(body, 'snooze_status.expiration_str', 'snooze_status.expiration', 'snooze_status.reactivates_at'),
      now,
      flags,
    )?.time,
    snoozeReason: text(part(body, 'snooze_status.reason_code')),
    statusReason: text(part(body, 'customer_status.reason_code')),
    feedbackReason: text(part(body, 'customer_feedback.feedback_reason')),
  });
  return Object.keys(facts).length > 0 ? facts : undefined;
}
