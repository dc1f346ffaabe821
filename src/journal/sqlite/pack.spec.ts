import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { acceptedRequest, type ReportOf } from '../../../test/support/accepted-request.js';
import { kinds, severities, states } from '../../core/alert.js';
import { ageOf } from '../../core/finding.js';
import type { AcceptedRequest } from '../../core/journal.js';
import { Packer, Unpacker, type PackedRequest } from './pack.js';

const report: fc.Arbitrary<ReportOf> = fc.record(
  {
    title: fc.string({ unit: 'binary', maxLength: 200 }),
    finding: fc.string(),
    state: fc.constantFrom(...states),
    severity: fc.constantFrom(...severities),
    updatedAt: fc.nat(2_000_000_000_000),
    sinks: fc.array(fc.string({ unit: 'grapheme', maxLength: 5 }), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const request: fc.Arbitrary<AcceptedRequest> = fc
  .record({
    receivedAt: fc.nat(2_000_000_000_000),
    source: fc.string({ unit: 'grapheme' }),
    body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    unread: fc.array(fc.record({ index: fc.nat(), reason: fc.string() }), { maxLength: 2 }),
    pull: fc.option(fc.record({ cursor: fc.string(), isLast: fc.boolean() })),
    part: fc.option(fc.record({ isFirst: fc.boolean(), isLast: fc.boolean() })),
    reports: fc.array(report, { maxLength: 4 }),
  })
  .map(({ reports, pull, part, ...of }) => ({
    ...acceptedRequest({ ...of, ...(pull && { pull }) }, ...reports),
    ...(part && { part }),
  }));

/** What the writer must see of a request. */
function packed(given: AcceptedRequest): PackedRequest {
  const { source, receivedAt, remoteAddress, authentication, contentType, body, unread, probe, pull, part } = given;
  const bytes = (hex: string) => Buffer.from(hex.replaceAll('-', ''), 'hex').subarray(0, 16);
  return {
    id: bytes(given.id),
    source,
    receivedAt,
    arrival: JSON.stringify({ remoteAddress, authentication, contentType }),
    // Of a webhook, the first part has it; of a pull, the first part that has news.
    body: part?.isFirst === false && !pull ? Buffer.alloc(0) : body,
    unread,
    probe,
    pull,
    part,
    alerts: given.alerts.map(({ alert, routes, sinks, notBefore }) => ({
      id: bytes(alert.id),
      fingerprint: bytes(alert.fingerprint),
      dedupKey: bytes(alert.dedupKey),
      kind: kinds.indexOf(alert.kind),
      state: states.indexOf(alert.state),
      severity: severities.indexOf(alert.severity),
      age: ageOf(alert),
      decision: JSON.stringify({ routes, sinks }),
      json: Buffer.from(JSON.stringify(alert)),
      notBefore,
    })),
  };
}

describe('a pack', () => {
  it('brings requests to the writer as they were, pack after pack in the same buffers', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.array(request, { maxLength: 3 }), { maxLength: 3 }), { maxLength: 4 }),
        (packs) => {
          const packer = new Packer();
          const unpacker = new Unpacker();
          for (const calls of packs) {
            for (const requests of calls) packer.add(requests);
            const { pack } = packer.take();
            expect(unpacker.read(structuredClone(pack))).toEqual(calls.map((requests) => requests.map(packed)));
            packer.reuse(pack);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('grows with what is put in', () => {
    const packer = new Packer();
    const large = Array.from({ length: 50 }, () =>
      acceptedRequest({ receivedAt: 1, body: Buffer.alloc(5_000, 'ä') }, {}, {}, {}),
    );
    packer.add(large);
    const [read] = new Unpacker().read(packer.take().pack);
    expect(read).toEqual(large.map(packed));
  });

  it('refuses an id that is none, and keeps its neighbours', () => {
    const packer = new Packer();
    const good = acceptedRequest({ receivedAt: 1 }, {});
    packer.add([good]);
    expect(() => {
      packer.add([good, acceptedRequest({ receivedAt: 1, id: 'not a UUID' }, {})]);
    }).toThrow(RangeError);
    packer.add([good]);
    expect(new Unpacker().read(packer.take().pack)).toEqual([[packed(good)], [packed(good)]]);
  });

  it('forgets the texts of long ago, on both sides', () => {
    const packer = new Packer();
    const unpacker = new Unpacker();
    for (let round = 0; round < 3; round += 1) {
      const requests = Array.from({ length: 10_500 }, (_, i) =>
        acceptedRequest({ receivedAt: 1, source: `source ${String(round)} ${String(i)}`, body: Buffer.alloc(0) }),
      );
      packer.add(requests);
      const [read] = unpacker.read(packer.take().pack);
      expect(read?.map(({ source }) => source)).toEqual(requests.map(({ source }) => source));
    }
  });
});
