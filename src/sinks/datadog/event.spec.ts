import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alertArbitrary, sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import { severities, type Alert } from '../../core/alert.js';
import { toEventV2 } from './event-v2.js';
import { toEvent } from './event.js';

const now = Date.parse('2026-03-01T10:05:00.000Z');
const eventOf = (alert: Partial<Alert>, at = now) =>
  toEvent(sampleDelivery({ alert: sampleAlert(alert) }), [], { now: at });

/** As a webhook of Threat Stack's gives it: no description, no link. */
const threatStack = (overrides: Partial<Alert> = {}): Alert => {
  const { description, url, recommendation, ...alert } = sampleAlert({
    rule: { name: 'Netcat Started' },
    ...overrides,
  });
  return { ...alert, title: 'Netcat started by root' };
};

describe('an alert of Threat Stack', () => {
  const told = (alert: Alert) => {
    const event = toEvent(sampleDelivery({ alert }), [], { now });
    const { title, text, alert_type, priority, date_happened, source_type_name, host } = event;
    return { title, text, alert_type, priority, date_happened, source_type_name, host };
  };

  it('is the event that the predecessor made of it', () => {
    expect(told(threatStack())).toEqual({
      title: 'Threat Stack alert: Netcat Started',
      text: 'Netcat started by root',
      alert_type: 'error',
      priority: 'normal',
      date_happened: 1_772_359_200,
      source_type_name: 'threatstack',
      host: 'web-1.example.com',
    });
    expect(told(threatStack({ severity: 'medium' }))).toMatchObject({ alert_type: 'warning', priority: 'normal' });
    expect(told(threatStack({ severity: 'low' }))).toMatchObject({ alert_type: 'info', priority: 'low' });
  });

  it('names the host of its agent, whatever the webhook called it', () => {
    const named = { role: 'target' as const, type: 'host', hostname: 'web-1' };
    const agent = { role: 'target' as const, type: 'host', id: 'g-1', hostname: 'web-1.example.com' };
    const vendorIds = { alert: 'a-1', agent: 'g-1' };
    expect(told(threatStack({ resources: [named, agent], vendorIds })).host).toBe('web-1.example.com');
    expect(told(threatStack({ resources: [named, agent], vendorIds: { alert: 'a-1' } })).host).toBe('web-1');
  });

  it('has its own title where the rule has no name', () => {
    const { rule, ...alert } = threatStack();
    expect(told(alert)).toMatchObject({
      title: 'Threat Stack alert: Netcat started by root',
      text: 'Netcat started by root',
    });
  });
});

describe('an event', () => {
  it('tells what the alert tells', () => {
    const source = { vendor: 'alertlogic', product: 'Alert Logic MDR', sourceId: 'al' };
    expect(eventOf({ source, recommendation: 'Isolate the host.' })).toEqual({
      title: 'Alert Logic MDR alert: Root shell opened on web-1',
      text:
        'Root shell opened on web-1\n\nA shell with root rights was opened outside of the change window.\n\n' +
        'Recommendation: Isolate the host.\n\nhttps://console.example.com/alerts/a-1',
      date_happened: 1_772_359_200,
      alert_type: 'error',
      priority: 'normal',
      host: 'web-1.example.com',
      source_type_name: 'alertlogic',
      aggregation_key: 'f1'.repeat(32),
      tags: [
        'source:alertlogic',
        'alert_kind:detection',
        'severity:high',
        'alert_state:open',
        'rule:root_shell',
        'route:everything',
        'env:test',
      ],
    });
  });

  it('has a colour and a priority for every severity', () => {
    expect(
      severities.map((severity) => [severity, eventOf({ severity }).alert_type, eventOf({ severity }).priority]),
    ).toEqual([
      ['unknown', 'info', 'low'],
      ['informational', 'info', 'low'],
      ['low', 'info', 'low'],
      ['medium', 'warning', 'normal'],
      ['high', 'error', 'normal'],
      ['critical', 'error', 'normal'],
    ]);
  });

  it.each(['resolved', 'closed'] as const)('is a success where the finding is %s', (state) => {
    expect(eventOf({ state }).alert_type).toBe('success');
  });

  it('happened when its report changed, after the first', () => {
    const times = { time: '2026-03-01T08:00:00.000Z', updatedTime: '2026-03-01T09:00:00.000Z' };
    expect(eventOf({ ...times, action: 'create' }).date_happened).toBe(Date.parse(times.time) / 1_000);
    expect(eventOf({ ...times, action: 'update' }).date_happened).toBe(Date.parse(times.updatedTime) / 1_000);
    expect(eventOf({ ...times, action: 'close', state: 'closed' }).date_happened).toBe(
      Date.parse(times.updatedTime) / 1_000,
    );
  });

  it('of long ago is as old as Datadog takes it, and says how old it is', () => {
    const event = eventOf({ time: '2026-02-20T00:00:00.000Z' });
    expect(event.date_happened).toBe((now - 17.5 * 3_600_000) / 1_000);
    expect(event.text).toContain('Happened at 2026-02-20T00:00:00.000Z');
    expect(event.tags).toContain('happened_at:2026-02-20t00:00:00.000z');
    const later = eventOf({ time: '2026-02-20T00:00:00.000Z' }, now + 60_000);
    expect(later).toEqual({ ...event, date_happened: event.date_happened + 60 });
  });

  it('of the future is as early as Datadog takes it', () => {
    const event = eventOf({ time: '2026-03-02T00:00:00.000Z' });
    expect(event.date_happened).toBe((now + 1.5 * 3_600_000) / 1_000);
    expect(event.text).toContain('Happened at 2026-03-02T00:00:00.000Z');
  });

  it('keeps to every limit, whatever the alert', () => {
    fc.assert(
      fc.property(alertArbitrary, fc.nat(3), fc.boolean(), (alert, times, isShort) => {
        const long = {
          ...alert,
          title: alert.title.repeat(10 ** times),
          description: `@a %%% ${alert.title}`.repeat(10 ** times),
        };
        const event = toEvent(sampleDelivery({ alert: long }), [], { now, isShort });
        expect(event.title.length).toBeLessThanOrEqual(500);
        expect(event.title).not.toMatch(/\n|@\w/);
        expect(event.text.length).toBeLessThanOrEqual(isShort ? 1_000 : 4_000);
        expect(event.text).not.toMatch(/@\w|%%%|\p{Cs}/u);
        expect(Math.abs(event.date_happened * 1_000 - now)).toBeLessThan(18 * 3_600_000);
      }),
    );
  });
});

describe('an event v2', () => {
  const attributesOf = (alert: Partial<Alert>, at = now) =>
    toEventV2(sampleDelivery({ alert: sampleAlert(alert) }), ['env:prod'], { now: at }).data.attributes;

  it('tells what the alert tells', () => {
    expect(attributesOf({})).toMatchObject({
      title: 'Threat Stack alert: Root shell',
      message: expect.stringContaining('outside of the change window') as unknown,
      category: 'alert',
      integration_id: 'custom-events',
      host: 'web-1.example.com',
      tags: expect.arrayContaining(['env:prod', 'severity:high']) as unknown,
      timestamp: '2026-03-01T10:00:00.000Z',
      aggregation_key: 'f1'.repeat(32),
      attributes: {
        status: 'error',
        priority: '2',
        links: [
          {
            category: 'documentation',
            title: 'The alert at its vendor',
            url: 'https://console.example.com/alerts/a-1',
          },
        ],
        custom: {
          alert: { state: 'open', action: 'create', vendor_ids: { alert: 'a-1' }, time: '2026-03-01T10:00:00.000Z' },
        },
      },
    });
  });

  it('has a status and a priority for every severity', () => {
    const told = severities.map((severity) => {
      const { status, priority } = attributesOf({ severity }).attributes;
      return `${severity} ${status} ${priority}`;
    });
    expect(told).toEqual([
      'unknown warn 5',
      'informational warn 5',
      'low warn 4',
      'medium warn 3',
      'high error 2',
      'critical error 1',
    ]);
  });

  it.each(['resolved', 'closed', 'snoozed'] as const)('is ok where the finding is %s', (state) => {
    expect(attributesOf({ state }).attributes.status).toBe('ok');
  });

  it('of long ago is as old as Datadog takes it', () => {
    const { timestamp, message, attributes } = attributesOf({ time: '2026-02-20T00:00:00.000Z' });
    expect(Date.parse(timestamp)).toBe(now - 17.5 * 3_600_000);
    expect(message).toContain('Happened at 2026-02-20T00:00:00.000Z');
    expect(attributes.custom).toMatchObject({ alert: { time: '2026-02-20T00:00:00.000Z' } });
  });
});
