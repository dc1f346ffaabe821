import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedServer, type ScriptedServer } from '../../test/support/scripted-server.js';
import { Secret } from '../core/secret.js';
import { openHttp, type HttpClient, type HttpOptions } from './http.js';

const canary = 'canary-4711';
const options: HttpOptions = {
  headers: { 'content-type': 'application/json', 'dd-api-key': new Secret(canary) },
  allowCidrs: ['127.0.0.0/8'],
  connections: 2,
};

let server: ScriptedServer;
let http: HttpClient;

beforeAll(async () => {
  server = await startScriptedServer(() => ({ status: 202, body: '{"ok":true}' }));
});
beforeEach(() => {
  server.clear();
  http = openHttp(options);
});
afterEach(() => http.close());
afterAll(() => server.close());

const post = (url = server.url, signal?: AbortSignal) => http.send({ method: 'POST', url, body: '{}' }, signal);

/** Takes the place of the client that every test has. */
async function reopen(overrides: Partial<HttpOptions>): Promise<void> {
  await http.close();
  http = openHttp({ ...options, ...overrides });
}

describe('a request', () => {
  it('goes out with its credentials, and its answer comes back', async () => {
    const answer = await http.send({ method: 'POST', url: `${server.url}/path?query`, body: Buffer.from('{"a":1}') });
    expect(answer).toMatchObject({ kind: 'answer', status: 202, text: '{"ok":true}' });
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/path?query' });
    expect(request?.headers).toMatchObject({
      'dd-api-key': canary,
      'content-type': 'application/json',
      'content-length': '7',
      'user-agent': 'signalbox',
    });
    expect(String(request?.body)).toBe('{"a":1}');
  });

  it('may have no body', async () => {
    expect(await http.send({ method: 'GET', url: server.url })).toMatchObject({ status: 202 });
    expect(server.requests).toMatchObject([{ method: 'GET', body: Buffer.alloc(0) }]);
  });

  it('keeps to its pool of connections', async () => {
    server.always({ kind: 'usual', delayMs: 5 });
    await Promise.all(Array.from({ length: 20 }, () => post()));
    expect(new Set(server.requests.map(({ port }) => port)).size).toBe(2);
  });

  it('knows no proxy from the environment', async () => {
    const proxy = await startScriptedServer(() => ({ status: 500 }));
    process.env['HTTP_PROXY'] = proxy.url;
    process.env['http_proxy'] = proxy.url;
    try {
      await reopen({});
      expect(await post()).toMatchObject({ status: 202 });
      expect(proxy.requests).toHaveLength(0);
    } finally {
      delete process.env['HTTP_PROXY'];
      delete process.env['http_proxy'];
      await proxy.close();
    }
  });

  it('follows no redirect', async () => {
    server.script({ kind: 'answer', status: 307, headers: { location: `${server.url}/elsewhere` } });
    expect(await post()).toMatchObject({ kind: 'answer', status: 307 });
    expect(server.requests).toHaveLength(1);
  });

  it('is not made with a credential that no header can carry', async () => {
    await reopen({ headers: { 'dd-api-key': new Secret(`${canary}\n`) } });
    for (let times = 0; times < 4; times++) {
      const reason = 'the value of dd-api-key cannot be sent in a header';
      expect(await post()).toEqual({ kind: 'failure', cause: 'refused', reason, needsOperator: true });
    }
  });
});

describe('an answer', () => {
  it('has an excerpt without credentials', async () => {
    server.script({ kind: 'answer', status: 403, body: `no such key: ${canary} ${'x'.repeat(5_000)}` });
    const answer = await post();
    if (answer.kind !== 'answer') throw new Error('there is no answer');
    expect(answer.excerpt()).toContain('no such key: [secret] xxx');
    expect(answer.excerpt()).toHaveLength(2_048);
  });

  it('is read up to 64 kB, then the connection is cut', async () => {
    server.script({ kind: 'endless-body' });
    const answer = await post();
    expect(answer).toMatchObject({ kind: 'answer', status: 202 });
    expect(answer.kind === 'answer' && answer.text.length).toBe(65_536);
    expect(answer).toMatchObject({ isCut: true });
    expect(await post()).toMatchObject({ kind: 'answer', text: '{"ok":true}', isCut: false });
  });

  it.each([
    [11, false],
    [10, true],
  ])('is read up to %i bytes where that is the bound', async (maxAnswerBytes, isCut) => {
    await reopen({ maxAnswerBytes });
    expect(await post()).toMatchObject({ text: '{"ok":true}'.slice(0, maxAnswerBytes), isCut });
  });

  it.each([
    ['does not come', { kind: 'hang' }],
    ['stops after its headers', { kind: 'hang-after-headers' }],
  ] as const)('that %s is waited for until the deadline', async (_name, step) => {
    await reopen({ deadlines: { totalMs: 200 } });
    server.script(step);
    expect(await post()).toEqual({
      kind: 'failure',
      cause: 'deadline',
      reason: '127.0.0.1 did not finish its answer within 0.2 s',
      needsOperator: false,
    });
  });

  it('that does not begin has a deadline of its own', async () => {
    await reopen({ deadlines: { headersMs: 100 } });
    server.script({ kind: 'hang' });
    expect(await post()).toMatchObject({
      kind: 'failure',
      cause: 'deadline',
      reason: '127.0.0.1 did not answer in time',
    });
  });

  it('frees its connection when it is given up', async () => {
    await reopen({ connections: 1, deadlines: { totalMs: 100 } });
    server.script({ kind: 'hang' });
    expect(await post()).toMatchObject({ cause: 'deadline' });
    expect(await post()).toMatchObject({ status: 202 });
  });

  it.each(['at-once', 'mid-body', 'after-taking'] as const)(
    'is lost where the connection is reset %s',
    async (when) => {
      server.script({ kind: 'reset', when });
      expect(await post()).toMatchObject({ kind: 'failure', cause: 'network', needsOperator: false });
      expect(server.requests).toHaveLength(1);
      expect(await post()).toMatchObject({ status: 202 });
    },
  );
});

describe('a signal', () => {
  it('stops what is under way, and everything after it', async () => {
    const stop = new AbortController();
    server.always({ kind: 'hang' });
    const running = [post(server.url, stop.signal), post(server.url, stop.signal), post(server.url, stop.signal)];
    await server.waitFor(() => server.requests.length === 2);
    stop.abort();
    for (const result of [...(await Promise.all(running)), await post(server.url, stop.signal)]) {
      expect(result).toMatchObject({ kind: 'failure', cause: 'deadline', reason: 'stopped before an answer came' });
    }
    await sleep(50);
    expect(server.requests).toHaveLength(2);
  });
});

describe('an address', () => {
  const port = () => new URL(server.url).port;

  it.each([
    ...['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::1]', '[::ffff:7f00:1]', '0', '①②⑦.⓪.⓪.①'],
    ...['localhost', '169.254.169.254', '[fd00:ec2::254]', '10.0.0.1', '[64:ff9b::7f00:1]'],
  ])('such as %s is refused unless it is allowed', async (host) => {
    await reopen({ allowCidrs: [] });
    expect(await post(`http://${host}:${port()}/`)).toMatchObject({
      kind: 'failure',
      cause: 'refused',
      needsOperator: true,
    });
    expect(server.requests).toHaveLength(0);
  });

  it('must be allowed whatever name leads to it', async () => {
    await reopen({ allowCidrs: [], resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
    expect(await post(`http://api.example.com:${port()}/`)).toMatchObject({
      cause: 'refused',
      reason: 'api.example.com: 127.0.0.1 is not a public address; to allow it, name its network in allowCidrs',
    });
    expect(server.requests).toHaveLength(0);
  });

  it('is the one that was checked, whatever the name leads to a moment later', async () => {
    const answers = ['127.0.0.1', '10.0.0.1'];
    await reopen({ resolve: () => Promise.resolve([{ address: answers.shift() ?? '', family: 4 }]) });
    expect(await post(`http://api.example.com:${port()}/`)).toMatchObject({ status: 202 });
    expect(server.requests[0]?.headers.host).toBe(`api.example.com:${port()}`);
    expect(answers).toEqual(['10.0.0.1']);
  });

  it('is tried after one that does not answer', async () => {
    const addresses = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    await reopen({ resolve: () => Promise.resolve(addresses) });
    expect(await post(`http://api.example.com:${port()}/`)).toMatchObject({ status: 202 });
  });

  it('that code trusts is one origin, and no other', async () => {
    const other = await startScriptedServer(() => ({ status: 200 }));
    await reopen({ allowCidrs: [], trust: `${server.url}/v1` });
    expect(await post(`${server.url}/elsewhere`)).toMatchObject({ status: 202 });
    expect(await post(other.url)).toMatchObject({ cause: 'refused', needsOperator: true });
    expect(await post(server.url.replace('127.0.0.1', 'localhost'))).toMatchObject({ cause: 'refused' });
    expect(other.requests).toHaveLength(0);
    await other.close();
  });

  it('that code trusts is still no cloud metadata', async () => {
    const resolve = () => Promise.resolve([{ address: '169.254.169.254', family: 4 }]);
    await reopen({ trust: 'http://metadata.example.com', resolve });
    expect(await post('http://metadata.example.com/')).toMatchObject({ cause: 'refused' });
  });

  it.each(['ftp://8.8.8.8/', 'file:///etc/passwd', 'http://user:pass@8.8.8.8/', 'https://user@8.8.8.8/', '', '/path'])(
    'cannot be %j',
    async (url) => {
      expect(await post(url)).toMatchObject({ kind: 'failure', cause: 'refused' });
    },
  );
});

describe('a name', () => {
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error(`getaddrinfo ${code}`), { code }));

  it('that is not known waits for an operator', async () => {
    await reopen({ resolve: failing('ENOTFOUND') });
    expect(await post('https://api.example.com/')).toEqual({
      kind: 'failure',
      cause: 'dns',
      reason: 'the name api.example.com is not known',
      needsOperator: true,
    });
  });

  it('that cannot be looked up now is tried again', async () => {
    await reopen({ resolve: failing('EAI_AGAIN') });
    expect(await post('https://api.example.com/')).toMatchObject({ cause: 'dns', needsOperator: false });
  });

  it('that takes too long has the deadline of connections', async () => {
    await reopen({ resolve: () => new Promise(() => undefined), deadlines: { connectMs: 200 } });
    expect(await post('https://api.example.com/')).toMatchObject({ cause: 'network', needsOperator: false });
  });
});

describe('a connection', () => {
  it('that is refused is tried again', async () => {
    const gone = await startScriptedServer(() => ({ status: 200 }));
    await gone.close();
    expect(await post(gone.url)).toEqual({
      kind: 'failure',
      cause: 'network',
      reason: 'no answer from 127.0.0.1 (ECONNREFUSED)',
      needsOperator: false,
    });
  });

  it('carries nothing before the certificate is accepted', async () => {
    let requests = 0;
    const tls = createTlsServer({ key, cert }, () => (requests += 1));
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const { port } = tls.address() as AddressInfo;
    expect(await post(`https://127.0.0.1:${port}/`)).toEqual({
      kind: 'failure',
      cause: 'tls',
      reason: 'the certificate of 127.0.0.1 was not accepted (DEPTH_ZERO_SELF_SIGNED_CERT)',
      needsOperator: true,
    });
    expect(requests).toBe(0);
    tls.close();
  });

  it('without TLS where there should be is tried again', async () => {
    expect(await post(server.url.replace('http:', 'https:'))).toMatchObject({ cause: 'tls', needsOperator: false });
  });

  it('is closed with the client, more than once', async () => {
    server.always({ kind: 'hang' });
    const running = post();
    await server.waitFor(() => server.requests.length === 1);
    await http.close();
    await http.close();
    expect(await running).toMatchObject({ kind: 'failure', cause: 'network' });
    expect(await post()).toMatchObject({ kind: 'failure', cause: 'network' });
  });
});

// Signed by nobody, for the tests above alone.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/sSFWAu+HnwIqnr7
0sHc1/nNafJaorrSEpmwC8fKaIqhRANCAAS1Ltp9Dxkvsc8IwrIVUQfEw/GKn/PO
KgK0Zd7CHYiSbx1wNKoDoGHCVu2K5WHuvaX8QZ+/sI69T+rQtu0Zpy0h
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBvzCCAWWgAwIBAgIUECjh9iLNK6JDfUVhgXCnzQJUt5cwCgYIKoZIzj0EAwIw
IjEgMB4GA1UEAwwXc2VsZi1zaWduZWQuZXhhbXBsZS5jb20wIBcNMjYxMTIyMDgy
ODQzWhgPMjEyNjEwMjkwODI4NDNaMCIxIDAeBgNVBAMMF3NlbGYtc2lnbmVkLmV4
YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtS7afQ8ZL7HPCMKy
FVEHxMPxip/zzioCtGXewh2Ikm8dcDSqA6BhwlbtiuVh7r2l/EGfv7COvU/q0Lbt
GactIaN3MHUwHQYDVR0OBBYEFNQqC7Ye7ldxw63wRszepPEU7GWiMB8GA1UdIwQY
MBaAFNQqC7Ye7ldxw63wRszepPEU7GWiMA8GA1UdEwEB/wQFMAMBAf8wIgYDVR0R
BBswGYIXc2VsZi1zaWduZWQuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIg
PgwgmNYWeHk1agmpSMgm01Y7wz5sNcP+YyH2GFHVrCgCIQDjYuUROxMyRAH6CtWC
Jm7oM607mno8MZWM+vFqABFqrg==
-----END CERTIFICATE-----`;
