import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startDataTheoremApi, type DataTheoremApi } from '../../../../test/support/datatheorem-api.js';
import { northwind } from '../../../../test/support/datatheorem-records.js';
import { DataTheorem, DataTheoremError, type DataTheoremOptions } from './datatheorem.js';

const key = 'results-key-1';

let server: DataTheoremApi;
let client: DataTheorem;

beforeAll(async () => {
  server = await startDataTheoremApi({ apiKey: key, pageSize: 2 });
});
beforeEach(() => {
  server.clear();
  server.acceptKey(key);
  server.have(northwind);
  client = openClient();
});
afterEach(() => client.close());
afterAll(() => server.close());

function openClient(overrides: Partial<DataTheoremOptions> = {}): DataTheorem {
  return new DataTheorem({ apiKey: key, baseUrl: server.baseUrl, ...overrides });
}

async function all<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of elements) found.push(element);
  return found;
}

async function errorOf(request: Promise<unknown>): Promise<DataTheoremError> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DataTheoremError)) throw new Error(`no DataTheoremError: ${String(error)}`);
  return error;
}

describe('policy violations', () => {
  it('come with their title, rule and asset, from as many pages as there are', async () => {
    const violations = await all(client.policyViolations.list());
    expect(violations.map(({ title, relevance, isOpen, asset }) => [title, relevance, isOpen, asset?.name])).toEqual([
      ['TLS 1.0 Accepted', 'URGENT', true, 'https://pay.northwind.example'],
      ['No Rate Limit', 'PROACTIVE', true, 'POST at https://api.northwind.example/v2/orders'],
      ['TLS 1.0 Accepted', 'URGENT', false, 'northwind-exports'],
      ['No Rate Limit', 'PROACTIVE', true, 'https://shop.northwind.example/cart'],
    ]);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/apis/api_security/results/v1beta1/policy_violations',
      '/apis/api_security/results/v1beta1/policy_violations?cursor=Mg%3D%3D',
    ]);
    expect(server.requests[0]?.headers.authorization).toBe(`APIKey ${key}`);
  });

  it('keep every field of the vendor', async () => {
    const [violation] = await all(client.policyViolations.list());
    expect(violation).toMatchObject({
      id: '9c1b7e64-2a35-4d8f-b0e1-6f7a8c9d3303',
      dateCreated: '2026-02-03T09:26:31.604127+00:00',
      description: 'The server accepts TLS 1.0, which has known weaknesses.',
      recommendation: 'Accept TLS 1.2 and newer only.',
      record: northwind.policy_violations[0],
      rule: northwind.policy_rules[0],
      ruleType: northwind.policy_rule_types[0],
      asset: { kind: 'network_service', record: northwind.network_services[0] },
    });
  });

  it('that refer to what a later page holds come once it is read', async () => {
    server.bend((_path, body) => {
      const isFirst = server.requests.length === 1;
      return isFirst ? { ...body, policy_rules: [], policy_rule_types: [] } : body;
    });
    const violations = await all(client.policyViolations.list());
    expect(violations.map(({ id, title }) => [id.slice(0, 4), title])).toEqual([
      ['9c1b', 'TLS 1.0 Accepted'],
      ['1d4c', 'No Rate Limit'],
      ['2e5d', 'TLS 1.0 Accepted'],
      ['3f6e', 'No Rate Limit'],
    ]);
  });

  it('that refer to what no page holds come last, as far as they are known', async () => {
    server.have({ ...northwind, network_services: [], policy_rule_types: [] });
    const violations = await all(client.policyViolations.list());
    expect(violations).toHaveLength(4);
    expect(violations.find(({ id }) => id.startsWith('9c1b'))).toEqual({
      id: '9c1b7e64-2a35-4d8f-b0e1-6f7a8c9d3303',
      relevance: 'URGENT',
      dateCreated: '2026-02-03T09:26:31.604127+00:00',
      isOpen: true,
      asset: { kind: 'network_service', id: '3f0c6a52-7d1e-4b8e-9a3c-51f2c0d4e101' },
      rule: northwind.policy_rules[0],
      record: northwind.policy_violations[0],
    });
  });

  it.each([
    ['nothing', {}],
    ['an empty list', { policy_violations: [], pagination_information: {} }],
    ['what is no list', { policy_violations: { id: 'x' }, pagination_information: { next_cursor: '' } }],
    ['elements that are none', { policy_violations: [null, 7, 'x', [], {}, { id: null }] }],
  ])('may be %s', async (_name, body) => {
    server.bend(() => body);
    expect(await all(client.policyViolations.list())).toEqual([]);
  });

  it('are asked for by relevance and by tags', async () => {
    await all(client.policyViolations.list({ relevance: ['URGENT', 'IMPORTANT'], assetTags: { team: ['pay'] } }));
    expect(server.requests[0]?.path).toContain(
      'filter_by_relevance=URGENT&filter_by_relevance=IMPORTANT&filter_by_asset_tags=%7B%22team%22%3A%5B%22pay%22%5D%7D',
    );
    expect(server.requests[1]?.path).toContain('filter_by_relevance=URGENT');
  });

  it('come a page at a time for whoever wants to go on later', async () => {
    const first = await client.policyViolations.page();
    expect(first).toMatchObject({ nextCursor: 'Mg==', totalCount: 4, violations: [{ title: 'TLS 1.0 Accepted' }, {}] });
    expect(first.answeredAt).toBeLessThanOrEqual(Date.now());
    const last = await client.policyViolations.page({ cursor: 'Mg==' });
    expect(last.violations).toHaveLength(2);
    expect(last).not.toHaveProperty('nextCursor');
  });

  it('of pages that lead back to themselves end in an error, not never', async () => {
    server.bend((_path, body) => ({ ...body, pagination_information: { next_cursor: 'Mg==' } }));
    const error = await errorOf(all(client.policyViolations.list()));
    expect(error.message).toBe('the pages of the list lead back to one that was read');
    expect(server.requests).toHaveLength(2);
  });
});

describe('mobile findings', () => {
  it('come from as many pages as there are', async () => {
    server.have({ ...northwind, security_findings: [1, 2, 3, 4, 5].map((id) => ({ id, title: `Finding ${id}` })) });
    const findings = await all(client.securityFindings.list());
    expect(findings.map(({ id, title }) => [id, title])).toEqual(
      [1, 2, 3, 4, 5].map((id) => [String(id), `Finding ${id}`]),
    );
    expect(server.requests).toHaveLength(3);
  });

  it('are asked for by what they can be narrowed to', async () => {
    await all(
      client.securityFindings.list({
        since: new Date('2026-02-12T11:00:00+01:00'),
        mobileAppId: '5647382910564738',
        statusGroup: 'OPEN',
        severity: 'HIGH',
      }),
    );
    expect(server.requests[0]?.path).toBe(
      '/apis/mobile_security/results/v2/security_findings?results_since=2026-02-12T10%3A00%3A00.000Z' +
        '&mobile_app_id=5647382910564738&status_group=OPEN&severity=HIGH',
    );
  });

  it('are had one by one; what the vendor does not have is undefined', async () => {
    expect(await client.securityFindings.get('4738291056473829')).toEqual(northwind.security_findings[0]);
    expect(await client.findingTargets.get('6182736455647382')).toMatchObject({ current_status: 'NEW' });
    expect(await client.mobileApps.get('5647382910564738')).toMatchObject({ name: 'Northwind Wallet' });
    expect(await client.securityFindings.get('4711')).toBeUndefined();
    expect(await client.securityFindings.get('a/b?c')).toBeUndefined();
    expect(server.requests.at(-1)?.path).toBe('/apis/mobile_security/results/v2/security_findings/a%2Fb%3Fc');
  });

  it('have targets', async () => {
    const targets = await all(client.findingTargets.list({ securityFindingId: '4738291056473829' }));
    expect(targets.map(({ id, current_status }) => [id, current_status])).toEqual([
      ['6182736455647382', 'NEW'],
      ['6182736455647383', 'CLOSED_FIXED'],
    ]);
  });
});

describe('an answer that says no', () => {
  it.each([
    [401, 'Data Theorem answered 401: the API key is not accepted'],
    [403, 'Data Theorem answered 403: the API key may not read this'],
    [400, 'Data Theorem answered 400: {"error":"why"}'],
  ])('of %i is an error, for lists too', async (status, message) => {
    server.answerNext({ status, body: '{"error":"why"}', headers: { 'x-request-id': 'r-1' } });
    const error = await errorOf(all(client.policyViolations.list()));
    expect(error).toMatchObject({ status, requestId: 'r-1', message });
    expect(server.requests).toHaveLength(1);
  });

  it('holds no key, even where the vendor quotes it', async () => {
    const apiKey = 'canary-4711';
    const other = openClient({ apiKey });
    server.answerNext({ status: 400, body: `bad key ${apiKey}` });
    const error = await errorOf(other.securityFindings.page());
    expect(error.message).toBe('Data Theorem answered 400: bad key [secret]');
    expect(JSON.stringify(error) + String(error.stack)).not.toContain(apiKey);
    await other.close();
  });

  it('of 429 is waited out, and told where it lasts', async () => {
    server.answerNext({ status: 429, headers: { 'retry-after': '0' } });
    expect(await all(client.securityFindings.list())).toHaveLength(2);
    server.answerNext({ status: 429, headers: { 'retry-after': '600' } });
    expect(await errorOf(client.securityFindings.page())).toMatchObject({ status: 429, retryAfterMs: 600_000 });
  });

  it.each(['<html>', '[1]', '7', ''])('may be 200 with %j', async (body) => {
    server.answerNext({ status: 200, body });
    expect((await errorOf(client.securityFindings.page())).status).toBe(200);
  });

  it('may be none at all', async () => {
    const other = openClient({ baseUrl: 'http://127.0.0.1:1/apis', retries: { attempts: 1 } });
    const error = await errorOf(other.securityFindings.page());
    expect(error.status).toBeUndefined();
    await other.close();
  });
});

describe('an abort', () => {
  it('ends a list between its pages, with its reason', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const found: string[] = [];
    const reading = (async () => {
      for await (const { id } of client.policyViolations.list({}, stop.signal)) {
        found.push(id);
        stop.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(found).toHaveLength(2);
    expect(server.requests).toHaveLength(1);
  });
});

describe('a client', () => {
  it('needs a key', () => {
    expect(() => openClient({ apiKey: ' ' })).toThrow('apiKey must not be empty');
  });
});
