import { describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { testDelivery } from './test-delivery.js';

const now = Date.UTC(2026, 4, 1, 10);

describe('a delivery that tries a sink', () => {
  it('says of itself that it is a test, and that nothing needs to be done', () => {
    const { alert } = testDelivery('pager', now);
    expect(alert).toMatchObject({
      kind: 'test',
      state: 'open',
      severity: 'informational',
      action: 'create',
      title: 'Signalbox test event',
      tags: ['test'],
      resources: [],
      vendorIds: {},
      quality: [],
      source: { vendor: 'signalbox', product: 'Signalbox', sourceId: 'signalbox' },
      receivedAt: '2026-05-01T10:00:00.000Z',
    });
    expect(alert.description).toContain('tries the sink pager');
    expect(alert.description).toContain('nothing needs to be done');
  });

  it('is a first attempt, owed to nobody', () => {
    const delivery = testDelivery('pager', now);
    expect(delivery).toMatchObject({
      sink: 'pager',
      routes: [],
      attempt: 1,
      acceptedAt: now,
      lease: { seq: 0, token: 0 },
    });
    expect(delivery.id).toContain(delivery.alert.id);
    expect(delivery.id).toContain('pager');
  });

  it('is of a finding of its own each time', () => {
    const [one, another] = [testDelivery('pager'), testDelivery('pager')];
    expect(one.alert.fingerprint).not.toBe(another.alert.fingerprint);
    expect(one.alert.dedupKey).not.toBe(another.alert.dedupKey);
    expect(one.id).not.toBe(another.id);
  });

  it('has the digest and the length of what it says', () => {
    const { description = '', raw } = testDelivery('pager', now).alert;
    expect(raw).toMatchObject({
      sha256: hash('sha256', description, 'hex'),
      bytes: Buffer.byteLength(description),
      contentType: 'text/plain',
    });
  });
});
