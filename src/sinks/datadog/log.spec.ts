import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alertArbitrary, sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import { severities, type Alert } from '../../core/alert.js';
import { toLog } from './log.js';

const now = Date.parse('2026-03-01T10:05:00.000Z');
const settings = { tags: ['env:prod'], service: 'soc' };
const logOf = (alert: Partial<Alert>, at = now) =>
  toLog(sampleDelivery({ alert: sampleAlert(alert) }), settings, { now: at });

describe('a log', () => {
  it('tells what the alert tells, under a name of ours', () => {
    expect(logOf({})).toMatchObject({
      message: 'Root shell opened on web-1',
      status: 'error',
      timestamp: '2026-03-01T10:00:00.000Z',
      ddsource: 'threatstack',
      ddtags:
        'source:threatstack,alert_kind:detection,severity:high,alert_state:open,vendor_account:org-1,rule:root_shell,' +
        'env:prod,route:everything,env:test',
      hostname: 'web-1.example.com',
      service: 'soc',
      alert: {
        id: '01978f3a-6c00-7000-8000-000000000001',
        delivery_id: '01978f3a-6c00-7000-8000-000000000001/datadog',
        state: 'open',
        severity: 'high',
        description: 'A shell with root rights was opened outside of the change window.',
        source: { vendor: 'threatstack', account_id: 'org-1' },
        resources: [{ role: 'target', type: 'host', hostname: 'web-1.example.com' }],
        raw: { ref: '01978f3a-6c00-7000-8000-000000000000', sha256: 'a1'.repeat(32) },
      },
    });
  });

  it('has the status that its severity is, and no word that Datadog would read otherwise', () => {
    expect(severities.map((severity) => logOf({ severity }).status)).toEqual([
      'info',
      'info',
      'notice',
      'warning',
      'error',
      'critical',
    ]);
  });

  it('has nothing of the vendor’s at its root', () => {
    const enrichment = { status: 'open', host: 'x', service: 'y', message: 'z', ddtags: 'a,b', __proto__: 1 };
    const log = logOf({ enrichment, vendorIds: { status: 'closed', message: 'm' } });
    expect(Object.keys(log).sort()).toEqual(
      ['alert', 'ddsource', 'ddtags', 'hostname', 'message', 'service', 'status', 'timestamp'].sort(),
    );
    expect(log).toMatchObject({ status: 'error', message: 'Root shell opened on web-1', service: 'soc' });
  });

  it('holds what has any number of names as one text', () => {
    const enrichment = { events: [{ a: { b: { c: 1 } } }] };
    const { alert } = logOf({ enrichment, notes: [{ text: 'seen' }] });
    expect(JSON.parse((alert as { details: string }).details)).toEqual({ notes: [{ text: 'seen' }], enrichment });
  });

  it('of long ago is as old as Datadog takes it', () => {
    const log = logOf({ time: '2026-02-20T00:00:00.000Z' });
    expect(Date.parse(log.timestamp)).toBe(now - 17.5 * 3_600_000);
    expect(log.alert).toMatchObject({ time: '2026-02-20T00:00:00.000Z' });
  });

  it('is an OCSF finding too, if asked', () => {
    const log = toLog(sampleDelivery(), { tags: [], ocsf: true }, { now });
    expect(log.ocsf).toMatchObject({ class_uid: 2004, severity_id: 4, metadata: { version: '1.6.0' } });
    expect(log.alert).not.toHaveProperty('resources');
  });

  it('keeps to the number and the depth of attributes, whatever the alert', () => {
    fc.assert(
      fc.property(alertArbitrary, fc.boolean(), (alert, ocsf) => {
        const many = {
          ...alert,
          resources: Array.from({ length: 40 }, (_, i) => ({
            ...alert.resources[i % 6],
            role: 'target' as const,
            type: 'x',
          })),
        };
        const log = toLog(sampleDelivery({ alert: many }), { ...settings, ocsf }, { now });
        const paths = new Set(pathsIn(JSON.parse(JSON.stringify(log))));
        expect(paths.size).toBeLessThan(256);
        for (const path of paths) {
          expect(path.split('\u0000').length).toBeLessThanOrEqual(10);
        }
        expect(log.ddtags.split(',').every((tag) => tag.length <= 200)).toBe(true);
      }),
    );
  });

  it('is short where it must be', () => {
    const description = 'x'.repeat(16_000);
    const enrichment = { all: 'y'.repeat(2_000_000) };
    const delivery = sampleDelivery({ alert: sampleAlert({ description, enrichment }) });
    const log = toLog(delivery, { ...settings, ocsf: true }, { now, isShort: true });
    expect(JSON.stringify(log).length).toBeLessThan(5_000);
    expect(log.alert).toMatchObject({ is_truncated: true, delivery_id: delivery.id });
  });
});

/** One for each attribute, wherever it stands in a list. */
function pathsIn(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [path];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([name, member]) => pathsIn(member, isList ? path : `${path}\u0000${name}`));
}
