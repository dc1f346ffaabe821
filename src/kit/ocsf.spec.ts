import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alertArbitrary, sampleAlert } from '../../test/support/alerts.js';
import { ocsfProblems } from '../../test/support/ocsf-schema.js';
import type { Alert } from '../core/alert.js';
import { fromOcsf, toOcsf } from './ocsf.js';
import type { OcsfFinding } from './ocsf/finding.js';

describe('an alert as an OCSF finding', () => {
  it('is what its class demands, whatever the alert', () => {
    fc.assert(
      fc.property(alertArbitrary, (alert) => {
        expect(ocsfProblems(toOcsf(alert))).toEqual([]);
        expect(ocsfProblems(toOcsf(alert, { lean: true }))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('comes back as the very same alert', () => {
    fc.assert(
      fc.property(alertArbitrary, (alert) => {
        expect(fromOcsf(toOcsf(alert))).toStrictEqual(alert);
      }),
      { numRuns: 300 },
    );
  });

  it('comes back as the very same alert after a journey as JSON', () => {
    fc.assert(
      fc.property(alertArbitrary, (alert) => {
        expect(fromOcsf(JSON.parse(JSON.stringify(toOcsf(alert))) as OcsfFinding)).toEqual(alert);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps in `unmapped` only what no attribute says', () => {
    const { unmapped } = toOcsf(
      sampleAlert({
        recommendation: 'Close the shell.',
        attacks: [{ techniqueId: 'T1059' }],
        rule: { id: 'r-1', policyId: 'p-1' },
      }),
    );
    expect(Object.keys(unmapped ?? {}).sort()).toEqual([
      'dedupKey',
      'quality',
      'raw',
      'rule',
      'state',
      'timeQuality',
      'vendorIds',
      'vendorSeverity',
    ]);
  });

  it('is of version 1.6.0 unless asked otherwise', () => {
    expect(toOcsf(sampleAlert()).metadata.version).toBe('1.6.0');
    expect(toOcsf(sampleAlert(), { version: '1.8.0' }).metadata.version).toBe('1.8.0');
  });
});

describe('the class of a finding', () => {
  const classOf = (overrides: Partial<Alert>) => toOcsf(sampleAlert(overrides)).class_uid;

  it.each([
    ['detection', 2004],
    ['incident', 2004],
    ['compliance', 2003],
    ['audit', 2004],
    ['inventory', 2004],
    ['test', 2004],
    ['other', 2004],
  ] as const)('of kind %s is %i', (kind, classUid) => {
    expect(classOf({ kind })).toBe(classUid);
  });

  it('of a posture is 2007 when a remedy or a weakness is known, else 2004', () => {
    expect(classOf({ kind: 'posture', recommendation: 'Renew the certificate.' })).toBe(2007);
    expect(classOf({ kind: 'posture', vendorIds: { cwe: 'CWE-295' } })).toBe(2007);
    expect(classOf({ kind: 'posture' })).toBe(2004);
  });

  it('of a vulnerability is 2002 when a CVE or CWE is known, else 2004', () => {
    const byCve = toOcsf(sampleAlert({ kind: 'vulnerability', vendorIds: { cve: 'cve-2021-44228, CWE-502' } }));
    expect(byCve).toMatchObject({ class_uid: 2002, vulnerabilities: [{ cve: { uid: 'CVE-2021-44228' } }] });
    const byCwe = toOcsf(sampleAlert({ kind: 'vulnerability', tags: ['weakness:cwe-79'] }));
    expect(byCwe).toMatchObject({ class_uid: 2002, vulnerabilities: [{ cwe: { uid: 'CWE-79' } }] });
    expect(classOf({ kind: 'vulnerability' })).toBe(2004);
  });
});

describe('a finding', () => {
  it.each([
    ['open', undefined, 1, 'New'],
    ['acknowledged', undefined, 2, 'In Progress'],
    ['snoozed', undefined, 3, 'Suppressed'],
    ['resolved', 'fixed', 4, 'Resolved'],
    ['closed', 'wont_fix', 3, 'Suppressed'],
    ['closed', 'false_positive', 3, 'Suppressed'],
    ['closed', 'other', 4, 'Resolved'],
    ['unknown', undefined, 0, 'Unknown'],
  ] as const)('of state %s (%s) has status %i %s', (state, resolution, status_id, status) => {
    const finding = toOcsf(sampleAlert({ state, ...(resolution && { resolution }) }));
    expect(finding).toMatchObject({ status_id, status, ...(resolution && { status_detail: resolution }) });
  });

  it('is an alert while it is new and open, unless it is of a quiet kind', () => {
    expect(toOcsf(sampleAlert())).toMatchObject({ is_alert: true });
    expect(toOcsf(sampleAlert({ action: 'update' }))).toMatchObject({ is_alert: false });
    expect(toOcsf(sampleAlert({ state: 'resolved' }))).toMatchObject({ is_alert: false });
    expect(toOcsf(sampleAlert({ kind: 'audit' }))).toMatchObject({ is_alert: false });
  });

  it('takes one attacker and one victim as the two ends of what happened', () => {
    const attacker = { role: 'actor', type: 'host', ip: '203.0.113.9', port: 40_022 } as const;
    const victim = { role: 'target', type: 'host', hostname: 'web-1.example.com', id: 'i-1' } as const;
    expect(toOcsf(sampleAlert({ resources: [attacker, victim] }))).toMatchObject({
      device: { hostname: 'web-1.example.com', uid: 'i-1', type_id: 0, type: 'Unknown' },
      evidences: [
        {
          src_endpoint: { ip: '203.0.113.9', port: 40_022 },
          dst_endpoint: { hostname: 'web-1.example.com', uid: 'i-1' },
        },
      ],
      observables: [
        { name: 'resources[0].ip', type_id: 2, type: 'IP Address', value: '203.0.113.9' },
        { name: 'resources[1].hostname', type_id: 1, type: 'Hostname', value: 'web-1.example.com' },
        { name: 'resources[1].uid', type_id: 10, type: 'Resource UID', value: 'i-1' },
      ],
    });
  });

  it('does not guess who met whom among several', () => {
    const actor = (ip: string) => ({ role: 'actor', type: 'host', ip }) as const;
    const victim = { role: 'target', type: 'host', ip: '10.0.0.5' } as const;
    expect(toOcsf(sampleAlert({ resources: [actor('203.0.113.9'), actor('203.0.113.10'), victim] }))).toMatchObject({
      evidences: [
        { src_endpoint: { ip: '203.0.113.9' } },
        { src_endpoint: { ip: '203.0.113.10' } },
        { dst_endpoint: { ip: '10.0.0.5' } },
      ],
    });
  });

  it('says by whose rule and which control a check failed', () => {
    const alert = sampleAlert({ kind: 'compliance', rule: { id: 'r-1', name: 'TLS 1.2', policyName: 'PCI DSS' } });
    expect(toOcsf(alert)).toMatchObject({
      compliance: { control: 'TLS 1.2', standards: ['PCI DSS'], status_id: 3, status: 'Fail' },
    });
  });
});

describe('the raw body of a finding', () => {
  const alert = sampleAlert();

  it('is there to the byte when it is UTF-8', () => {
    const raw = Buffer.from('\ufeff{"title":"Zürich \\u0000 🚂"}\r\n');
    const { raw_data } = toOcsf(alert, { raw });
    expect(Buffer.from(raw_data ?? '')).toEqual(raw);
  });

  it('is left out when it is not UTF-8, or large; its size and digest are always told', () => {
    const described = {
      raw_data_size: alert.raw.bytes,
      raw_data_hash: { algorithm_id: 3, algorithm: 'SHA-256', value: alert.raw.sha256 },
    };
    for (const raw of [Buffer.from([0xff, 0xfe, 0x7b]), Buffer.alloc(64_001, 0x20)]) {
      expect(toOcsf(alert, { raw })).toMatchObject(described);
      expect(toOcsf(alert, { raw })).not.toHaveProperty('raw_data');
    }
  });
});

describe('the lean form', () => {
  const host = (index: number) =>
    ({
      role: index % 2 === 0 ? 'actor' : 'target',
      type: 'user',
      id: `i-${index}`,
      name: `host ${index}`,
      hostname: `host-${index}.example.com`,
      ip: `10.0.0.${index}`,
      port: 443,
      url: `https://host-${index}.example.com/`,
      region: 'eu-west-1',
      accountId: '1',
      group: 'web',
      labels: { a: '1', b: '2' },
    }) as const;
  const large = sampleAlert({
    kind: 'compliance',
    resolution: 'other',
    confidence: 50,
    count: 3,
    recommendation: 'Do it.',
    startTime: '2026-03-01T09:00:00.000Z',
    endTime: '2026-03-01T09:30:00.000Z',
    updatedTime: '2026-03-01T10:30:00.000Z',
    rule: { id: 'r', name: 'n', type: 't', policyName: 'p' },
    attacks: Array.from({ length: 9 }, () => ({ tacticId: 'a', tactic: 'b', techniqueId: 'c', technique: 'd' })),
    tags: Array.from({ length: 50 }, (_, index) => `tag:${index}`),
    notes: [{ text: 'A note.' }],
    resources: Array.from({ length: 200 }, (_, index) => host(index)),
  });

  it('stays within 150 values and six levels', () => {
    for (const kind of ['detection', 'compliance', 'posture', 'vulnerability'] as const) {
      const cves = Array.from({ length: 40 }, (_, index) => `CVE-2024-${1000 + index}`).join(' ');
      const finding = toOcsf({ ...large, kind, vendorIds: { cves } }, { lean: true });
      expect(leaves(finding)).toBeLessThanOrEqual(150);
      expect(depth(finding)).toBeLessThanOrEqual(6);
    }
  });

  it('says when it left something out', () => {
    expect(toOcsf(large, { lean: true }).metadata.is_truncated).toBe(true);
    expect(toOcsf(sampleAlert(), { lean: true }).metadata).not.toHaveProperty('is_truncated');
  });

  it('cannot be read back', () => {
    expect(() => fromOcsf(toOcsf(sampleAlert(), { lean: true }))).toThrow('full form');
  });
});

function leaves(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + leaves(member), 0);
}

function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depth));
}
