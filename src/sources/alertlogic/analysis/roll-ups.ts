import type { AnalyzedEvent, EventId } from './event.js';

/** The predecessor's key for what an event does not show. */
export const noneParsed = 'none_parsed';

type Tally = Readonly<Record<string, readonly EventId[]>>;

/** The ids of the events by what they have in common. */
export type EventSummary = {
  readonly unique_signatures: Tally;
  /** In lower case, with the port where a request has one. */
  readonly unique_hosts: Tally;
  readonly response_code_tally: Tally;
};

/** The ids of the events by signature, host and response code. */
export type SummaryBreakdown = Readonly<Record<string, Readonly<Record<string, Tally>>>>;

/** The roll-ups of events, each of which is there once. Pure. */
export function rollUpsOf(events: readonly AnalyzedEvent[]): {
  readonly summary_breakdown: SummaryBreakdown;
  readonly event_summary: EventSummary;
} {
  const byHost = (some: readonly AnalyzedEvent[]) =>
    mapped(grouped(some, hostOf), (ofHost) => tally(ofHost, responseCodeOf));
  return {
    summary_breakdown: mapped(grouped(events, signatureOf), byHost),
    event_summary: {
      unique_signatures: tally(events, signatureOf),
      unique_hosts: tally(events, hostOf),
      response_code_tally: tally(events, responseCodeOf),
    },
  };
}

export function signatureOf({ event_details }: AnalyzedEvent): string {
  return event_details.signature_name ?? noneParsed;
}

export function hostOf({ event_payload }: AnalyzedEvent): string {
  return event_payload.packet_details.request_packet.host?.toLowerCase() ?? noneParsed;
}

export function responseCodeOf({ event_payload }: AnalyzedEvent): string {
  return event_payload.packet_details.response_packet.response_code ?? noneParsed;
}

function tally(events: readonly AnalyzedEvent[], keyOf: (event: AnalyzedEvent) => string): Tally {
  return mapped(grouped(events, keyOf), (some) => some.map(({ event_id }) => event_id));
}

/** In the order in which the keys are met. */
export function grouped(
  events: readonly AnalyzedEvent[],
  keyOf: (event: AnalyzedEvent) => string,
): ReadonlyMap<string, readonly AnalyzedEvent[]> {
  const groups = new Map<string, AnalyzedEvent[]>();
  for (const event of events) {
    const key = keyOf(event);
    const group = groups.get(key);
    if (group) group.push(event);
    else groups.set(key, [event]);
  }
  return groups;
}

/** `fromEntries` makes own members of names such as `__proto__`, too. */
function mapped<T>(
  groups: ReadonlyMap<string, readonly AnalyzedEvent[]>,
  read: (events: readonly AnalyzedEvent[]) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries([...groups].map(([key, events]) => [key, read(events)]));
}
