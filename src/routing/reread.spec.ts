import { describe, expect, it } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import type { QuarantinedRequest } from '../core/journal.js';
import type { Reading } from '../core/source.js';
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
const read = (reading: Reading, ...indexes: readonly (number | undefined)[]) => {
  const { id, source, receivedAt, remoteAddress, contentType, body } = acceptedRequest({ receivedAt: 0 });
  const parts = indexes.map((index, at) => ({ number: at + 1, ...(index !== undefined && { index }) }));
  const stored: QuarantinedRequest = { id, source, receivedAt, remoteAddress, contentType, body, parts };
  const named = { name: source, type: 'x', vendor: 'x', product: 'x' };
  const made = reread(
    { ...named, source: { authenticate: () => ({ ok: false }), read: () => reading } },
    new Router([]),
    stored,
  );
  expect(made.parts).toEqual(parts.map(({ number }) => number));
  return { ...made, alerts: made.alerts.map(({ alert }) => alert.title) };
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
});
