import { at, field, id, list, number, text } from '../../../kit/read.js';
import { present } from '../../../kit/present.js';
import { rfc3339 } from '../../../kit/time.js';
import type { Evidence, Unpacked } from './evidence.js';
import { eventUrlOf } from './event-url.js';
import { classTypeOf, messageOf, signatureIdOf } from './signature-rule.js';

/**
 * One associated event of IRIS v3 (`elaborations/associated`), by the vendor's own types of it (nepal-client-libs,
 * packages/iris: ElaborationInterface, ElaborationEvent). In `__snortInfo` the addresses and ports are those of the
 * rule, such as `$EXTERNAL_NET`, not the event's; what it does not know it says in words.
 */
export function irisEvidence(event: unknown): Evidence {
  const snort = field(event, '__snortInfo');
  const facets = field(event, '__protoFacets');
  const facet = (name: string): unknown => list(field(facets, name))[0];
  const signatureRule = told(field(snort, 'raw'));
  const eventId = id(field(event, 'event_id')) ?? id(at(event, 'id', 'msgid')) ?? id(field(event, '__messageId'));
  const account = id(at(event, 'id', 'account')) ?? id(field(event, 'customer_id'));
  return {
    ...present({
      eventId,
      eventUrl: text(field(event, 'event_url')) ?? eventUrlOf(id(field(event, 'event_id')), account),
      sourceAddress: first(text, field(event, 'src'), field(event, 'source_addr'), facet('src')),
      sourcePort: first(portOf, field(event, 'src_port'), field(event, 'source_port'), facet('srcport')),
      destinationAddress: first(text, field(event, 'dst'), field(event, 'dest_addr'), facet('dst')),
      destinationPort: first(portOf, field(event, 'dst_port'), field(event, 'dest_port'), facet('dstport')),
      signatureName:
        first(
          told,
          field(snort, 'snort_msg'),
          field(event, 'signature_name'),
          at(event, 'Signature', 'signature_name'),
          field(event, 'rulename'),
        ) ?? messageOf(signatureRule),
      sensor: first(
        text,
        field(event, '__appliance_name'),
        field(event, '__host_name'),
        field(event, '__sourceName'),
        field(event, 'sensor_id'),
      ),
      protocol: first(protocolOf, field(event, 'proto'), facet('protocols'), field(snort, 'protocol')),
      classification: text(field(event, 'classification')) ?? classTypeOf(signatureRule),
      severity: first(text, at(event, 'grades', 'kbd_severity'), field(event, 'severity')),
      eventTime: text(field(event, '__normalizedTime')) ?? timeOf(event),
      signatureId:
        first(
          idOf,
          field(event, 'sig_id'),
          field(event, 'signature_id'),
          field(snort, 'al_id'),
          field(snort, 'signature_id'),
        ) ?? signatureIdOf(signatureRule),
      signatureRule,
      responseCode: first(codeOf, facet('responseCode'), field(event, 'http_code'), field(event, 'httpResponse')),
    }),
    packets: packetsOf(event),
    unpacked: unpackedOf(field(event, '__gzipDecode')),
  };
}

function first<T>(read: (value: unknown) => T | undefined, ...values: readonly unknown[]): T | undefined {
  for (const value of values) {
    const found = read(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The vendor's words for what it does not know. */
function told(value: unknown): string | undefined {
  const word = text(value);
  return word === undefined || /^(?:none|no snort info available)$/i.test(word) ? undefined : word;
}

function portOf(value: unknown): string | undefined {
  const port = number(value);
  return port !== undefined && Number.isInteger(port) && port >= 0 && port <= 65_535 ? String(port) : undefined;
}

function idOf(value: unknown): string | undefined {
  const known = id(value);
  return known === '0' || known?.toLowerCase() === 'none' ? undefined : known;
}

function codeOf(value: unknown): string | undefined {
  const code = text(value);
  return code !== undefined && /^[1-5]\d\d$/.test(code) ? code : undefined;
}

/** IANA's numbers of those that are seen. */
const protocols: Readonly<Record<string, string>> = { '1': 'icmp', '6': 'tcp', '17': 'udp', '58': 'ipv6-icmp' };

function protocolOf(value: unknown): string | undefined {
  const word = told(value)?.toLowerCase();
  return word === undefined ? undefined : Object.hasOwn(protocols, word) ? protocols[word] : word;
}

/** `ts` counts seconds, `ts_us` the microseconds within. */
function timeOf(event: unknown): string | undefined {
  const seconds = number(field(event, 'ts'));
  if (seconds === undefined || seconds <= 0 || seconds > maxSeconds) return undefined;
  return rfc3339(
    Math.floor(seconds * 1_000 + Math.min(999_999, Math.max(0, number(field(event, 'ts_us')) ?? 0)) / 1_000),
  );
}

/** The year 9999. */
const maxSeconds = 253_402_300_799;

/** `application_payload` is without the packets' headers, `payload` may have them. */
function packetsOf(event: unknown): readonly Buffer[] {
  const application = buffersOf(field(event, 'application_payload'));
  return application.length > 0 ? application : buffersOf(field(event, 'payload'));
}

const maxPackets = 5_000;

function buffersOf(value: unknown): readonly Buffer[] {
  const packets = typeof value === 'string' ? [value] : list(value);
  return packets
    .slice(0, maxPackets)
    .flatMap((packet) => (typeof packet === 'string' ? [Buffer.from(packet, 'base64')] : []))
    .filter(({ length }) => length > 0);
}

const maxUnpacked = 100;

function unpackedOf(value: unknown): readonly Unpacked[] {
  return list(value)
    .slice(0, maxUnpacked)
    .flatMap((part) => {
      const body = field(part, 'value');
      const head = field(part, 'header');
      const unpacked = {
        head: typeof head === 'string' ? head : '',
        body: typeof body === 'string' ? Buffer.from(body, 'base64') : Buffer.alloc(0),
      };
      return unpacked.head === '' && unpacked.body.length === 0 ? [] : [unpacked];
    });
}
