import { present } from '../../../kit/present.js';
import { pageEvidence, type EventPage } from './event-page.js';
import type { Evidence } from './evidence.js';
import { messagesOf, type HttpMessage, type HttpRequest, type HttpResponse } from './http-messages.js';
import { gzipMagic, inflated, isCompressed, type Inflated } from './inflate.js';
import { irisEvidence } from './iris-event.js';
import { printableText } from './printable-text.js';
import { redacted } from './redaction.js';
import { captureOf, type Capture } from './streams.js';

/** An id as JSON has it: a number, or a text where it would not survive as one. */
export type EventId = number | string;

/**
 * One event with all that was found in it, in the predecessor's layout and names (`Event.to_json` of
 * AlertLogic-event-api). What is not known is absent; texts are as captured, nothing is defanged.
 */
export type AnalyzedEvent = {
  readonly event_id: EventId;
  readonly event_url?: string;
  readonly event_details: {
    readonly source_addr?: string;
    readonly dest_addr?: string;
    readonly source_port?: string;
    readonly dest_port?: string;
    readonly signature_name?: string;
    readonly sensor?: string;
    readonly protocol?: string;
    readonly classification?: string;
    readonly severity?: string;
    readonly event_time?: string;
  };
  readonly signature_details: { readonly sig_id?: string; readonly sig_rule?: string };
  readonly event_payload: {
    readonly packet_details: {
      readonly request_packet: {
        readonly restful_call?: string;
        readonly protocol?: string;
        /** With the port, where the request has one. */
        readonly host?: string;
        readonly resource?: string;
        /** Host and resource, without a scheme. */
        readonly full_url?: string;
      };
      readonly response_packet: { readonly response_code?: string; readonly response_message?: string };
    };
    /** Request and response as captured, without what cannot be printed, with chunks and compression. */
    readonly full_payload: string;
    /** The bodies that were compressed, in their order; absent where none was. */
    readonly decompressed?: string;
  };
  /** `payload_truncated`, `decompressed_truncated`, `decompressed_partial`, `response_by_vendor`. */
  readonly quality: readonly string[];
};

export type EventOptions = {
  /** Credentials in texts become `[secret]`; true unless said otherwise. */
  readonly redact?: boolean;
};

/** An event to analyse: an associated event as IRIS v3 has it, or a page of the older console. */
export type EventInput = EventPage | Readonly<Record<string, unknown>>;

/** Pure; whatever the bytes, it does not throw, and takes bounded time and memory. `position` names one without an id. */
export function analyzeEvent(event: EventInput, { redact = true }: EventOptions = {}, position = 0): AnalyzedEvent {
  const evidence = isPage(event) ? pageEvidence(event) : irisEvidence(event);
  const capture = captureOf(evidence.packets);
  const clean = redact ? redacted : (captured: string): string => captured;
  const quality = new Set<string>();
  const messages = [...capture.streams.flatMap(messagesOf), ...evidence.unpacked.flatMap(headOf)];
  const request = messages.find((message) => message.kind === 'request');
  const response = finalOf(messages.filter((message) => message.kind === 'response'));
  if (response === undefined && evidence.responseCode !== undefined) quality.add('response_by_vendor');
  const decompressed = decompressedOf(evidence, capture, messages, quality);
  const full = cutAt(wholeText(capture), maxPayload);
  if (full.isCut) quality.add('payload_truncated');
  return {
    event_id: eventIdOf(evidence.eventId ?? `event-${String(position + 1)}`),
    ...present({ event_url: evidence.eventUrl }),
    event_details: detailsOf(evidence, capture),
    signature_details: present({ sig_id: evidence.signatureId, sig_rule: evidence.signatureRule }),
    event_payload: {
      packet_details: {
        request_packet: request === undefined ? {} : requestPacket(request, clean),
        response_packet: present({
          response_code: response?.code ?? evidence.responseCode,
          response_message: response?.message === '' ? undefined : response?.message,
        }),
      },
      full_payload: clean(full.text),
      ...(decompressed !== undefined && { decompressed: clean(decompressed) }),
    },
    quality: [...quality],
  };
}

function isPage(event: EventInput): event is EventPage {
  return event['kind' as keyof EventInput] === 'event-page' && typeof event['html' as keyof EventInput] === 'string';
}

function eventIdOf(known: string): EventId {
  const count = Number(known);
  return /^\d+$/.test(known) && Number.isSafeInteger(count) && String(count) === known ? count : known;
}

/** The event's own words first, then the headers of its packets. */
function detailsOf(evidence: Evidence, { source, destination, protocol }: Capture): AnalyzedEvent['event_details'] {
  return present({
    source_addr: evidence.sourceAddress ?? source?.address,
    dest_addr: evidence.destinationAddress ?? destination?.address,
    source_port: evidence.sourcePort ?? source?.port,
    dest_port: evidence.destinationPort ?? destination?.port,
    signature_name: evidence.signatureName,
    sensor: evidence.sensor,
    protocol: evidence.protocol ?? protocol,
    classification: evidence.classification,
    severity: evidence.severity,
    event_time: evidence.eventTime,
  });
}

/** What the vendor unpacked has its head as text. */
function headOf({ head }: Evidence['unpacked'][number]): readonly HttpMessage[] {
  return messagesOf({ bytes: Buffer.from(head), boundaries: [0] });
}

/** The first that is not only on the way (1xx). */
function finalOf(responses: readonly HttpResponse[]): HttpResponse | undefined {
  return responses.find(({ code }) => !code.startsWith('1')) ?? responses[0];
}

/** RFC 9112, section 3.2: the target may be a path, a whole URL, `host:port` (CONNECT) or an asterisk. */
function requestPacket(
  { verb, protocol, target, headers }: HttpRequest,
  clean: (captured: string) => string,
): AnalyzedEvent['event_payload']['packet_details']['request_packet'] {
  const absolute = /^[a-z][a-z0-9+.-]{0,20}:\/\/([^/?#]{1,300})(.*)$/is.exec(target);
  const authority = verb.toUpperCase() === 'CONNECT' ? target : absolute?.[1]?.replace(/^.*@/s, '');
  const host = printableText(authority ?? headers.get('host') ?? '').slice(0, maxHost) || undefined;
  const path = verb.toUpperCase() === 'CONNECT' ? '' : (absolute?.[2] ?? (target === '*' ? '' : target));
  const url = host === undefined ? undefined : `${host}${path}`;
  return present({
    restful_call: verb,
    protocol,
    host,
    resource: clean(printableText(target)),
    full_url: url === undefined ? undefined : clean(printableText(url)),
  });
}

const maxHost = 300;

const maxPayload = 256 * 1024;
const maxDecompressed = 1024 * 1024;

function wholeText({ streams }: Capture): string {
  // A character has four bytes at most, so this much decides.
  return streams.map(({ bytes }) => printableText(bytes.subarray(0, 4 * maxPayload))).join('');
}

/** Every compressed body, those that the vendor unpacked where none of the packets can be. */
function decompressedOf(
  { unpacked }: Evidence,
  { streams }: Capture,
  messages: readonly HttpMessage[],
  quality: Set<string>,
): string | undefined {
  const budget = { left: maxDecompressed };
  const own = messages.flatMap((message) => bodiesOf(message, budget));
  const bodies = own.length > 0 || messages.length > 0 ? own : streams.flatMap(({ bytes }) => hiddenIn(bytes, budget));
  const all = bodies.length > 0 ? bodies : unpacked.flatMap(({ body }) => vendorsOf(body, budget));
  if (all.some(({ isPartial }) => isPartial)) quality.add('decompressed_partial');
  if (budget.left <= 0) quality.add('decompressed_truncated');
  const texts = all.map(({ bytes }) => printableText(bytes)).filter((body) => body !== '');
  return texts.length > 0 ? texts.join('\n\n') : undefined;
}

type Budget = { left: number };

/** As the message says that it is coded, or as its first bytes say; streams further on in what is neither. */
function bodiesOf({ headers, body, isPartial }: HttpMessage, budget: Budget): readonly Inflated[] {
  const coding = headers.get('content-encoding') ?? '';
  const said = isCompressed(coding) ? spend(inflated(body, coding, budget.left), budget) : [];
  const found = said.length > 0 ? said : hiddenIn(body, budget);
  return found.map((each) => ({ ...each, isPartial: each.isPartial || isPartial }));
}

const maxHidden = 20;

/** Every gzip stream that begins somewhere in it. */
function hiddenIn(bytes: Buffer, budget: Budget): readonly Inflated[] {
  const found: Inflated[] = [];
  let at = bytes.indexOf(gzipMagic);
  for (let tries = 0; at >= 0 && tries < maxHidden && budget.left > 0; tries += 1) {
    const next = bytes.indexOf(gzipMagic, at + gzipMagic.length);
    found.push(...spend(inflated(bytes.subarray(at, next < 0 ? undefined : next), 'gzip', budget.left), budget));
    at = next;
  }
  return found;
}

/** Unpacked already, unless its first bytes say otherwise. */
function vendorsOf(body: Buffer, budget: Budget): readonly Inflated[] {
  if (body.subarray(0, gzipMagic.length).equals(gzipMagic)) return hiddenIn(body, budget);
  return body.length === 0
    ? []
    : spend({ bytes: body.subarray(0, Math.max(0, budget.left)), isPartial: false }, budget);
}

function spend(found: Inflated | undefined, budget: Budget): readonly Inflated[] {
  if (found === undefined) return [];
  budget.left -= found.bytes.length;
  return [found];
}

function cutAt(whole: string, max: number): { readonly text: string; readonly isCut: boolean } {
  return whole.length > max
    ? { text: `${whole.slice(0, max).replace(/[\ud800-\udbff]$/, '')}…`, isCut: true }
    : { text: whole, isCut: false };
}
