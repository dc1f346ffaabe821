import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { startThreatStackApi, type ThreatStackApi } from '../../../../test/support/threatstack-api.js';
import { bakeryV1, bakeryV2 } from '../../../../test/support/threatstack-records.js';
import { Secret } from '../../../core/secret.js';
import {
  ThreatStack,
  ThreatStackApiError,
  ThreatStackAuthError,
  ThreatStackClientError,
  ThreatStackConnectionError,
  ThreatStackError,
  ThreatStackPagingError,
  ThreatStackRateLimitError,
  type OptionsV1,
  type OptionsV2,
} from './threatstack.js';

const key = 'ts-key-1';

let server: ThreatStackApi;
let v1: ThreatStack;
let v2: ThreatStack<2>;

beforeAll(async () => {
  server = await startThreatStackApi({ apiKey: key, pageSize: 2 });
});
beforeEach(() => {
  server.clear();
  v1 = openV1();
  v2 = openV2();
});
afterEach(() => Promise.all([v1.close(), v2.close()]));
afterAll(() => server.close());

function openV1(options: Partial<OptionsV1> = {}, clock = {}): ThreatStack {
  const base = { apiKey: key, baseUrl: server.baseUrls[1] };
  return new ThreatStack({ ...base, ...options }, { egress: 'trust-base-url', clock });
}

function openV2(options: Partial<OptionsV2> = {}, clock = {}): ThreatStack<2> {
  const base = { apiKey: key, orgId: 'org-1', userId: 'user-1', apiVersion: 2, baseUrl: server.baseUrls[2] } as const;
  return new ThreatStack({ ...base, ...options }, { egress: 'trust-base-url', clock });
}

async function all<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of elements) found.push(element);
  return found;
}

async function errorOf(request: Promise<unknown>): Promise<ThreatStackError> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ThreatStackError)) throw new Error(`no ThreatStackError: ${String(error)}`);
  return error;
}

const pathsAsked = (): readonly string[] => server.requests.map(({ path }) => path);
const queryAsked = (n = 0): Record<string, string> =>
  Object.fromEntries(new URL(server.requests[n]?.path ?? '', server.url).searchParams);

describe('a client', () => {
  it('has version 1 and a timeout of two minutes unless told otherwise', () => {
    expect([v1.apiVersion, v1.timeout, v1.orgId]).toEqual([1, 120_000, undefined]);
    expect([v2.apiVersion, v2.orgId]).toEqual([2, 'org-1']);
    expect(v1).toBeInstanceOf(ThreatStack);
    expect(Object.keys(v2)).not.toContain('policies');
  });

  it.each<[string, object, string]>([
    ['no key', { apiKey: ' ' }, 'apiKey must not be empty'],
    ['another version', { apiKey: key, apiVersion: 3 }, 'apiVersion must be 1 or 2'],
    ['no organization', { apiKey: key, apiVersion: 2, userId: 'u' }, 'orgId must not be empty with apiVersion 2'],
    ['no user', { apiKey: key, apiVersion: 2, orgId: 'o' }, 'userId must not be empty with apiVersion 2'],
    [
      'a user that is none',
      { apiKey: key, apiVersion: 2, orgId: 'o', userId: 'a", id="b' },
      'characters that no id has',
    ],
  ])('cannot be made with %s', (_name, options, message) => {
    const make = (): unknown => new ThreatStack(options as OptionsV1);
    expect(make).toThrow(ThreatStackClientError);
    expect(make).toThrow(message);
  });

  it('does not show its key', async () => {
    for (const client of [openV1({ apiKey: 'canary-4711' }), openV2({ apiKey: new Secret('canary-4711') })]) {
      expect(inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client)).not.toContain('canary-4711');
      await client.close();
    }
  });

  it('gives up after its timeout', async () => {
    const hasty = openV1({ timeout: 50, retries: { attempts: 1 } });
    server.answerNext({ status: 200, body: '[]', delayMs: 500 });
    expect(await errorOf(all(hasty.agents.list()))).toBeInstanceOf(ThreatStackConnectionError);
    await hasty.close();
  });

  it('sends no more a minute than the vendor allows', async () => {
    const waits: number[] = [];
    let now = Date.now();
    const clock = {
      now: () => now,
      sleep: (ms: number) => {
        waits.push(ms);
        now += ms;
        return Promise.resolve();
      },
    };
    const paced = openV1({}, clock);
    for (let n = 0; n < 200; n += 1) await paced.agents.get('nobody');
    expect(waits).toEqual([]);
    await paced.agents.get('nobody');
    expect(waits).toEqual([60_000]);
    await paced.close();
  });
});

describe('API v1', () => {
  beforeEach(() => {
    server.have(bakeryV1);
  });

  it('is asked with the bare key, and the organization where there is one', async () => {
    const other = openV1({ orgId: 'org-1' });
    await all(v1.policies.list());
    await all(other.policies.list());
    expect(server.requests.map(({ headers }) => [headers.authorization, headers['organization']])).toEqual([
      [key, undefined],
      [key, 'org-1'],
    ]);
    await other.close();
  });

  it('has lists that page by themselves until a page is empty, though pages are shorter than asked for', async () => {
    expect(await all(v1.agents.list())).toEqual(bakeryV1.agents);
    expect(pathsAsked()).toEqual([0, 1, 2].map((page) => `/api/v1/agents?page=${String(page)}&count=100`));
    expect((await all(v1.alerts.list())).map(({ id }) => id)).toEqual(bakeryV1.alerts.map(({ id }) => id));
    expect(await all(v1.logs.list({ q: 'login' }))).toEqual([bakeryV1.logs[1]]);
    expect(pathsAsked().at(-1)).toBe('/api/v1/logs?q=login&page=1&count=100');
  });

  it('asks for a page when the one before was read, and for none after the reader left', async () => {
    for await (const { id } of v1.agents.list()) {
      expect(id).toBe(bakeryV1.agents[0].id);
      break;
    }
    expect(server.requests).toHaveLength(1);
  });

  it('gives one page where one is asked for, as large as asked for', async () => {
    expect(await all(v1.agents.list({ page: 1, count: 1 }))).toEqual([bakeryV1.agents[1]]);
    expect(await all(v1.agents.list({ page: 7 }))).toEqual([]);
    expect(pathsAsked()).toEqual(['/api/v1/agents?page=1&count=1', '/api/v1/agents?page=7']);
    await all(v1.agents.list({ count: 1 }));
    expect(pathsAsked().at(-1)).toBe('/api/v1/agents?page=3&count=1');
  });

  it('gives pages as such to whoever wants to go on later', async () => {
    const pages = await all(v1.agents.pages());
    expect(pages.map(({ items }) => items.length)).toEqual([2, 1]);
    expect(pages[0]?.answeredAt).toBeLessThanOrEqual(Date.now());
  });

  it.each([{ page: -1 }, { page: 0.5 }, { count: 0 }])('does not ask for %j', async (query) => {
    expect(await errorOf(all(v1.agents.list(query)))).toBeInstanceOf(ThreatStackClientError);
    expect(server.requests).toHaveLength(0);
  });

  it('has organizations and policies in one answer', async () => {
    expect(await all(v1.organizations.list())).toEqual(bakeryV1.organizations);
    expect(await all(v1.policies.list())).toEqual(bakeryV1.policies);
    expect(pathsAsked()).toEqual(['/api/v1/organizations', '/api/v1/policies']);
  });

  it('has the users of an organization', async () => {
    expect(await v1.organizations.users('org-1')).toEqual(bakeryV1.users['org-1']);
    expect(pathsAsked()).toEqual(['/api/v1/organizations/org-1/users']);
    expect(await errorOf(v1.organizations.users('org-2'))).toMatchObject({ status: 404 });
  });

  it('has one agent, alert or policy; what the vendor does not have is undefined', async () => {
    expect(await v1.agents.get(bakeryV1.agents[1].id)).toEqual(bakeryV1.agents[1]);
    expect((await v1.alerts.get(bakeryV1.alerts[0].id))?.rule?.original_rule?.name).toBe('Shell by a service user');
    expect((await v1.policies.get(bakeryV1.policies[0].id))?.name).toBe('Ovens');
    expect(await v1.alerts.get('nothing/at?all')).toBeUndefined();
    expect(pathsAsked().at(-1)).toBe('/api/v1/alerts/nothing%2Fat%3Fall');
    server.answerNext({ status: 200, body: '{}' });
    expect(await v1.alerts.get('x')).toBeUndefined();
    expect(await errorOf(v1.alerts.get(''))).toBeInstanceOf(ThreatStackClientError);
  });

  it('leaves out of a record what is not among the fields, and out of its type', async () => {
    const agents = await all(v1.agents.list({ fields: ['hostname', 'ip_address'] }));
    const [first] = agents;
    expect(first).toEqual({ hostname: 'oven-1.bakery.example', ip_address: '10.30.0.11' });
    // @ts-expect-error The field was not asked for.
    expect(first?.name).toBeUndefined();
    expect(queryAsked()['fields']).toBe('hostname,ip_address');
    expect(await v1.agents.get(bakeryV1.agents[0].id, { fields: ['id'] })).toEqual({ id: bakeryV1.agents[0].id });
  });

  it.each<[string | Date, string]>([
    ['2026-02-04', '2026-02-04'],
    ['2026-02-04 08:00:00', '2026-02-04T08:00:00.000Z'],
    ['2026-02-04T08:00', '2026-02-04T08:00:00.000Z'],
    ['2026-02-04T08:00:00.123456+01:00', '2026-02-04T07:00:00.123Z'],
    ['2026-02-04 08:00:00 -0530', '2026-02-04T13:30:00.000Z'],
    ['20260204T080000Z', '2026-02-04T08:00:00.000Z'],
    [new Date('2026-02-04T08:00:00+01:00'), '2026-02-04T07:00:00.000Z'],
  ])('is sent %p in UTC: %s', async (start, sent) => {
    const hourBefore = new Date('2026-03-01T00:00:00Z');
    await all(v1.alerts.list({ start, end: hourBefore, page: 0 }));
    expect(queryAsked()).toEqual({ start: sent, end: '2026-03-01T00:00:00.000Z', page: '0' });
  });

  it.each<string | Date>(['yesterday', '', '2026-02-30', '2026-02-04T25:00', '1770192000', new Date('no')])(
    'is not sent %p, which is no time',
    async (start) => {
      expect(await errorOf(all(v1.alerts.list({ start })))).toBeInstanceOf(ThreatStackClientError);
      expect(server.requests).toHaveLength(0);
    },
  );

  it('gives the alerts of the range', async () => {
    const alerts = await all(v1.alerts.list({ start: '2026-02-04 00:00:00', end: '2026-02-04 23:59:59' }));
    expect(alerts.map(({ title }) => title)).toEqual(['CloudTrail Activity: security group opened by lina']);
  });

  it('that gives one page again and again ends in an error, not never', async () => {
    server.bend(() => bakeryV1.agents);
    expect((await errorOf(all(v1.agents.list()))).message).toBe('page 1 of /agents is one that came before');
    expect(server.requests).toHaveLength(2);
  });

  it('keeps fields that nobody knows, and leaves out what is no record', async () => {
    server.answerNext({ status: 200, body: '[{"id":"a","new_field":{"x":1}},null,7,"x",[]]' });
    expect(await all(v1.alerts.list({ page: 0 }))).toEqual([{ id: 'a', new_field: { x: 1 } }]);
  });

  it.each(['{"alerts":[]}', '7', '<html>', ''])('may answer 200 with %j, which is no list', async (body) => {
    server.answerNext({ status: 200, body });
    expect(await errorOf(all(v1.alerts.list()))).toMatchObject({ name: 'ThreatStackApiError', status: 200 });
  });
});

describe('API v2', () => {
  beforeEach(() => {
    server.have(bakeryV2);
  });

  it('is asked with Hawk, each attempt with a nonce of its own', async () => {
    server.answerNext({ status: 503 });
    expect(await v2.agents.get(bakeryV2.agents[0].id)).toEqual(bakeryV2.agents[0]);
    const [first, second] = server.requests.map(({ headers }) => String(headers.authorization));
    expect(first).toMatch(/^Hawk id="user-1", ts="\d+", nonce="[^"]+", ext="org-1", mac="[^"]+"$/);
    expect(second).not.toBe(first);
  });

  it('is signed with lists, blanks and letters beyond ASCII in the query', async () => {
    expect(await all(v2.alerts.list({ ruleId: 'a b&c=ö,d', start: '2026-02-03 08:00:00' }))).toEqual([]);
    expect(queryAsked()).toEqual({ status: 'active', from: '2026-02-03T08:00:00.000Z', ruleId: 'a b&c=ö,d' });
  });

  it('refuses another key, another user and another organization', async () => {
    const strangers = [openV2({ apiKey: 'other' }), openV2({ userId: 'user-2' }), openV2({ orgId: 'org-2' })];
    for (const stranger of strangers) {
      expect(await errorOf(all(stranger.rulesets.list()))).toBeInstanceOf(ThreatStackAuthError);
      await stranger.close();
    }
    expect(server.requests).toHaveLength(3);
  });

  it.each([-3_600_000, 3_600_000])(
    'is asked again, once, by its own clock when that is %i ms from ours',
    async (ahead) => {
      server.setClock(ahead);
      expect(await v2.agents.get(bakeryV2.agents[0].id)).toEqual(bakeryV2.agents[0]);
      expect(server.requests).toHaveLength(2);
      await v2.agents.get(bakeryV2.agents[0].id);
      expect(server.requests).toHaveLength(3);
    },
  );

  it('whose word on the time is not proven does not set the clock', async () => {
    const headers = { 'www-authenticate': 'Hawk ts="1000000000", tsm="Zm9yZ2Vk", error="Stale timestamp"' };
    server.answerNext({ status: 401, headers });
    expect(await errorOf(all(v2.rulesets.list()))).toBeInstanceOf(ThreatStackAuthError);
    expect(server.requests).toHaveLength(1);
  });

  it('has alerts in both states, the active ones first, and as many pages as there are', async () => {
    const five = Array.from({ length: 5 }, (_, n) => ({ ...bakeryV2.alerts[0], id: `a-${String(n)}` }));
    server.have({ alerts: [...five, bakeryV2.alerts[2]] });
    expect((await all(v2.alerts.list())).map(({ id }) => id)).toEqual([
      ...five.map(({ id }) => id),
      bakeryV2.alerts[2].id,
    ]);
    expect(server.requests.map((_, n) => queryAsked(n))).toEqual([
      { status: 'active' },
      { status: 'active', token: 'Mg==' },
      { status: 'active', token: 'NA==' },
      { status: 'dismissed' },
    ]);
  });

  it.each([
    [{ status: 'dismissed' } as const, [2]],
    [{ severity: 2 } as const, [1]],
    [{ agentId: bakeryV2.agents[1].id }, [2]],
    [{ start: '2026-02-04 11:00:00', end: new Date('2026-02-04T11:00:00Z') }, [1]],
  ])('has the alerts of %j', async (query, expected) => {
    expect(await all(v2.alerts.list(query))).toEqual(expected.map((n) => bakeryV2.alerts[n]));
  });

  it('gives a page now and the next one another day', async () => {
    const many = Array.from({ length: 3 }, (_, n) => ({ ...bakeryV2.alerts[0], id: `a-${String(n)}` }));
    server.have({ alerts: many });
    const first = await v2.alerts.page({ status: 'active' });
    expect(first).toMatchObject({ items: many.slice(0, 2), token: 'Mg==' });
    const last = await v2.alerts.page({ status: 'active', token: 'Mg==' });
    expect(last.items).toEqual(many.slice(2));
    expect(last).not.toHaveProperty('token');
  });

  it('ends a list at a token that is empty, as at one that is null', async () => {
    server.bend((_request, body) => ({ ...(body as object), token: '' }));
    expect(await all(v2.rulesets.list())).toEqual(bakeryV2.rulesets);
    expect(server.requests).toHaveLength(1);
  });

  it('whose tokens lead back ends in an error, not never', async () => {
    server.bend((_request, body) => ({ ...(body as object), token: 'MA==' }));
    expect((await errorOf(all(v2.rulesets.list()))).message).toContain('lead back to one that was read');
    expect(server.requests).toHaveLength(2);
  });

  it('whose pages are empty for ever ends in an error', async () => {
    server.bend(() => ({ rulesets: [], token: Buffer.from(String(server.requests.length)).toString('base64') }));
    const error = await errorOf(all(v2.rulesets.list()));
    expect(error).toBeInstanceOf(ThreatStackPagingError);
    expect(error.message).toContain('20 pages in a row with nothing in them');
    expect(server.requests).toHaveLength(20);
  });

  it('has the events of an alert, and the counts of severities', async () => {
    const [alert] = bakeryV2.alerts;
    expect(await all(v2.alerts.events(alert.id))).toEqual(bakeryV2.events[alert.id]);
    expect(await v2.alerts.severityCounts({ start: '2026-02-01', end: '2026-03-01' })).toEqual([
      { severity: 1, count: 1 },
      { severity: 2, count: 1 },
      { severity: 3, count: 1 },
    ]);
    expect(await v2.alerts.severityCounts({ status: 'dismissed' })).toContainEqual({ severity: 1, count: 0 });
  });

  it('dismisses alerts by their ids, 512 in a request, with a hash of what is sent', async () => {
    const ids = Array.from({ length: 513 }, (_, n) => `a-${String(n)}`);
    await v2.alerts.dismiss({ ids, reason: 'OTHER', reasonText: 'a drill, nothing more: ö' });
    expect(server.dismissals).toEqual([
      { ids: ids.slice(0, 512), dismissReason: 'OTHER', dismissReasonText: 'a drill, nothing more: ö' },
      { ids: ids.slice(512), dismissReason: 'OTHER', dismissReasonText: 'a drill, nothing more: ö' },
    ]);
    expect(server.requests[0]?.headers.authorization).toMatch(/hash="[^"]+"/);
    await v2.alerts.dismiss({ ids: [], reason: 'OTHER' });
    expect(server.requests).toHaveLength(2);
  });

  it('dismisses alerts by what they have in common, of a range with two ends', async () => {
    const range = { start: '2026-02-03', end: new Date('2026-02-04T00:00:00Z') };
    await v2.alerts.dismiss({ ...range, severity: 3, ruleId: 'r', agentId: 'g', reason: 'MAINTENANCE' });
    expect(server.dismissals).toEqual([
      {
        ...{ from: '2026-02-03', until: '2026-02-04T00:00:00.000Z' },
        ...{ severity: 3, ruleID: 'r', agentID: 'g', dismissReason: 'MAINTENANCE' },
      },
    ]);
    const half = { start: '2026-02-03', reason: 'OTHER' } as unknown as Parameters<typeof v2.alerts.dismiss>[0];
    expect(await errorOf(v2.alerts.dismiss(half))).toBeInstanceOf(ThreatStackClientError);
  });

  it('has agents, rulesets, rules, vulnerabilities, servers and audit logs', async () => {
    const [ruleset] = bakeryV2.rulesets;
    expect(await all(v2.agents.list())).toEqual(bakeryV2.agents);
    expect(await all(v2.agents.list({ status: 'offline' }))).toEqual([bakeryV2.agents[1]]);
    expect(await all(v2.rulesets.list())).toEqual(bakeryV2.rulesets);
    expect(await v2.rulesets.get(ruleset.id)).toEqual(ruleset);
    expect(await all(v2.rules.list(ruleset.id))).toEqual(bakeryV2.rules);
    expect((await v2.rules.get(ruleset.id, bakeryV2.rules[1].id))?.name).toBe('Security group changes');
    expect(await v2.rules.get(ruleset.id, 'none')).toBeUndefined();
    expect(await all(v2.vulnerabilities.list())).toEqual(bakeryV2.cves);
    expect(await all(v2.vulnerabilities.ofPackage('flour'))).toEqual([bakeryV2.cves[1]]);
    expect(await all(v2.vulnerabilities.servers('CVE-2026-10001'))).toEqual(bakeryV2.servers);
    expect(await all(v2.vulnerabilities.suppressions())).toEqual(bakeryV2.suppressions);
    expect(await all(v2.servers.list({ monitored: false }))).toEqual(bakeryV2.servers);
    expect(queryAsked(server.requests.length - 1)).toEqual({ monitored: 'false' });
    expect(await all(v2.auditLogs.list({ start: '2026-02-01' }))).toEqual(bakeryV2.logs);
  });

  it('whose answer has no list is an error, not an empty list', async () => {
    server.bend(() => ({ results: [] }));
    expect((await errorOf(all(v2.rulesets.list()))).message).toBe('the answer to /rulesets has no list named rulesets');
  });
});

describe('an answer that says no', () => {
  it.each([
    [401, ThreatStackAuthError, 'Threat Stack answered 401: the credentials are not accepted: why'],
    [403, ThreatStackAuthError, 'Threat Stack answered 403: the credentials may not do this: why'],
    [400, ThreatStackApiError, 'Threat Stack answered 400: why'],
    [409, ThreatStackApiError, 'Threat Stack answered 409: why'],
    [302, ThreatStackApiError, 'Threat Stack answered 302: why'],
  ])('of %i is an error, for lists too', async (status, kind, message) => {
    for (const [list, body] of [
      [() => all(v1.alerts.list()), { status: 'error', message: 'why' }],
      [() => all(v2.alerts.list()), { errors: ['why'] }],
    ] as const) {
      server.answerNext({ status, body: JSON.stringify(body), headers: { 'x-request-id': 'r-1' } });
      const error = await errorOf(list());
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ status, requestId: 'r-1', message });
    }
    expect(server.requests).toHaveLength(2);
  });

  it('of 429 is waited out, and told where it lasts', async () => {
    server.have(bakeryV2);
    server.answerNext({ status: 429, headers: { 'retry-after': '0' } }, { status: 500 });
    expect(await all(v2.rulesets.list())).toHaveLength(1);
    expect(server.requests).toHaveLength(3);
    server.answerNext({ status: 429, headers: { 'retry-after': '600' } });
    const error = await errorOf(all(v2.rulesets.list()));
    expect(error).toBeInstanceOf(ThreatStackRateLimitError);
    expect(error).toMatchObject({ status: 429, retryAfter: 600_000 });
  });

  it('of 5xx is tried again within a bound, and then an error with the words of the vendor', async () => {
    const hasty = openV1({ retries: { attempts: 2 } });
    const failing = { status: 500, body: '{"status":"ERROR","message":"database"}' };
    server.answerNext(failing, failing);
    expect(await errorOf(all(hasty.agents.list()))).toMatchObject({
      status: 500,
      message: 'Threat Stack answered 500: database',
    });
    expect(server.requests).toHaveLength(2);
    await hasty.close();
  });

  it('holds no key, even where the vendor quotes it', async () => {
    for (const other of [openV1({ apiKey: 'canary-4711' }), openV2({ apiKey: 'canary-4711' })]) {
      server.answerNext({ status: 400, body: '{"errors":["bad key canary-4711"]}' });
      const error = await errorOf(all(other.agents.list()));
      expect(error.message).toBe('Threat Stack answered 400: bad key [secret]');
      expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('canary-4711');
      await other.close();
    }
  });

  it('may be none at all', async () => {
    const other = openV1({ baseUrl: 'http://127.0.0.1:1/api/v1', retries: { attempts: 1 } });
    const error = await errorOf(all(other.agents.list()));
    expect(error).toBeInstanceOf(ThreatStackConnectionError);
    expect(error.status).toBeUndefined();
    await other.close();
  });
});

describe('an abort', () => {
  const reason = new Error('enough');

  it('ends a list between its pages, with its reason', async () => {
    server.have(bakeryV1);
    const stop = new AbortController();
    const found: string[] = [];
    const reading = (async () => {
      for await (const { id } of v1.agents.list({}, stop.signal)) {
        found.push(id);
        stop.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(found).toHaveLength(2);
    expect(server.requests).toHaveLength(1);
  });

  it('ends whatever is under way', async () => {
    const signal = AbortSignal.abort(reason);
    const dismissal = { ids: ['a'], reason: 'OTHER' } as const;
    const requests = [
      () => all(v1.alerts.list({}, signal)),
      () => v1.alerts.get('a', {}, signal),
      () => v1.organizations.users('o', signal),
      () => all(v1.organizations.list({}, signal)),
      () => all(v1.policies.list({}, signal)),
      () => all(v2.alerts.list({}, signal)),
      () => all(v2.alerts.events('a', signal)),
      () => v2.alerts.get('a', signal),
      () => v2.alerts.page({}, signal),
      () => v2.alerts.severityCounts({}, signal),
      () => v2.alerts.dismiss(dismissal, signal),
      () => v2.rules.get('a', 'b', signal),
      () => all(v2.rules.list('a', signal)),
      () => all(v2.vulnerabilities.servers('a', signal)),
    ];
    for (const request of requests) await expect(request()).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});
