import type { NewAlert } from '../../core/alert.js';
import type { Knowledge } from '../../core/knowledge.js';
import type { Lookup } from '../../core/source.js';
import { present } from '../../kit/present.js';
import { bodyText, type Flags } from '../../kit/read.js';
import type { AnalyzedEvent, IncidentAnalysis } from './analysis/incident.js';
import { analyzeIncident, type AlertLogic, type EvidenceRecord, type IncidentRecord } from './client/alertlogic.js';
import { eventFacts, maxEvents } from './events.js';
import { incident as incidentShape } from './incident.js';
import type { Context } from './shape.js';

export type LookupSetting = {
  readonly context: () => Context;
  /** Packets go along. */
  readonly payloads: boolean;
};

/** What is analysed of an incident; it may have thousands. */
const maxAnalyzed = 200;

/**
 * Asks for the incident of an alert and for its events: the details, the roll-ups of the analysis, and what came of the
 * attempts in one line. Observations and health exposures are none of what the API can be asked for: it throws.
 */
export async function lookup(
  client: AlertLogic,
  { context, payloads }: LookupSetting,
  alert: NewAlert,
  signal: AbortSignal,
): Promise<Lookup> {
  const record = await recordOf(client, alert, signal);
  if (record === undefined) return { kind: 'unknown' };
  const draft = incidentShape.read(record, context());
  const { title, description, recommendation, url, rule, attacks, count, notes, vendorIds, resources, tags } = draft;
  const analysis = analyzeIncident(record, await eventsOf(client, record.incidentId, signal));
  const details = { title, description, recommendation, url, rule, attacks, count, notes, vendorIds, resources, tags };
  return {
    kind: 'known',
    knowledge: {
      ...present(details),
      enrichment: { ...draft.enrichment, ...enrichmentOf(analysis, payloads) },
    } satisfies Knowledge,
  };
}

async function recordOf(
  client: AlertLogic,
  { vendorIds, source }: NewAlert,
  signal: AbortSignal,
): Promise<IncidentRecord | undefined> {
  const account = await client.accountId(signal);
  if (source.accountId !== undefined && source.accountId !== account) {
    throw new Error(`the alert is of account ${source.accountId}, and the API is asked for account ${account}`);
  }
  const { incident, humanFriendly } = vendorIds;
  if (incident !== undefined) {
    // Our copy is in upper case; whether the vendor's search minds is not written anywhere.
    return (await client.incident(incident, signal)) ?? client.incident(incident.toLowerCase(), signal);
  }
  if (humanFriendly !== undefined) return client.incidentByFriendlyId(humanFriendly, signal);
  throw new Error('the alert is of no incident: Alert Logic can be asked for incidents only');
}

async function eventsOf(
  client: AlertLogic,
  incidentId: string,
  signal: AbortSignal,
): Promise<readonly EvidenceRecord[]> {
  const events: EvidenceRecord[] = [];
  for await (const event of client.associatedEvents(incidentId, {}, signal)) {
    events.push(event);
    if (events.length >= maxAnalyzed) break;
  }
  return events;
}

function enrichmentOf({ verdict, events_summary, events }: IncidentAnalysis, payloads: boolean) {
  const all = Object.values(events);
  if (all.length === 0) return {};
  const flags: Flags = new Set();
  return {
    verdict,
    ...events_summary.event_summary,
    summary_breakdown: events_summary.summary_breakdown,
    events: all
      .slice(0, maxEvents)
      .map((event) => ({ ...eventFacts(event, flags), ...(payloads && payloadOf(event, flags)) })),
  };
}

const maxPayloadBytes = 4_000;

/** The credentials in it are gone already. */
function payloadOf({ event_payload }: AnalyzedEvent, flags: Flags) {
  return present({
    payload: bodyText(event_payload.full_payload, flags, maxPayloadBytes),
    decompressed: bodyText(event_payload.decompressed, flags, maxPayloadBytes),
  });
}
