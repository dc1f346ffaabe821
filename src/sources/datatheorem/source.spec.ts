import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { readFileSync } from 'node:fs';
import { describeSource } from '../../../test/contract/source.js';
import { northwind } from '../../../test/support/datatheorem-records.js';
import { openDataTheorem } from '../../../test/support/datatheorem-source.js';
import { toAlert } from '../../core/identity.js';
import type { AlertDraft } from '../../core/alert.js';
import { datatheorem, DataTheoremOptions } from './source.js';

describeSource({
  plugin: datatheorem,
  fixtures: new URL('./fixtures/', import.meta.url),
  batch: {
    of: (policy_violations) => ({ policy_violations }),
    elements: northwind.policy_violations.slice(0, 2) as [unknown, unknown],
  },
});

describe('a Data Theorem policy violation', () => {
  it('is one finding from opened to resolved, and every event of it a report', () => {
    const opened = identityOf(violation('OPENED', { policy_violation_status: 'OPEN' }, 1_770_900_000));
    const resolved = identityOf(violation('RESOLVED', { policy_violation_status: 'RESOLVED' }, 1_770_986_400));
    const reopened = identityOf(violation('OPENED', { policy_violation_status: 'OPEN' }, 1_771_072_800));
    expect(new Set([opened, resolved, reopened].map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(new Set([opened, resolved, reopened].map(({ dedupKey }) => dedupKey)).size).toBe(3);
  });

  it.each([
    ['RESOLVED', 'OPENED', { state: 'resolved', resolution: 'fixed' }],
    ["Won't Fix", 'CLOSED', { state: 'closed', resolution: 'wont_fix' }],
    ['CLOSED_BY_POLICY', 'CLOSED', { state: 'closed', resolution: 'other' }],
    ['CLOSED', 'CLOSED_WONT_FIX', { state: 'closed', resolution: 'wont_fix' }],
    ['OPEN_READY_TO_RESCAN', 'UPDATED', { state: 'open' }],
    ['MUSING', 'REOPENED', { state: 'open' }],
    ['MUSING', 'UPDATED', { state: 'unknown' }],
  ])('of status %s in an event named %s is %o', (policy_violation_status, suffix, standing) => {
    const { state, resolution } = draftOf(violation(suffix, { policy_violation_status }));
    expect({ state, ...(resolution && { resolution }) }).toEqual(standing);
  });

  it.each([
    ['URGENT', 'critical'],
    ['Important', 'high'],
    ['PROACTIVE', 'low'],
    ['CASUAL', 'unknown'],
  ])('of relevance %s has severity %s', (relevance, severity) => {
    expect(draftOf(violation('OPENED', { relevance }))).toMatchObject({ severity, vendorSeverity: relevance });
  });

  it('has the severity that the config gives the word', () => {
    const draft = draftOf(violation('OPENED', { relevance: 'PROACTIVE' }), { severities: { Proactive: 'medium' } });
    expect(draft.severity).toBe('medium');
    expect(draft.quality).toContain('severity_overridden');
  });

  it('is titled by the first sentence of its description and what it concerns', () => {
    const titled = (description: string) =>
      draftOf(violation('OPENED', { description, affected_asset: { name: 'api.example.com' } })).title;
    expect(titled('Version 1.0 of e.g. TLS is used. It is weak.')).toBe(
      'Version 1.0 of e.g. TLS is used (api.example.com)',
    );
    expect(titled('No stop\\n\\nSecond paragraph.')).toBe('No stop (api.example.com)');
    expect(titled('api.example.com has no certificate!')).toBe('api.example.com has no certificate');
    expect(titled('x'.repeat(900))).toBe(`${'x'.repeat(299)}… (api.example.com)`);
    expect(titled('...')).toBe('.. (api.example.com)');
  });
});

describe('a link in a Data Theorem event', () => {
  const urlOf = (portal_url: string, options?: object) => draftOf(violation('OPENED', { portal_url }), options).url;

  it('is given when it leads to the portal', () => {
    expect(urlOf('https://www.securetheorem.com/api/x')).toBe('https://www.securetheorem.com/api/x');
    expect(urlOf('https://securetheorem.com/x')).toBe('https://securetheorem.com/x');
    expect(urlOf('https://datatheorem.com/x')).toBe('https://datatheorem.com/x');
  });

  it('is kept as text when it leads elsewhere', () => {
    for (const elsewhere of [
      'https://notsecuretheorem.com/x',
      'https://securetheorem.com.example.com/x',
      'https://securetheorem.com@example.com/x',
      'http://securetheorem.com/x',
      'javascript:alert(1)',
    ]) {
      const draft = draftOf(violation('OPENED', { portal_url: elsewhere }));
      expect(draft).not.toHaveProperty('url');
      expect(draft.enrichment).toMatchObject({ portal_url: elsewhere });
      expect(draft.quality).toContain('link_not_allowed');
    }
  });

  it('may lead to the hosts that the config names', () => {
    const options = { linkHosts: 'portal.example.com' };
    expect(urlOf('https://eu.portal.example.com/x', options)).toBe('https://eu.portal.example.com/x');
    expect(urlOf('https://www.securetheorem.com/x', options)).toBeUndefined();
  });

  it('needs hosts that are host names', () => {
    const messages = problemsOf({ auth: 'none', linkHosts: ['https://portal.example.com'] });
    expect(messages).toEqual(['linkHosts must hold host names such as securetheorem.com']);
  });
});

describe('a failed login at Data Theorem', () => {
  const failed = (ip_address: string, time = 1_770_900_000) =>
    identityOf({
      event: {
        type: 'MOBILE_SECURE__USER_LOGIN_FAILED',
        data: { user_login_email: 'sam@example.com', ip_address },
        version: 1,
      },
      time,
    });

  it('is a report of its own about its user', () => {
    const all = [failed('192.0.2.1'), failed('192.0.2.1', 1_770_900_001), failed('192.0.2.2')];
    expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(new Set(all.map(({ dedupKey }) => dedupKey)).size).toBe(3);
  });

  it('sent twice is one report', () => {
    expect(failed('192.0.2.1')).toEqual(failed('192.0.2.1'));
  });
});

describe('a report that the webhook and the API both have', () => {
  const [opened] = fixture('policy-violation-opened.inferred.json');
  const [created] = fixture('finding-target-created.inferred.json');
  const pulledViolations = fixture('results-violations.json');
  const pulledTargets = fixture('results-targets.json');

  it('is one report: a violation as it was opened', () => {
    expect(identity(pulledViolations[0])).toEqual(identity(opened));
  });

  it('is one report: a target as it was made', () => {
    expect(identity(pulledTargets[0])).toEqual(identity(created));
  });

  it('is one report: a violation that somebody closed, where both say when', () => {
    const exception_date_created = '2026-02-10T16:00:00.000000+00:00';
    const closed = violation('CLOSED_WONT_FIX', { policy_violation_status: 'WONT_FIX', exception_date_created });
    const pulled = { policy_violations: [{ id: 'v-1', exception_type: 'WONT_FIX', exception_date_created }] };
    expect(identityOf(pulled)).toEqual(identityOf(closed));
  });

  it('is another report where the violation was opened again, but the same finding', () => {
    const [first] = pulledViolations;
    const again = { uuid: first?.entity?.id, policy_violation_status: 'OPEN', date_created: first?.time };
    const reopened = identityOf(violation('OPENED', again, Date.parse(first?.time ?? '') / 1_000 + 86_400));
    expect(reopened.fingerprint).toBe(identity(first).fingerprint);
    expect(reopened.dedupKey).not.toBe(identity(first).dedupKey);
  });

  it.each([
    [
      'a violation that somebody closed, without the time',
      violation('CLOSED', { policy_violation_status: 'WONT_FIX' }),
    ],
    ['a violation that was fixed', violation('RESOLVED', { policy_violation_status: 'RESOLVED' })],
  ])('cannot be told to be one report: %s', (_name, body) => {
    const pulled = { policy_violations: [{ id: 'v-1', exception_type: 'WONT_FIX' }] };
    expect(identityOf(pulled).fingerprint).toBe(identityOf(body).fingerprint);
    expect(identityOf(pulled).dedupKey).not.toBe(identityOf(body).dedupKey);
  });
});

describe('the options of the API', () => {
  it('are needed by whatever asks the API', () => {
    const asking = { pull: {}, enrich: true, verify: 'callback' };
    const without = openDataTheorem(asking);
    expect(['pull', 'lookup', 'close'].filter((name) => name in without)).toEqual([]);
    const withApi = openDataTheorem({ ...asking, api: { apiKey: 'k' } });
    expect(['pull', 'lookup', 'close'].filter((name) => name in withApi)).toEqual(['pull', 'lookup', 'close']);
  });

  it.each([{}, { apiKey: 'k', products: ['web'] }, { apiKey: 'k', baseUrl: 'http://10.0.0.1' }, 'key', []])(
    'cannot be %j',
    (api) => {
      expect(() => openDataTheorem({ api })).toThrow('api');
    },
  );

  it('alone ask for nothing', () => {
    expect(openDataTheorem({ api: { apiKey: 'k' } })).not.toHaveProperty('pull');
  });
});

function violation(suffix: string, data: object, time = 1_770_900_000): object {
  const event = { type: `API_SECURE__POLICY_VIOLATION_${suffix}`, data: { uuid: 'v-1', ...data }, version: 1 };
  return { event, time, host: 'securetheorem.com' };
}

function draftOf(body: object, options: object = {}): AlertDraft {
  const context = { name: 'under-test', now: () => Date.UTC(2026, 2, 1) };
  const source = datatheorem.open(plainToInstance(DataTheoremOptions, { auth: 'none', ...options }), context);
  const request = { headers: {}, body: Buffer.from(JSON.stringify(body)), path: '/', remoteAddress: '192.0.2.1' };
  const [draft] = source.read(request).drafts;
  if (draft === undefined) throw new Error('the body gave no draft');
  return draft;
}

/** What a fixture of the plugin's becomes. */
function fixture(name: string): readonly AlertDraft[] {
  const body = readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
  return openDataTheorem({}).read({ headers: {}, body, path: '/', remoteAddress: '' }).drafts;
}

function identityOf(body: object): { fingerprint: string; dedupKey: string } {
  return identity(draftOf(body));
}

function identity(draft: AlertDraft | undefined): { fingerprint: string; dedupKey: string } {
  if (draft === undefined) throw new Error('there is no draft');
  const request = { id: 'r-1', sha256: '', bytes: 0, contentType: '' };
  const { vendor, product } = datatheorem;
  const arrival = { vendor, product, sourceId: 's', receivedAt: '2026-03-01T00:00:00.000Z', request };
  const { fingerprint, dedupKey } = toAlert(draft, arrival);
  return { fingerprint, dedupKey };
}

function problemsOf(options: object): readonly string[] {
  return validateSync(plainToInstance(DataTheoremOptions, options)).flatMap(({ constraints = {} }) =>
    Object.values(constraints),
  );
}
