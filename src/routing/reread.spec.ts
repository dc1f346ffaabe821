import { describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import type { QuarantinedRequest } from '../core/journal.js';
import type { Reading, WebhookRequest } from '../core/source.js';
import { reread } from './reread.js';
import { Router } from './router.js';

const draft = (title: string, index?: number) => ({
  kind: 'detection' as const,
  state: 'open' as const,
  severity: 'low' as const,
  title,
  version: '1',
  vendorIds: {},
  resources: [],
  tags: [],
  quality: [],
  ...(index !== undefined && { index }),
});
const readParts = (reading: Reading, ...indexes: readonly (number | undefined)[]) => {
  const { id, source, receivedAt, remoteAddress, contentType, body } = acceptedRequest({ receivedAt: 0 });
  const parts = indexes.map((index, at) => ({ number: at + 1, ...(index !== undefined && { index }) }));
  const stored: QuarantinedRequest = { id, source, receivedAt, remoteAddress, contentType, body, parts };
  const named = { name: source, type: 'x', vendor: 'x', product: 'x' };
  const all = [
    ...reread(
      { ...named, source: { authenticate: () => ({ ok: false }), read: () => reading } },
      new Router([]),
      stored,
    ),
  ].flatMap((made) => made ?? []);
  for (const made of all) expect(made.parts).toEqual(parts.map(({ number }) => number));
  return all.map((made) => ({ ...made, alerts: made.alerts.map(({ alert }) => alert.title) }));
};
/** Of a body that is no large one. */
const read = (...given: Parameters<typeof readParts>) => {
  const [made, ...others] = readParts(...given);
  expect(others).toEqual([]);
  if (!made) throw new Error('nothing was made of it');
  expect(made).not.toHaveProperty('isUnfinished');
  return made;
};

describe('a quarantined request, read again', () => {
  it('gives all there is where the whole of it was quarantined', () => {
    const reading = { drafts: [draft('a', 0), draft('b', 1)], unread: [{ index: 2, reason: 'odd' }] };
    expect(read(reading, undefined)).toMatchObject({ alerts: ['a', 'b'], unread: [{ index: 2, reason: 'odd' }] });
  });

  it('gives only the parts that were quarantined', () => {
    const reading = { drafts: [draft('a', 0), draft('b', 1)], unread: [{ index: 2, reason: 'odd' }] };
    expect(read(reading, 1, 2)).toMatchObject({ alerts: ['b'], unread: [{ index: 2, reason: 'odd' }] });
  });

  it('loses no part that today is neither an alert nor unreadable, nor one of a body that is unreadable now', () => {
    const nothing = 'read today, it is no alert';
    expect(read({ drafts: [], unread: [] }, undefined).unread).toEqual([{ reason: nothing }]);
    expect(read({ drafts: [], unread: [] }, 3).unread).toEqual([{ index: 3, reason: nothing }]);
    expect(read({ drafts: [], unread: [{ reason: 'not JSON' }] }, 3, 4).unread).toEqual([
      { index: 3, reason: 'not JSON' },
      { index: 4, reason: 'not JSON' },
    ]);
    expect(read({ drafts: [], unread: [], probe: 'hello' }, undefined)).toMatchObject({ unread: [], probe: 'hello' });
  });

  it('is read as it came then, by whatever its source is today', () => {
    const given: WebhookRequest[] = [];
    const body = Buffer.from('<alert/>');
    const stored: QuarantinedRequest = {
      ...acceptedRequest({ id: 'request-1', source: 'warden', receivedAt: Date.UTC(2026, 4, 1, 10), body }),
      contentType: 'text/xml',
      parts: [{ number: 7 }],
    };
    const source = {
      authenticate: () => ({ ok: false }) as const,
      read: (request: WebhookRequest) => {
        given.push(request);
        return { drafts: [draft('a')], unread: [] };
      },
    };
    const named = { name: 'warden', type: 'x', vendor: 'x', product: 'x', source };
    const [made] = reread(named, new Router([]), stored);
    expect(given).toEqual([
      { headers: { 'content-type': 'text/xml' }, body, path: '/v1/ingest/warden', remoteAddress: '192.0.2.7' },
    ]);
    expect(made).toMatchObject({ requestId: 'request-1', parts: [7], unread: [] });
    expect(made).not.toHaveProperty('probe');
    expect(made?.alerts[0]?.alert).toMatchObject({
      receivedAt: '2026-05-01T10:00:00.000Z',
      raw: { ref: 'request-1', sha256: hash('sha256', body, 'hex'), bytes: 8, contentType: 'text/xml' },
    });
  });

  it('where the whole of it and a part were quarantined gives all there is', () => {
    const reading = { drafts: [draft('a', 0), draft('b', 1)], unread: [] };
    expect(read(reading, 1, undefined)).toMatchObject({ alerts: ['a', 'b'], unread: [] });
  });

  it('where nothing can be read still keeps the reasons of today', () => {
    const unread = [{ index: 0, reason: 'odd' }];
    expect(read({ drafts: [], unread }, undefined).unread).toEqual(unread);
    expect(read({ drafts: [draft('a')], unread: [] }, undefined).unread).toEqual([]);
  });

  it('gives each part its own reason, and none that was not quarantined', () => {
    const unread = [
      { index: 1, reason: 'odd' },
      { index: 2, reason: 'even' },
      { index: 3, reason: 'neither' },
    ];
    expect(read({ drafts: [draft('a', 0)], unread }, 2, 1)).toMatchObject({
      alerts: [],
      unread: [
        { index: 2, reason: 'even' },
        { index: 1, reason: 'odd' },
      ],
    });
  });

  it('comes in parts where it is large, and what stays comes with the last', () => {
    const many = Array.from({ length: 2_500 }, (_, index) => draft(`alert ${String(index)}`, index));
    const reading = { drafts: many, unread: [{ index: 2_500, reason: 'odd' }] };
    const whole = readParts(reading, undefined);
    expect(whole.flatMap(({ alerts }) => alerts)).toEqual(many.map(({ title }) => title));
    expect(whole.map(({ isUnfinished }) => isUnfinished)).toEqual([true, true, undefined]);
    expect(whole.map(({ unread }) => unread)).toEqual([[], [], [{ index: 2_500, reason: 'odd' }]]);

    const some = readParts(reading, 3, 2_400, 2_500, 2_600);
    expect(some.map(({ alerts }) => alerts)).toEqual([['alert 3'], [], ['alert 2400']]);
    expect(some.at(-1)?.unread).toEqual([
      { index: 2_500, reason: 'odd' },
      { index: 2_600, reason: 'read today, it is no alert' },
    ]);
  });
});
