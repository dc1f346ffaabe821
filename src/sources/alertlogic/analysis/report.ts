import { field } from '../../../kit/read.js';
import { defanged } from '../defang.js';
import type { AnalyzedEvent } from './event.js';
import type { IncidentAnalysis } from './incident.js';

export type ReportOptions = {
  /** Each event with its packets, too; false unless said otherwise. */
  readonly withEvents?: boolean;
};

/**
 * An analysis for people to read, under the predecessor's headings, one line each. Addresses of requests are defanged;
 * the analysis itself has them as they were.
 */
export function reportOf(
  { incident_id, customer_id, verdict, incident_details, events_summary, events }: IncidentAnalysis,
  { withEvents = false }: ReportOptions = {},
): readonly string[] {
  const { summary_breakdown, event_summary } = events_summary;
  return [
    `Customer ID: ${customer_id ?? 'unknown'}`,
    `Incident ID: ${incident_id ?? 'unknown'}`,
    `Verdict: ${verdict}`,
    'Incident Details:',
    ...indented(jsonLines(incident_details)),
    'Summary of Events',
    '  Summary Breakdown:',
    ...indented(treeLines(summary_breakdown), 2),
    '  Totals:',
    '    Unique Signatures:',
    ...indented(treeLines(event_summary.unique_signatures), 3),
    '    Unique Hosts:',
    ...indented(treeLines(event_summary.unique_hosts), 3),
    '    Response Code Tally:',
    ...indented(treeLines(event_summary.response_code_tally), 3),
    ...(withEvents ? ['Events:', ...Object.values(events).flatMap(eventLines)] : []),
  ];
}

function eventLines(event: AnalyzedEvent): readonly string[] {
  const { event_details, signature_details, event_payload } = event;
  const { request_packet: request, response_packet: response } = event_payload.packet_details;
  return [
    '',
    `Event ID: ${String(event.event_id)}`,
    `Event Link: ${event.event_url ?? none}`,
    'Event Details:',
    ...indented(memberLines(event_details)),
    'Signature Details:',
    ...indented(memberLines(signature_details)),
    'Event Payload:',
    '  Packet Details:',
    '    Request Packet:',
    `      Restful Call: ${request.restful_call ?? none}`,
    `      Protocol: ${request.protocol ?? none}`,
    `      Host: ${request.host ?? none}`,
    `      Resource: ${request.resource ?? none}`,
    `      Full URL: ${request.full_url === undefined ? none : defanged(request.full_url)}`,
    '    Response Packet:',
    `      Response Code: ${response.response_code ?? none}`,
    `      Response Message: ${response.response_message ?? none}`,
    ...(event.quality.length > 0 ? [`  Guessed or lost: ${event.quality.join(', ')}`] : []),
    'Full Payload:',
    ...linesOf(event_payload.full_payload),
    ...(event_payload.decompressed === undefined ? [] : ['Decompressed Data:', ...linesOf(event_payload.decompressed)]),
  ];
}

/** The predecessor wrote `none_parsed`. */
const none = '-';

function memberLines(members: Readonly<Record<string, string | undefined>>): readonly string[] {
  const lines = Object.entries(members).map(([name, value]) => `${name}: ${value ?? none}`);
  return lines.length > 0 ? lines : [none];
}

/** A level of names down to lists of ids. */
function treeLines(tree: unknown): readonly string[] {
  const entries = Object.entries(tree as object);
  if (entries.length === 0) return [none];
  return entries.flatMap(([name]) => {
    const below = field(tree, name);
    return Array.isArray(below) ? [`${name}: ${below.join(', ')}`] : [`${name}:`, ...indented(treeLines(below))];
  });
}

function jsonLines(value: unknown): readonly string[] {
  return JSON.stringify(value, null, 2).split('\n');
}

function linesOf(text: string): readonly string[] {
  return indented(text === '' ? [none] : text.split(/\r?\n/));
}

function indented(lines: readonly string[], depth = 1): readonly string[] {
  return lines.map((line) => `${'  '.repeat(depth)}${line}`);
}
