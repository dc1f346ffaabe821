import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { readWhole } from '../../../test/support/read-whole.js';
import { describeSource } from '../../../test/contract/source.js';
import type { AlertDraft } from '../../core/alert.js';
import type { Reading } from '../../core/source.js';
import { threatstack, ThreatStackOptions } from './source.js';

describeSource({
  plugin: threatstack,
  fixtures: new URL('./fixtures/', import.meta.url),
  batch: {
    of: (alerts) => ({ alerts }),
    elements: [
      { id: 'a-1', title: 'One', severity: 1 },
      { id: 'a-2', title: 'Two', severity: '2', created_at: '1767225600000' },
    ],
  },
});

const now = Date.UTC(2026, 2, 1);

function read(body: unknown, options: object = {}, headers = {}): Reading {
  const read = plainToInstance(ThreatStackOptions, { auth: 'none', ...options });
  const source = threatstack.open(read, { name: 'threatstack', now: () => now });
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const request = { headers, body: bytes, path: '/v1/ingest/threatstack', remoteAddress: '192.0.2.1' };
  return readWhole(source.read(request));
}

function draftOf(alert: object, options: object = {}): AlertDraft {
  const [draft] = read(alert, options).drafts;
  if (draft === undefined) throw new Error('no draft');
  return draft;
}

const webhook = { id: 'a-1', title: 'Kernel module loaded', created_at: 1767607805123, severity: 1, source: 'Host' };
const apiCopy = { ...webhook, created_at: '2026-01-05T10:10:05.123Z', dismissed: false, count: 9, severity: '1' };

describe('a Threat Stack alert', () => {
  it('from the webhook and from the API is one report, whatever its counters say', () => {
    const [fromWebhook, fromApi] = [draftOf(webhook), draftOf(apiCopy)];
    expect([fromApi.entity, fromApi.version]).toEqual([fromWebhook.entity, fromWebhook.version]);
    expect(fromApi.time).toBe(fromWebhook.time);
  });

  it('that was dismissed is another report of the same finding', () => {
    const dismissed = draftOf({ ...apiCopy, dismissed: 'true' });
    expect(dismissed.entity).toEqual(draftOf(webhook).entity);
    expect(dismissed).toMatchObject({ state: 'closed', version: 'dismissed', vendorState: 'dismissed' });
  });

  it('without an id is told from another by its content', () => {
    const first = draftOf({ title: 'x', severity: 1 });
    expect(first.entity).toBeUndefined();
    expect(draftOf({ severity: 1, title: 'x' }).version).toBe(first.version);
    expect(draftOf({ title: 'x', severity: 2 }).version).not.toBe(first.version);
  });

  it('keeps every digit of a numeric id', () => {
    expect(read('{"id":90071992547409931234,"title":"x"}').drafts[0]?.entity?.id).toBe('90071992547409931234');
  });

  it.each<[unknown, string, string[]]>([
    [1, 'high', []],
    ['2', 'medium', []],
    [3, 'low', []],
    [0, 'unknown', ['severity_unmapped']],
    ['high', 'unknown', ['severity_unmapped']],
    [undefined, 'unknown', ['severity_unmapped']],
  ])('of severity %j is %s', (severity, expected, quality) => {
    expect(draftOf({ ...webhook, severity })).toMatchObject({ severity: expected, quality });
  });

  it("has the severity that the source's own table gives it", () => {
    const severities = { 1: 'critical', nine: 'low' };
    expect(draftOf(webhook, { severities })).toMatchObject({
      severity: 'critical',
      vendorSeverity: '1',
      quality: ['severity_overridden'],
    });
    expect(draftOf({ ...webhook, severity: 2 }, { severities })).toMatchObject({ severity: 'medium', quality: [] });
  });

  it('with more than 50 events keeps the first 50 and says so', () => {
    const events = Array.from({ length: 60 }, (_, n) => ({ _id: `e-${n}` }));
    const draft = draftOf({ ...webhook, events });
    expect(draft.enrichment?.['events']).toEqual(events.slice(0, 50));
    expect(draft.quality).toEqual(['events_truncated']);
  });

  it.each([
    [{ source: 'Host', server_or_region: 'web-1' }, [{ role: 'target', type: 'host', hostname: 'web-1' }]],
    [
      { source: 'cloudtrail', server_or_region: 'eu-west-1' },
      [{ role: 'target', type: 'cloud_region', region: 'eu-west-1' }],
    ],
    [{ server_or_region: 'web-1', agent_id: 'g-1' }, [{ role: 'target', type: 'host', id: 'g-1', hostname: 'web-1' }]],
    [{ source: 'CloudTrail' }, []],
    [{}, []],
  ])('of %j is about %j', (alert, resources) => {
    expect(draftOf({ id: 'a-1', ...alert }).resources).toEqual(resources);
  });
});

describe('a body', () => {
  it('is read whatever its bytes are called, with a byte order mark and in UTF-16', () => {
    const sent = JSON.stringify({ alerts: [webhook] });
    const drafts = read(sent).drafts;
    for (const bytes of [Buffer.from(`\ufeff${sent}`), Buffer.from(`\ufeff${sent}`, 'utf16le')]) {
      expect(read(bytes, {}, { 'content-type': 'text/plain' }).drafts).toEqual(drafts);
    }
  });

  it('that is not quite UTF-8 is read, and each of its alerts says so', () => {
    const bytes = Buffer.from(JSON.stringify({ alerts: [webhook, webhook] })).map((byte) =>
      byte === 0x4b ? 0xff : byte,
    );
    const { drafts } = read(Buffer.from(bytes));
    expect(drafts.map(({ title, quality }) => [title, quality])).toEqual(
      Array(2).fill(['\ufffdernel module loaded', ['invalid_utf8_replaced']]),
    );
  });

  it('is an SNS message by its header too, when it does not name its topic', () => {
    const message = { Message: JSON.stringify(webhook) };
    expect(read(message, {}, { 'x-amz-sns-message-type': 'Notification' }).drafts).toEqual(read(webhook).drafts);
    expect(read(message).unread).toEqual([{ reason: 'no_alerts: neither a list of alerts nor an alert' }]);
  });

  it('of a thousand alerts is a thousand drafts, in order', () => {
    const { drafts, unread } = read({
      alerts: Array.from({ length: 1_000 }, (_, n) => ({ ...webhook, id: `a-${n}` })),
    });
    expect(drafts.map(({ index, entity }) => [index, entity?.id])).toEqual(
      Array.from({ length: 1_000 }, (_, n) => [n, `a-${n}`]),
    );
    expect(unread).toEqual([]);
  });
});
