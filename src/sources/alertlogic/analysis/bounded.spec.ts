import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { chunked, hexdump, request } from '../../../../test/support/alertlogic-packets.js';
import { analyzeIncident, type EventInput } from './incident.js';

const megabyte = 1024 * 1024;

/** Quick rather than small: the best takes a minute for 100 MB. */
function brotli(body: Buffer | string): Buffer {
  return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
}

function analyzed(...packets: readonly Buffer[]) {
  const event = { event_id: 1, application_payload: packets.map((packet) => packet.toString('base64')) };
  return analyzeIncident({}, [event]).events['1'];
}

/** Bytes that are nearly what they should be: pieces of packets in any order, and noise. */
const pieces = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      ...[
        'GET ',
        '/ HTTP/1.1\r\n',
        'HTTP/1.1 200 OK\r\n',
        'Host: a\r\n',
        '\r\n',
        '\n',
        '5\r\n',
        'ffffffff\r\n',
        '0\r\n\r\n',
      ],
      ...[
        'Content-Encoding: gzip\r\n',
        'Content-Encoding: br, deflate\r\n',
        'Transfer-Encoding: chunked\r\n',
        'Content-Length: 9\r\n',
      ],
      ...[
        'Content-Length: 99999999999999\r\n',
        '\u0000',
        'E\u0000\u0000(',
        '__proto__',
        '0x0000: ',
        "var sensor = '",
        '<td>Signature: ',
      ],
    )
    .map((text) => Buffer.from(text, 'latin1')),
  fc.string().map((text) => gzipSync(text)),
  fc.string().map((text) => brotli(text)),
);
const bytes = fc.array(pieces, { maxLength: 12 }).map((parts) => Buffer.concat(parts));

describe('whatever the bytes', () => {
  it('packets are taken apart without a throw, and within bounds', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), fc.boolean(), (packets, areRaw) => {
        const name = areRaw ? 'payload' : 'application_payload';
        const event = { event_id: 1, [name]: packets.map((packet) => packet.toString('base64')) };
        const [read] = Object.values(analyzeIncident({}, [event]).events);
        expect(read?.event_payload.full_payload.length).toBeLessThanOrEqual(256 * 1024 + 1);
        expect(read?.event_payload.decompressed?.length ?? 0).toBeLessThanOrEqual(megabyte + 1_000);
      }),
      { numRuns: 100 },
    );
  });

  it('pages are read without a throw, and a dump gives back what went into it', () => {
    fc.assert(
      fc.property(bytes, (noise) => {
        analyzeIncident({}, [{ kind: 'event-page', eventId: 1, html: noise.toString('latin1') }]);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (body) => {
        const packet = Buffer.concat([Buffer.from('X'), body.map((byte) => 0x20 + (byte % 0x5e))]);
        const event: EventInput = { kind: 'event-page', eventId: 1, html: hexdump([packet]) };
        expect(analyzeIncident({}, [event], { redact: false }).events['1']?.event_payload.full_payload).toBe(
          packet.toString(),
        );
      }),
    );
  });

  it('any JSON is taken for an event, and any for an incident', () => {
    const names = [
      'event_id',
      'payload',
      'application_payload',
      '__gzipDecode',
      '__snortInfo',
      '__protoFacets',
      'id',
      'ts',
      'grades',
      'proto',
      'src',
    ];
    const event = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(event, { maxLength: 4 }), (incident, events) => {
        const analysis = analyzeIncident(incident, events);
        expect(JSON.parse(JSON.stringify(analysis))).toMatchObject({ verdict: expect.any(String) as unknown });
      }),
      { numRuns: 500 },
    );
  });

  it('every body that was packed and cut into chunks comes out as it went in', () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        fc.string({
          minLength: 1,
          maxLength: 300,
          unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
        }),
        sizes,
        sizes,
        (text, chunk, packet) => {
          const headers = ['HTTP/1.1 200 OK', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'];
          const whole = request(headers, chunked(gzipSync(text), chunk));
          const packets = Array.from({ length: Math.ceil(whole.length / packet) }, (_, i) =>
            whole.subarray(i * packet, (i + 1) * packet),
          );
          const event = { event_id: 1, application_payload: packets.map((each) => each.toString('base64')) };
          expect(analyzeIncident({}, [event], { redact: false }).events['1']?.event_payload.decompressed).toBe(text);
        },
      ),
    );
  });
});

describe('a bomb', () => {
  it.each([
    ['gzip', gzipSync],
    ['br', brotli],
    ['gzip, gzip', (body: Buffer) => gzipSync(gzipSync(body))],
  ] as const)('of 100 MB in %s gives a megabyte at most, and takes little more', (coding, pack) => {
    const packed = pack(Buffer.alloc(100 * megabyte, 'A'));
    const before = process.memoryUsage().arrayBuffers;
    const event = analyzed(request(['HTTP/1.1 200 OK', `Content-Encoding: ${coding}`], packed));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * megabyte);
    expect(event?.event_payload.packet_details.response_packet.response_code).toBe('200');
    expect(event?.event_payload.decompressed?.length ?? 0).toBeLessThanOrEqual(megabyte);
    if (coding === 'gzip') expect(event?.event_payload.decompressed?.length).toBeGreaterThan(megabyte / 2);
    expect(event?.quality.join()).toMatch(coding === 'gzip' ? /decompressed_partial/ : /^(decompressed_partial)?/);
  });

  it('that is only sent often does no more', () => {
    const packed = gzipSync(Buffer.alloc(4 * megabyte, 'A'));
    const answer = request(['HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${packed.length}`], packed);
    const event = analyzed(...Array.from({ length: 60 }, () => answer));
    expect(event?.event_payload.decompressed?.length ?? 0).toBeLessThanOrEqual(megabyte + 1_000);
  });
});

/** What makes a careless expression or loop quadratic: each would then take minutes. */
describe('a megabyte of one thing', () => {
  it.each([
    'A',
    ' ',
    '\n',
    'a\n',
    'GET ',
    'GET /',
    'GET / HTTP/1.1\r\n',
    'HTTP/1.1 200 OK\r\n\r\n',
    '1\r\na\r\n',
    '\r\n',
    'x: y\r\n',
    'password',
    '"password":',
    'password=',
    'name="pwd"',
    '<password ',
    'https://a:',
    'authorization: ',
    '\u001f\u008b\u0008',
    '-',
    '[',
    '"\\',
  ])('%j is taken apart', (piece) => {
    const bytes = Buffer.from(piece.repeat(Math.ceil(megabyte / piece.length)), 'latin1');
    expect(analyzed(bytes)?.event_id).toBe(1);
    const packed = request(
      ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Content-Encoding: gzip'],
      gzipSync(bytes),
    );
    expect(analyzed(packed)?.event_id).toBe(1);
    const html = bytes.toString('latin1');
    expect(analyzeIncident({}, [{ kind: 'event-page', eventId: 1, html }]).events['1']?.event_id).toBe(1);
  });

  it.each([
    '0x0000: ',
    '0x0000: 4141 4141\n',
    "var a = '",
    '<a signature.php?',
    'href=signature.php?',
    'Signature Content<td',
    '&#',
    'Engine Time:<b',
  ])('%j is read as a page', (piece) => {
    const html = piece.repeat(Math.ceil(megabyte / piece.length));
    expect(analyzeIncident({}, [{ kind: 'event-page', eventId: 1, html }]).events['1']?.event_id).toBe(1);
  });
});
