import { field, id, isObject } from '../../../kit/read.js';
import { part } from '../part.js';
import { analyzeEvent, type AnalyzedEvent, type EventId, type EventInput, type EventOptions } from './event.js';
import { rollUpsOf, type EventSummary, type SummaryBreakdown } from './roll-ups.js';
import { verdictOf } from './verdict.js';

export type { EventPage } from './event-page.js';
export type { AnalyzedEvent, EventId, EventInput, EventOptions };
export type { EventSummary, SummaryBreakdown };

/** An incident and what its events show, in the predecessor's layout (`Incident.to_json` of AlertLogic-event-api). */
export type IncidentAnalysis = {
  readonly incident_id?: string;
  readonly customer_id?: string;
  /** What came of the attempts, in one line: `14 of 16 attempts were refused (403), 2 succeeded (200) on example.net`. */
  readonly verdict: string;
  /** As the API gave it. */
  readonly incident_details: unknown;
  readonly events_summary: {
    readonly summary_breakdown: SummaryBreakdown;
    readonly event_summary: EventSummary;
  };
  /** By id. */
  readonly events: Readonly<Record<string, AnalyzedEvent>>;
};

/**
 * What the events of an incident show. `incident` as IRIS v3 or the older API has it. An event that comes twice counts
 * once. Pure; whatever the bytes, it does not throw, and takes bounded time and memory for each event.
 */
export function analyzeIncident(
  incident: unknown,
  events: readonly EventInput[],
  options: EventOptions = {},
): IncidentAnalysis {
  const analyzed = new Map<string, AnalyzedEvent>();
  events.forEach((event, position) => {
    const one = analyzeEvent(event, options, position);
    if (!analyzed.has(String(one.event_id))) analyzed.set(String(one.event_id), one);
  });
  const all = [...analyzed.values()];
  const incidentId = id(part(incident, 'incidentId')) ?? id(field(incident, 'incident_id'));
  const customerId = id(part(incident, 'accountId')) ?? id(field(incident, 'customer_id'));
  return {
    ...(incidentId !== undefined && { incident_id: incidentId }),
    ...(customerId !== undefined && { customer_id: customerId }),
    verdict: verdictOf(all),
    incident_details: isObject(incident) ? incident : {},
    events_summary: rollUpsOf(all),
    events: Object.fromEntries(analyzed),
  };
}
