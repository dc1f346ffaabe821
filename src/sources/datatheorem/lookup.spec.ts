import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { startDataTheoremApi, type DataTheoremApi } from '../../../test/support/datatheorem-api.js';
import { northwind } from '../../../test/support/datatheorem-records.js';
import { openDataTheorem } from '../../../test/support/datatheorem-source.js';
import type { NewAlert } from '../../core/alert.js';
import { toAlert } from '../../core/identity.js';
import { addKnowledge } from '../../core/knowledge.js';
import type { Lookup, Source } from '../../core/source.js';

let server: DataTheoremApi;
let source: Source;

beforeAll(async () => {
  server = await startDataTheoremApi({ pageSize: 1 });
});
beforeEach(() => {
  server.clear();
  server.have(northwind);
  source = openDataTheorem({
    api: { apiKey: 'results-key-1', baseUrl: server.baseUrl, allowCidrs: '127.0.0.0/8', perMinute: 10_000 },
  });
});
afterEach(() => source.close?.());
afterAll(() => server.close());

/** What a body of the webhook becomes, a fixture or as changed. */
function alertOf(name: string, change: (body: string) => string = (body) => body): NewAlert {
  const body = change(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8'));
  const [draft] = source.read({ headers: {}, body: Buffer.from(body), path: '/', remoteAddress: '' }).drafts;
  if (!draft) throw new Error(`${name} gives no alert`);
  const request = { id: 'r', sha256: '', bytes: 0, contentType: '' };
  const receivedAt = '2026-03-01T00:00:00.000Z';
  return toAlert(draft, { vendor: 'datatheorem', product: 'Data Theorem', sourceId: 's', receivedAt, request });
}

function lookup(alert: NewAlert, signal = new AbortController().signal): Promise<Lookup> {
  return source.lookup?.(alert, signal) ?? Promise.reject(new Error('the source looks nothing up'));
}

/** A violation of the webhook with another id. */
function forged(id: string): NewAlert {
  return alertOf('policy-violation-opened.inferred.json', (body) =>
    body.replace('9c1b7e64-2a35-4d8f-b0e1-6f7a8c9d3303', id),
  );
}

async function enriched(alert: NewAlert): Promise<NewAlert> {
  const found = await lookup(alert);
  if (found.kind === 'unknown') throw new Error('the vendor does not know it');
  return addKnowledge(alert, found.knowledge) ?? alert;
}

describe('a violation that the webhook reported', () => {
  it('gains the title of its rule, and keeps all else that the webhook said', async () => {
    const before = alertOf('policy-violation-opened.inferred.json');
    const after = await enriched(before);
    expect(before.title).toBe('The server accepts TLS 1.0, which has known weaknesses (pay.northwind.example)');
    expect(after).toEqual({
      ...before,
      title: 'TLS 1.0 Accepted (pay.northwind.example)',
      rule: { ...before.rule, name: 'TLS 1.0 Accepted' },
      quality: before.quality.filter((flag) => flag !== 'title_derived'),
    });
  });

  it('is unknown where the whole list does not have it', async () => {
    expect(await lookup(forged('00000000-0000-4000-8000-000000000000'))).toEqual({ kind: 'unknown' });
    expect(server.requests).toHaveLength(4);
  });

  it('is sought no longer than until it is found', async () => {
    await lookup(forged('1d4c8a90-5b6e-4f21-8c3d-7e9f0a1b2c04'));
    expect(server.requests).toHaveLength(2);
  });

  it('is sought together with others that came meanwhile', async () => {
    const ids = northwind.policy_violations.map(({ id }) => id);
    const found = await Promise.all([...ids, ...ids, 'nobody', 'no one'].map((id) => lookup(forged(id))));
    expect(found.map(({ kind }) => kind)).toEqual([...Array<string>(8).fill('known'), 'unknown', 'unknown']);
    expect(server.requests.length).toBeLessThanOrEqual(8);
  });

  it('is not called unknown by a reading that began before it was asked for', async () => {
    const late = forged('late');
    const first = lookup(forged('nobody'));
    await server.waitFor(() => server.requests.length === 3);
    server.have({ policy_violations: [{ id: 'late' }] });
    expect(await lookup(late)).toMatchObject({ kind: 'known' });
    expect(await first).toEqual({ kind: 'unknown' });
  });

  it('gains nothing where the vendor has no title for it either', async () => {
    const alert = forged('bare');
    server.have({ policy_violations: [{ id: 'bare' }] });
    expect(await enriched(alert)).toMatchObject({ title: alert.title });
  });
});

describe('a target that the webhook reported', () => {
  it('gains what its finding says', async () => {
    const before = alertOf('finding-target-created.inferred.json');
    const after = await enriched(before);
    expect(after).toMatchObject({
      title: before.title,
      description: 'The app keeps a private key in a file of its own.',
      recommendation: 'Keep it in the keystore of the device.',
      enrichment: { cvss3_score: 5.5 },
      resources: [{ type: 'mobile_app', id: '5647382910564738', name: 'Northwind Wallet' }],
    });
  });

  it('is unknown where the vendor has none of that id', async () => {
    server.have({});
    expect(await lookup(alertOf('finding-target-created.inferred.json'))).toEqual({ kind: 'unknown' });
  });

  it('is known where only its finding is gone', async () => {
    server.have({ targets: northwind.targets });
    expect(await lookup(alertOf('finding-target-created.inferred.json'))).toMatchObject({ kind: 'known' });
  });
});

describe('a finding that a note was made on', () => {
  it('gains what the vendor says of it', async () => {
    const alert = alertOf('finding-note-created.inferred.json');
    server.have({
      ...northwind,
      security_findings: [{ ...northwind.security_findings[0], id: alert.vendorIds['finding'] }],
    });
    expect(await enriched(alert)).toMatchObject({ description: 'The app keeps a private key in a file of its own.' });
  });
});

describe('a lookup that cannot tell', () => {
  it.each(['user-login-failed.json', 'network-service-discovered.inferred.json', 'unknown-type.inferred.json'])(
    'throws: %s',
    async (name) => {
      await expect(lookup(alertOf(name))).rejects.toThrow('this alert is neither');
      expect(server.requests).toHaveLength(0);
    },
  );

  it('throws what the vendor answered, to all who seek', async () => {
    server.acceptKey('another');
    const seeking = ['a', 'b'].map((id) => expect(lookup(forged(id))).rejects.toThrow('the API key is not accepted'));
    await Promise.all(seeking);
    server.acceptKey('results-key-1');
    expect(await lookup(forged('nobody'))).toEqual({ kind: 'unknown' });
  });

  it('throws the reason of an abort; the others are not disturbed', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const given = lookup(forged('nobody'), stop.signal);
    const other = lookup(forged(northwind.policy_violations[3]?.id ?? ''));
    stop.abort(reason);
    await expect(given).rejects.toBe(reason);
    await expect(lookup(forged('nobody'), stop.signal)).rejects.toBe(reason);
    expect(await other).toMatchObject({ kind: 'known' });
  });

  it('throws when the source is closed', async () => {
    const seeking = lookup(forged('nobody'));
    await server.waitFor(() => server.requests.length > 0);
    await source.close?.();
    await expect(seeking).rejects.toThrow('the client was closed');
  });
});
