import type { AlertDraft, Resource } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { bodyText, id, isObject, number, text, type Flags } from '../../kit/read.js';
import { defanged } from './defang.js';
import { identityOf } from './identity.js';
import { titleOf } from './markup.js';
import { part } from './part.js';
import { host, merged } from './parties.js';
import { eventRatingOf } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { tagsOf } from './tags.js';
import { firstTime } from './times.js';

/** One IDS event on its own, as the predecessor AlertLogic-event-api prints it (`Event.to_json`). */
export const event: Shape = {
  recognises: (body) => isObject(body['event_details']) && id(body['event_id']) !== undefined,
  read: readEvent,
};

function readEvent(body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const eventId = id(body['event_id']);
  const facts = eventFacts(body, flags);
  const rule = present({ id: facts.signatureId, name: facts.signature, type: facts.classification });
  const draft = present({
    kind: 'detection' as const,
    state: 'open' as const,
    ...eventRatingOf(part(body, 'event_details.severity'), context, flags),
    title: titleOf([facts.signature], undefined, `Alert Logic event ${eventId ?? ''}`, flags),
    ...firstTime([part(body, 'event_details.event_time')], context.now, flags),
    eventType: facts.classification,
    rule: Object.keys(rule).length > 0 ? rule : undefined,
    enrichment: { events: [facts] },
  });
  return {
    ...draft,
    ...identityOf({ type: 'event', id: eventId }, ['open'], body),
    vendorIds: present({ event: eventId, signature: facts.signatureId }),
    resources: merged(
      [
        ...endpoint('actor', facts.sourceAddress, facts.sourcePort),
        ...endpoint('target', facts.destinationAddress, facts.destinationPort),
      ],
      flags,
    ),
    tags: tagsOf({ classification: facts.classification }),
    quality: [...flags],
  };
}

function endpoint(role: Resource['role'], address: string | undefined, port: number | undefined): readonly Resource[] {
  return address === undefined ? [] : [{ ...host(role, address), ...present({ port }) }];
}

/** What is shown of many events; the rest is in the raw body. */
export const maxEvents = 50;
const maxRuleBytes = 2_000;

/**
 * What an event tells, without its payload, which may hold credentials; so may the query of a request, which is cut
 * off. The address of the request is defanged (`www[.]example[.]net`), since somebody will click on it.
 */
export function eventFacts(sent: unknown, flags: Flags) {
  const request = 'event_payload.packet_details.request_packet';
  const response = 'event_payload.packet_details.response_packet';
  const parsed = (path: string): string | undefined => known(text(part(sent, path)));
  return present({
    id: id(part(sent, 'event_id')),
    signature: parsed('event_details.signature_name'),
    signatureId: parsed('signature_details.sig_id'),
    signatureRule: bodyText(part(sent, 'signature_details.sig_rule'), flags, maxRuleBytes),
    classification: parsed('event_details.classification'),
    severity: parsed('event_details.severity'),
    sensor: parsed('event_details.sensor'),
    protocol: parsed('event_details.protocol'),
    sourceAddress: parsed('event_details.source_addr'),
    sourcePort: number(part(sent, 'event_details.source_port')),
    destinationAddress: parsed('event_details.dest_addr'),
    destinationPort: number(part(sent, 'event_details.dest_port')),
    method: parsed(`${request}.restful_call`),
    url: shownUrl(parsed(`${request}.host`), parsed(`${request}.resource`)),
    responseCode: parsed(`${response}.response_code`),
  });
}

/** The predecessor's words for what its parser did not find; the second is a slip that it keeps. */
const unparsed: ReadonlySet<string> = new Set(['none_parsed', 'non_parsed']);

function known(word: string | undefined): string | undefined {
  return word === undefined || unparsed.has(word) ? undefined : word;
}

function shownUrl(hostname: string | undefined, resource: string | undefined): string | undefined {
  const path = resource?.split('?', 1)[0] ?? '';
  const url = defanged(`${hostname ?? ''}${path}`);
  return url === '' ? undefined : url;
}
