import type { AlertDraft, Resource } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { bool, count, field, id, isObject, list, text, type Flags } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import { eventFacts, maxEvents } from './events.js';
import { agreed, identityOf, incidentEntity } from './identity.js';
import { narrativeOf, titleOf } from './markup.js';
import { part, parts } from './part.js';
import { hosts, labelsOf, located, merged } from './parties.js';
import { ratingOf } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { tagsOf } from './tags.js';
import { firstTime, windowOf } from './times.js';

/**
 * The incident of the older incident API, v3 (`api/incident/v3/incidents`), bare or as AlertLogic-event-api prints it
 * with its events (`Incident.to_json`). Times are seconds, flags are 0 and 1.
 */
export const legacyIncident: Shape = {
  recognises: (body) =>
    isObject(body['incident_details']) ||
    (id(body['incident_id']) !== undefined &&
      ['customer_id', 'class_name', 'create_date', 'threat_rating', 'open'].some(
        (name) => field(body, name) !== undefined,
      )),
  read: readLegacyIncident,
};

function readLegacyIncident(body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const { now } = context;
  const details = field(body, 'incident_details') ?? body;
  const incidentId = agreed([part(details, 'incident_id'), body['incident_id']], 'ids_conflict', flags);
  const accountId = agreed([part(details, 'customer_id'), body['customer_id']], 'account_conflict', flags);
  const state = stateOf(details, flags);
  const rating = ratingOf([part(details, 'threat_rating')], context, flags);
  const updatedTime = timeText(part(details, 'last_modified_date'), 's', now, flags);
  const narrative = narrativeOf([part(details, 'description')], [part(details, 'recommendations')], flags);
  const title = titleOf(
    [part(details, 'summary')],
    narrative.description,
    `Alert Logic incident ${incidentId ?? 'without an id'}`,
    flags,
  );
  const className = text(part(details, 'class_name'));
  const draft = present({
    kind: className?.toLowerCase() === 'test' ? ('test' as const) : ('incident' as const),
    state,
    vendorState: text(part(details, 'open')),
    ...rating,
    title,
    ...narrative,
    ...firstTime([part(details, 'create_date')], now, flags),
    updatedTime,
    ...windowOf(part(details, 'begin_date'), part(details, 'end_date'), now, flags),
    accountId,
    accountName: text(part(details, 'customer_name')),
    eventType: text(part(details, 'vector.type')),
    rule: className === undefined ? undefined : { type: className },
    count: count(part(details, 'num_evts')),
    enrichment: enrichmentOf(details, body, now, flags),
  });
  return {
    ...draft,
    ...identityOf(incidentEntity(incidentId, undefined, flags), [state, updatedTime ?? rating.severity], body),
    vendorIds: present({
      incident: incidentId,
      evolutionRoot: id(part(details, 'evolution_root')),
      evolvedTo: id(part(details, 'evolved_to')),
      acknowledgedBy: id(part(details, 'acknowledged_by')),
      closedBy: id(part(details, 'closed_by')),
      modifiedBy: id(part(details, 'modified_by')),
    }),
    resources: resourcesOf(details, flags),
    tags: tagsOf({
      class: className,
      vector: part(details, 'vector.type'),
      subvector: part(details, 'vector.sub_type'),
      escalated: bool(part(details, 'escalated')),
    }),
    quality: [...flags],
  };
}

/** An incident that was closed and not opened again should not be open: `state_conflict`, and `open` counts. */
function stateOf(details: unknown, flags: Flags): 'open' | 'closed' {
  const [closedAt, reopenedAt] = parts(details, 'closed_date', 'reopen_date').map((date) => count(date) ?? 0);
  const isClosedByDates = (closedAt ?? 0) > (reopenedAt ?? 0);
  const isOpen = bool(part(details, 'open'));
  if (isOpen !== undefined && isOpen === isClosedByDates) flags.add('state_conflict');
  return (isOpen ?? !isClosedByDates) ? 'open' : 'closed';
}

function resourcesOf(details: unknown, flags: Flags): readonly Resource[] {
  const devices = list(part(details, 'devices')).map((device) => ({
    role: 'target' as const,
    type: 'host',
    ...present({ id: id(part(device, 'device_id')), hostname: text(part(device, 'name')) }),
    labels: labelsOf({ sensorId: part(device, 'sensor_id') }),
  }));
  const parties = [
    ...hosts('actor', part(details, 'attackers'), flags),
    ...hosts('target', part(details, 'victims'), flags),
    ...devices.filter(({ id, hostname }) => id !== undefined || hostname !== undefined),
  ];
  return located(merged(parties, flags), part(details, 'geoip'));
}

const maxEventIds = 200;

function enrichmentOf(details: unknown, body: Body, now: number, flags: Flags) {
  const eventIds = list(part(details, 'event_ids'));
  const sent = field(body, 'events');
  const events = isObject(sent) ? Object.values(sent) : list(sent);
  if (eventIds.length > maxEventIds || events.length > maxEvents) flags.add('events_truncated');
  const facts = present({
    escalated: bool(part(details, 'escalated')),
    acknowledgement: text(part(details, 'acknowledge_status')),
    acknowledgedTime: timeText(part(details, 'acknowledged_date'), 's', now, flags),
    closedTime: timeText(part(details, 'closed_date'), 's', now, flags),
    reopenedTime: timeText(part(details, 'reopen_date'), 's', now, flags),
    isProxy: bool(part(details, 'is_proxy')),
    vector: text(part(details, 'vector.type')),
    subvector: text(part(details, 'vector.sub_type')),
    eventIds: idsIn(eventIds.slice(0, maxEventIds)),
    events: events.length > 0 ? events.slice(0, maxEvents).map((event) => eventFacts(event, flags)) : undefined,
  });
  return Object.keys(facts).length > 0 ? facts : undefined;
}

function idsIn(values: readonly unknown[]): readonly string[] | undefined {
  const ids = values.map(id).filter((value) => value !== undefined);
  return ids.length > 0 ? ids : undefined;
}
