import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startScriptedServer, type Reply, type ScriptedServer } from '../../test/support/scripted-server.js';
import { Secret } from '../core/secret.js';
import type { Clock } from './api-clock.js';
import { ApiError } from './api-error.js';
import { Api, type ApiOptions, type ApiRequest } from './api.js';

const canary = 'canary-4711';
const start = Date.UTC(2026, 2, 1, 12);
const list: ApiRequest = { method: 'GET', path: '/alerts' };

let server: ScriptedServer;
let api: Api;
/** The next answers, one each; then `{"ok":true}`. */
let replies: Reply[] = [];
/** What was waited, in milliseconds; a wait is over at once and turns the clock. */
let waits: number[] = [];
let now = start;

const clock: Clock = {
  now: () => now,
  random: () => 0.5,
  sleep(ms, signal) {
    waits.push(ms);
    now += ms;
    signal?.throwIfAborted();
    return Promise.resolve();
  },
};

beforeAll(async () => {
  server = await startScriptedServer(() => replies.shift() ?? { status: 200, body: '{"ok":true}' });
});
beforeEach(() => {
  server.clear();
  replies = [];
  waits = [];
  now = start;
  api = openApi();
});
afterEach(() => api.close());
afterAll(() => server.close());

function openApi(overrides: Partial<ApiOptions> = {}): Api {
  return new Api({
    baseUrl: `${server.url}/v2/`,
    timeoutMs: 5_000,
    headers: { authorization: new Secret(`APIKey ${canary}`) },
    egress: 'trust-base-url',
    clock,
    ...overrides,
  });
}

/** Takes the place of the client that every test has. */
async function reopen(overrides: Partial<ApiOptions>): Promise<void> {
  await api.close();
  api = openApi(overrides);
}

async function errorOf(request: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`no ApiError: ${String(error)}`);
  return error;
}

describe('a request', () => {
  it('goes below the base URL, with query, JSON and credentials', async () => {
    const query = { status: 'active', count: 20, fields: ['id', 'a&b'], token: undefined };
    const answer = await api.request({ method: 'POST', path: '/alerts/dismiss', query, body: { ids: ['a'] } });
    expect(answer).toMatchObject({ status: 200, text: '{"ok":true}' });
    expect(answer.json()).toEqual({ ok: true });
    const [request] = server.requests;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v2/alerts/dismiss?status=active&count=20&fields=id&fields=a%26b',
      headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `APIKey ${canary}` },
    });
    expect(String(request?.body)).toBe('{"ids":["a"]}');
  });

  it.each(['GET', 'PUT', 'DELETE'] as const)('may be a %s', async (method) => {
    await api.request({ method, path: 'alerts' });
    expect(server.requests).toMatchObject([{ method, path: '/v2/alerts' }]);
    expect(server.requests[0]?.headers).not.toHaveProperty('content-type');
  });

  it.each(['/alerts/..', '/../x', '/%2E%2e/x', '/a/.%2e', '/a/.', '/a\\..\\b', '/a/.\t.', '/a?b', '/a#b', '/a b'])(
    'does not leave its path by %j',
    async (path) => {
      expect(await errorOf(api.request({ method: 'GET', path }))).toMatchObject({ kind: 'refused' });
      expect(server.requests).toHaveLength(0);
    },
  );

  it.each(['//elsewhere.example.com/x', '@elsewhere.example.com', ':1/x'])(
    'stays at its host with %j',
    async (path) => {
      await api.request({ method: 'GET', path });
      expect(server.requests).toHaveLength(1);
    },
  );

  it('has a header of its own, a credential too', async () => {
    replies = [{ status: 400, body: 'not with token-0815' }];
    const headers = { 'x-aims-auth-token': new Secret('token-0815') };
    const answer = await api.request({ ...list, headers });
    expect(server.requests[0]?.headers).toMatchObject({ 'x-aims-auth-token': 'token-0815' });
    expect(answer.excerpt()).toBe('not with [secret]');
  });

  it('is not made with a header that cannot be sent', async () => {
    const headers = { 'x-aims-auth-token': new Secret(`${canary}\n`) };
    const error = await errorOf(api.request({ ...list, headers }));
    expect(error).toMatchObject({
      kind: 'refused',
      message: 'the value of x-aims-auth-token cannot be sent in a header',
    });
    expect(await api.request(list)).toMatchObject({ status: 200 });
  });
});

describe('an answer', () => {
  it.each([400, 401, 403, 404, 409])('of %i is handed back at once', async (status) => {
    replies = [{ status, body: '{"errors":["so"]}', headers: { 'x-request-id': 'r-1' } }];
    expect(await api.request(list)).toMatchObject({ status, requestId: 'r-1', text: '{"errors":["so"]}' });
    expect(server.requests).toHaveLength(1);
    expect(waits).toEqual([]);
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('of %i is asked for again', async (status) => {
    replies = [{ status }, { status }];
    expect((await api.request(list)).json()).toEqual({ ok: true });
    expect(waits).toEqual([250, 500]);
  });

  it('that stays bad is handed back after five attempts', async () => {
    replies = Array.from({ length: 9 }, () => ({ status: 503, body: 'down' }));
    expect(await api.request(list)).toMatchObject({ status: 503, text: 'down' });
    expect(server.requests).toHaveLength(5);
    expect(waits).toEqual([250, 500, 1_000, 2_000]);
  });

  it.each([
    ['seconds', '7', 7_000],
    ['a date', new Date(start + 9_000).toUTCString(), 9_000],
  ])('is asked for again when Retry-After says, in %s', async (_form, header, waitMs) => {
    replies = [{ status: 429, headers: { 'retry-after': header } }];
    expect(await api.request(list)).toMatchObject({ status: 200 });
    expect(waits).toEqual([waitMs]);
  });

  it('that asks for more time than there is, is handed back with it', async () => {
    replies = [{ status: 429, headers: { 'retry-after': '61' } }];
    expect(await api.request(list)).toMatchObject({ status: 429, retryAfterMs: 61_000 });
    expect(server.requests).toHaveLength(1);
  });

  it('is not asked for again where that is what was said', async () => {
    await reopen({ retries: { attempts: 1 } });
    replies = [{ status: 500 }];
    expect(await api.request(list)).toMatchObject({ status: 500 });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['is no JSON', '<html>', 'not_json'],
    ['is empty', '', 'not_json'],
    ['is too deep', '['.repeat(65) + ']'.repeat(65), 'not_json'],
  ])('that %s is not read', async (_name, body, kind) => {
    replies = [{ status: 200, body, headers: { 'x-request-id': 'r-2' } }];
    const answer = await api.request(list);
    expect(() => answer.json()).toThrow(expect.objectContaining({ kind, status: 200, requestId: 'r-2' }));
  });

  it('that is longer than is read, is not taken for whole', async () => {
    await reopen({ maxAnswerBytes: 10 });
    replies = [{ status: 200, body: '[1,2,3,4]     ,' }];
    const answer = await api.request(list);
    expect(answer.text).toBe('[1,2,3,4] ');
    expect(() => answer.json()).toThrow(expect.objectContaining({ kind: 'too_large' }));
  });

  it('may be longer than a sink reads', async () => {
    const body = JSON.stringify(['x'.repeat(1_000_000)]);
    replies = [{ status: 200, body }];
    expect((await api.request(list)).json()).toEqual(JSON.parse(body));
  });
});

describe('a lost connection', () => {
  const dismiss: ApiRequest = { method: 'POST', path: '/dismiss' };

  it.each(['at-once', 'mid-body'] as const)('%s is tried again', async (when) => {
    server.script({ kind: 'reset', when });
    expect(await api.request(dismiss)).toMatchObject({ status: 200 });
    expect(waits).toEqual([250]);
  });

  it('that stays lost throws, without a credential', async () => {
    server.always({ kind: 'reset', when: 'at-once' });
    const error = await errorOf(api.request({ ...dismiss, query: { key: canary } }));
    expect(error.kind).toBe('no_answer');
    expect(error.message).toMatch(/^no answer from 127\.0\.0\.1 \(\w+\), 5 times$/);
    expect(JSON.stringify(error) + String(error.stack)).not.toContain(canary);
    expect(error.cause).toBeUndefined();
  });

  it('may be an answer that does not come in time', async () => {
    await reopen({ timeoutMs: 100, retries: { attempts: 2 } });
    server.script({ kind: 'hang' });
    expect(await api.request(dismiss)).toMatchObject({ status: 200 });
  });

  it('is not tried again where only an operator can help', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }));
    await reopen({ baseUrl: 'https://api.example.com', egress: { resolve } });
    const error = await errorOf(api.request(list));
    expect(error).toMatchObject({ kind: 'refused', message: 'the name api.example.com is not known' });
    expect(waits).toEqual([]);
  });
});

describe('a signature', () => {
  it('is made anew for each attempt, over what is sent', async () => {
    replies = [{ status: 503 }];
    const signed: unknown[] = [];
    await api.request({
      method: 'PUT',
      path: '/rules/1',
      query: { dry: 'yes' },
      body: { enabled: true },
      headers: (attempt) => {
        signed.push(attempt);
        return { authorization: `MAC ${signed.length}` };
      },
    });
    const attempt = { method: 'PUT', url: `${server.url}/v2/rules/1?dry=yes`, payload: '{"enabled":true}' };
    expect(signed).toEqual([attempt, attempt]);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['MAC 1', 'MAC 2']);
  });

  it('that is asked for takes the place of what the client always sends', async () => {
    await api.request({ ...list, headers: { Authorization: 'MAC' } });
    expect(server.requests[0]?.headers.authorization).toBe('MAC');
  });
});

describe('a rate', () => {
  it('lets so many begin in any minute, and the others wait', async () => {
    await reopen({ perMinute: 2 });
    for (let times = 0; times < 5; times += 1) {
      await api.request(list);
      now += 1_000;
    }
    expect(waits).toEqual([58_000, 58_000]);
  });

  it('counts attempts, not requests', async () => {
    await reopen({ perMinute: 2 });
    replies = [{ status: 500 }];
    await api.request(list);
    await api.request(list);
    expect(waits).toEqual([250, 59_750]);
  });

  it('does not make anybody wait for a clock that was set back', async () => {
    await reopen({ perMinute: 1 });
    await api.request(list);
    now -= 3_600_000;
    await api.request(list);
    expect(waits).toEqual([]);
  });
});

describe('an abort', () => {
  const reason = new Error('enough');

  it('before the request makes none', async () => {
    await expect(api.request(list, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it('during the request throws its reason', async () => {
    server.always({ kind: 'hang' });
    const stop = new AbortController();
    const running = api.request({ method: 'POST', path: '/' }, stop.signal);
    await server.waitFor(() => server.requests.length === 1);
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  it.each([
    ['attempts', {}],
    ['turns', { perMinute: 1 }],
  ])('between %s throws its reason, too', async (_name, options) => {
    await api.close();
    api = new Api({ baseUrl: server.url, timeoutMs: 5_000, egress: 'trust-base-url', ...options });
    await api.request(list);
    replies = [{ status: 429, headers: { 'retry-after': '30' } }];
    const stop = new AbortController();
    const running = api.request(list, stop.signal);
    setTimeout(() => {
      stop.abort(reason);
    }, 50);
    await expect(running).rejects.toBe(reason);
  });
});

describe('a closed client', () => {
  it('makes no request, and gives up those under way', async () => {
    server.always({ kind: 'hang' });
    const running = errorOf(api.request({ method: 'POST', path: '/' }));
    await server.waitFor(() => server.requests.length === 1);
    await api.close();
    await api.close();
    expect(await running).toMatchObject({ kind: 'closed' });
    expect(await errorOf(api.request(list))).toMatchObject({ kind: 'closed' });
    expect(server.requests).toHaveLength(1);
  });

  it('waits for nothing', async () => {
    await api.close();
    api = new Api({ baseUrl: server.url, timeoutMs: 5_000, egress: 'trust-base-url' });
    replies = [{ status: 429, headers: { 'retry-after': '30' } }];
    const running = errorOf(api.request(list));
    await server.waitFor(() => server.requests.length === 1);
    await api.close();
    expect(await running).toMatchObject({ kind: 'closed' });
  });
});

describe('a base URL', () => {
  it.each(['', 'api.example.com', 'ftp://api.example.com', 'https://u:p4711@h', 'https://h?key=p4711', 'https://h#x'])(
    'cannot be %j',
    (baseUrl) => {
      expect(() => openApi({ baseUrl })).toThrow(TypeError);
      expect(() => openApi({ baseUrl })).not.toThrow('p4711');
    },
  );

  it('from a config is guarded', async () => {
    await reopen({ egress: {} });
    expect(await errorOf(api.request(list))).toMatchObject({
      kind: 'refused',
      message: '127.0.0.1 is not a public address; to allow it, name its network in allowCidrs',
    });
    await reopen({ egress: { allowCidrs: ['127.0.0.0/8'] } });
    expect(await api.request(list)).toMatchObject({ status: 200 });
  });

  it('from code is trusted, wherever its name leads', async () => {
    const { port } = new URL(server.url);
    await reopen({ baseUrl: `http://localhost:${port}` });
    expect(await api.request(list)).toMatchObject({ status: 200 });
  });

  it.each(['http://169.254.169.254', 'http://[fd00:ec2::254]', 'http://100.100.100.200'])(
    'from code is not trusted with cloud metadata: %s',
    async (baseUrl) => {
      await reopen({ baseUrl });
      expect(await errorOf(api.request(list))).toMatchObject({ kind: 'refused' });
    },
  );
});
