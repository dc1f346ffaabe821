import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startThreatStackApi, type ThreatStackApi } from '../../../test/support/threatstack-api.js';
import { bakeryV1, bakeryV2 } from '../../../test/support/threatstack-records.js';
import { openThreatStack } from '../../../test/support/threatstack-source.js';
import type { NewAlert } from '../../core/alert.js';
import { toAlert } from '../../core/identity.js';
import { addKnowledge, type Knowledge } from '../../core/knowledge.js';
import type { Lookup, Source } from '../../core/source.js';
import { ThreatStackAuthError, ThreatStackRateLimitError } from './client/threatstack.js';

const signal = new AbortController().signal;
const now = Date.UTC(2026, 1, 6);

let server: ThreatStackApi;
let source: Source;

beforeAll(async () => {
  server = await startThreatStackApi({ pageSize: 100 });
});
beforeEach(() => {
  server.clear();
  server.have(bakeryV2);
  source = open(2);
});
afterEach(() => source.close?.());
afterAll(() => server.close());

function open(version: 1 | 2): Source {
  const api = {
    ...{ apiKey: 'ts-key-1', orgId: 'org-1', userId: 'user-1', apiVersion: version },
    ...{ baseUrl: server.baseUrls[version], allowCidrs: '127.0.0.0/8' },
  };
  return openThreatStack({ api, enrich: true }, () => now);
}

async function reopen(version: 1 | 2): Promise<void> {
  await source.close?.();
  source = open(version);
}

/** What a webhook tells of an alert. */
function posted(id: string, more: object = {}): NewAlert {
  const webhook = {
    ...{ id, title: 'Shell opened by www-data', severity: 1, created_at: 1770110791604 },
    ...{ organization_id: 'org-1', server_or_region: 'oven-1', source: 'Host', ...more },
  };
  const body = Buffer.from(JSON.stringify(webhook));
  const [draft] = source.read({ headers: {}, body, path: '/v1/ingest/ts', remoteAddress: '192.0.2.1' }).drafts;
  if (!draft) throw new Error('no draft');
  return toAlert(draft, {
    ...{ vendor: 'threatstack', product: 'Threat Stack', sourceId: 'ts', receivedAt: '2026-02-06T00:00:00.000Z' },
    request: { id: 'r', sha256: '', bytes: 0, contentType: '' },
  });
}

function lookUp(alert: NewAlert, by = signal): Promise<Lookup> {
  if (!source.lookup) throw new Error('the source looks nothing up');
  return source.lookup(alert, by);
}

async function knowledgeOf(alert: NewAlert): Promise<Knowledge> {
  const found = await lookUp(alert);
  if (found.kind === 'unknown') throw new Error('the vendor does not know the alert');
  return found.knowledge;
}

describe.each([
  [1, bakeryV1],
  [2, bakeryV2],
] as const)('looked up by API v%i', (version, records) => {
  beforeEach(async () => {
    await reopen(version);
    server.have(records);
  });

  it("an alert has its rule's name, its host and its latest events, and keeps what it was", async () => {
    const alert = posted(records.alerts[0].id);
    const more = addKnowledge(alert, await knowledgeOf(alert));
    expect(more?.rule?.name).toBe('Shell by a service user');
    expect(more?.resources).toContainEqual({
      ...{ role: 'target', type: 'host', id: records.agents[0].id },
      ...{ hostname: 'oven-1.bakery.example', ip: '10.30.0.11' },
    });
    expect(more?.vendorIds).toMatchObject({ alert: records.alerts[0].id, agent: records.agents[0].id });
    expect(more?.enrichment?.['events']).toContainEqual(expect.objectContaining({ user: 'www-data' }));
    expect(more).toMatchObject({ fingerprint: alert.fingerprint, dedupKey: alert.dedupKey, title: alert.title });
  });

  it('an alert of CloudTrail has its rule and no host', async () => {
    const knowledge = await knowledgeOf(posted(records.alerts[1].id, { source: 'CloudTrail' }));
    expect(knowledge.rule?.name).toBe('Security group changes');
    expect(knowledge.resources ?? []).toEqual([]);
  });

  it('an alert whose agent and rule are gone has what is left', async () => {
    server.have({ ...records, agents: [], ...(version === 2 && { rules: [] }) });
    const knowledge = await knowledgeOf(posted(records.alerts[0].id));
    expect(knowledge.vendorIds).toMatchObject({ agent: records.agents[0].id });
    expect(knowledge.resources?.map(({ hostname }) => hostname)).toEqual([undefined]);
  });

  it('an alert that the vendor does not know is unknown', async () => {
    expect(await lookUp(posted('forged'))).toEqual({ kind: 'unknown' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a lookup', () => {
  it("of an alert without an id asks nobody: it is not the vendor's", async () => {
    const { vendorIds: _ids, ...rest } = posted('x');
    expect(await lookUp({ ...rest, vendorIds: {} })).toEqual({ kind: 'unknown' });
    expect(server.requests).toHaveLength(0);
  });

  it('gives a title only where the vendor has one', async () => {
    const [alert] = bakeryV2.alerts;
    expect((await knowledgeOf(posted(alert.id))).title).toBe(alert.title);
    server.have({ ...bakeryV2, alerts: [{ ...alert, title: '' }] });
    expect(await knowledgeOf(posted(alert.id))).not.toHaveProperty('title');
  });

  it('keeps 50 events of a flood, and asks for no more pages than that takes', async () => {
    const [alert] = bakeryV2.alerts;
    const events = Array.from({ length: 500 }, (_, n) => ({ _id: `e-${String(n)}` }));
    server.have({ ...bakeryV2, events: { [alert.id]: events } });
    expect((await knowledgeOf(posted(alert.id))).enrichment?.['events']).toEqual(events.slice(0, 50));
    expect(server.requests.filter(({ path }) => path.includes('/events'))).toHaveLength(1);
  });

  it.each([
    [401, ThreatStackAuthError],
    [429, ThreatStackRateLimitError],
  ])('that is answered %i cannot tell, and says why', async (status, kind) => {
    server.answerNext({ status, headers: { 'retry-after': '600' } });
    await expect(lookUp(posted('x'))).rejects.toBeInstanceOf(kind);
  });

  it('is no answer where a part of it failed', async () => {
    server.bend((request, body) => (request.path.includes('/agents/') ? [] : body));
    await expect(lookUp(posted(bakeryV2.alerts[0].id))).rejects.toThrow('the answer is no object');
  });

  it('ends with the reason of an abort', async () => {
    const reason = new Error('late');
    await expect(lookUp(posted(bakeryV2.alerts[0].id), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});
