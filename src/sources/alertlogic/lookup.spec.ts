import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startAlertLogicApi, type AlertLogicApi } from '../../../test/support/alertlogic-api.js';
import { accountId, attempts, incident, uploadId } from '../../../test/support/alertlogic-records.js';
import { openAlertLogic } from '../../../test/support/alertlogic-source.js';
import type { NewAlert } from '../../core/alert.js';
import { toAlert } from '../../core/identity.js';
import { addKnowledge } from '../../core/knowledge.js';
import type { Lookup, Source } from '../../core/source.js';

let server: AlertLogicApi;
let source: Source | undefined;

beforeAll(async () => {
  server = await startAlertLogicApi();
});
beforeEach(async () => {
  server.clear();
  server.have([incident()]);
  server.haveEvidence(uploadId, { event: attempts });
  await reopen();
});
afterEach(() => source?.close?.());
afterAll(() => server.close());

async function reopen(api: object = {}): Promise<void> {
  await source?.close?.();
  const usual = { accessKeyId: 'a1b2c3d4e5f60718', secretKey: 'secret-key-1', allowCidrs: '127.0.0.0/8' };
  source = openAlertLogic({ api: { ...usual, baseUrl: server.url, perMinute: 10_000, ...api }, enrich: true }, () =>
    Date.UTC(2026, 1, 17),
  );
}

function alertOf(body: object): NewAlert {
  const bytes = Buffer.from(JSON.stringify(body));
  const [draft] = source?.read({ headers: {}, body: bytes, path: '/', remoteAddress: '' }).drafts ?? [];
  if (!draft) throw new Error('not read');
  const request = { id: 'r', sha256: '', bytes: bytes.length, contentType: 'application/json' };
  const receivedAt = '2026-02-17T00:00:00.000Z';
  return toAlert(draft, { vendor: 'alertlogic', product: 'p', sourceId: 'alertlogic', receivedAt, request });
}

/** What a sparse template of a customer's posts. */
const sparse = { incidentId: uploadId, accountId: 134310777, updateTime: 1_771_238_400 };

function lookup(alert: NewAlert, signal = new AbortController().signal): Promise<Lookup> {
  if (!source?.lookup) throw new Error('the source looks nothing up');
  return source.lookup(alert, signal);
}

async function amended(alert: NewAlert): Promise<NewAlert> {
  const found = await lookup(alert);
  if (found.kind !== 'known') throw new Error('unknown');
  return addKnowledge(alert, found.knowledge) ?? alert;
}

describe('an alert that is looked up', () => {
  it('gets the details of its incident, and what came of the attempts in a line', async () => {
    const alert = alertOf(sparse);
    expect(alert.quality).toContain('title_missing');
    const more = await amended(alert);
    expect(more).toMatchObject({
      title: 'Attempted upload of a web shell from 198.51.100.23',
      recommendation: 'Check the import folder.',
      count: 16,
      attacks: [{ tacticId: 'TA0001', techniqueId: 'T1190' }],
      enrichment: {
        verdict: '14 of 16 attempts were refused (403), 2 succeeded (200) on example.net',
        response_code_tally: { '200': [14603, 14611] },
        unique_hosts: { 'example.net': attempts.map(({ event_id }) => event_id) },
        unique_signatures: { 'WEB Ledger import upload': attempts.map(({ event_id }) => event_id) },
        summary_breakdown: { 'WEB Ledger import upload': { 'example.net': { '200': [14603, 14611] } } },
      },
    });
    expect([more.fingerprint, more.dedupKey]).toEqual([alert.fingerprint, alert.dedupKey]);
    expect(more.enrichment?.['events']).toHaveLength(16);
    expect((more.enrichment?.['events'] as unknown[])[3]).toMatchObject({
      id: '14603',
      method: 'POST',
      url: 'example[.]net/import/run.php',
      responseCode: '200',
    });
  });

  it('has no packets in it, unless they are asked for, and then no credentials', async () => {
    const without = JSON.stringify(await amended(alertOf(sparse)));
    expect(without).not.toContain('importer');
    await reopen({ payloads: true });
    const withPackets = await amended(alertOf(sparse));
    expect((withPackets.enrichment?.['events'] as unknown[])[3]).toMatchObject({
      payload: expect.stringContaining('user=importer&password=[secret]') as unknown,
      decompressed: '<html>imported</html>',
    });
    expect(JSON.stringify(withPackets)).not.toContain('letmein');
  });

  it('is found by the short id where it has no other, and in lower case', async () => {
    expect(await lookup(alertOf({ humanFriendlyId: 'k4w9tz', accountId }))).toMatchObject({ kind: 'known' });
    server.have([incident({ incidentId: uploadId.toLowerCase() })]);
    expect(await lookup(alertOf(sparse))).toMatchObject({ kind: 'known' });
  });

  it('of an incident without events has its details alone', async () => {
    server.haveEvidence(uploadId, {});
    const { enrichment, title } = await amended(alertOf(sparse));
    expect(title).toContain('web shell');
    expect(enrichment).not.toHaveProperty('verdict');
  });

  it('with thousands of events has those of the first 200 analysed', async () => {
    server.haveEvidence(uploadId, {
      event: Array.from({ length: 900 }, (_, id) => ({ ...attempts[0], event_id: id + 1 })),
    });
    const { enrichment } = await amended(alertOf(sparse));
    expect(enrichment?.['verdict']).toBe('All 200 attempts were refused (403) on example.net');
    expect(enrichment?.['events']).toHaveLength(50);
  });

  it('is unknown where the vendor says so', async () => {
    expect(await lookup(alertOf({ ...sparse, incidentId: 'FORGED0000000000' }))).toEqual({ kind: 'unknown' });
  });
});

describe('a lookup that cannot tell', () => {
  it.each([
    ['is of no incident', { fields: { id: '1', account_id: accountId, summary: 'x' }, extra: { cid: accountId } }],
    ['is of account 4711', { ...sparse, accountId: 4711 }],
  ])('because the alert %s throws, and says so', async (words, body) => {
    await expect(lookup(alertOf(body))).rejects.toThrow(words);
  });

  it('because of the key or the vendor throws', async () => {
    server.nameEndpoint({ status: 403 });
    await expect(lookup(alertOf(sparse))).rejects.toThrow('403');
    const reason = new Error('enough');
    await expect(lookup(alertOf(sparse), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
