import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { ActivityStream, type Activity } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { Journal } from '../core/journal.js';
import { Readiness } from '../core/readiness.js';
import type { Source, WebhookRequest } from '../core/source.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { addressList } from '../kit/address.js';
import { Router } from '../routing/router.js';
import { IngestHealth } from './ingest.health.js';
import { IngestListener } from './ingest.listener.js';
import { IngestService } from './ingest.service.js';
import { Pressure } from './pressure.js';
import { SourcePaths } from './source-paths.js';

const token = 'Bearer right';
const maxBody = 10_000;
const maxInflated = 1_500_000;
const limits = { maxPending: 10, maxPendingBytes: 1_000_000 };

let seen: WebhookRequest[];
let happened: Activity[];
let journal: Journal;
let listener: IngestListener;
let base: string;
let port: number;

/** One alert for each word of the body; the word `bad` is unread, `probe` a probe, `throw` a broken reader. */
const words: Source = {
  authenticate: ({ headers, pathKey }) =>
    headers.authorization === token || pathKey === 'right key' ? { ok: true, method: 'test' } : { ok: false },
  recognize: (head) => (words.authenticate({ ...head, body: Buffer.alloc(0) }).ok ? 'known' : 'stranger'),
  read: (request) => {
    seen.push(request);
    const text = request.body.toString('utf8');
    if (text === 'throw') throw new Error('boom');
    if (text === 'probe') return { drafts: [], unread: [], probe: 'hello' };
    const elements = text.split(' ').map((word, index) => ({ word, index }));
    return {
      drafts: elements
        .filter(({ word }) => word !== 'bad')
        .map(({ word, index }) => ({
          entity: { type: 'word', id: word },
          version: 'open',
          kind: 'detection',
          state: 'open',
          severity: 'high',
          title: word,
          vendorIds: { word },
          resources: [],
          tags: [],
          quality: [],
          index,
        })),
      unread: elements.filter(({ word }) => word === 'bad').map(({ index }) => ({ index, reason: 'it is bad' })),
    };
  },
};

/** Known by its body alone. */
const signed: Source = {
  authenticate: ({ body }) => (body.includes('genuine') ? { ok: true, method: 'signature' } : { ok: false }),
  read: (request) => words.read(request),
};

beforeEach(async () => {
  seen = [];
  happened = [];
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  const activity = new ActivityStream();
  activity.subscribe((each) => happened.push(each));
  const source = { name: 'words', type: 'words', vendor: 'acme', product: 'Words', source: words };
  listener = new IngestListener(
    {
      host: '127.0.0.1',
      port: 0,
      maxBody,
      maxInflated,
      requestTimeout: 1_500,
      maxConnections: 20,
      ...limits,
      trustedProxies: addressList(['127.0.0.1']),
    },
    new SourcePaths([
      { source, paths: ['/api/v1/datadog/event'] },
      { source: { ...source, name: 'signed', source: signed }, paths: [] },
    ]),
    new IngestService(new Router([{ name: 'all', to: ['lake'] }]), journal, activity),
    new IngestHealth({ isSuccessor: true, datadogSinks: ['datadog'] }, journal, new Readiness(journal, limits)),
    activity,
    new Pressure(limits, 1, journal, activity),
  );
  ({ port } = await listener.listen());
  base = `http://127.0.0.1:${port}`;
});

afterEach(async () => {
  await listener.onModuleDestroy();
  await journal.close();
});

const post = (body: string | Buffer, headers: Record<string, string> = {}, path = '/v1/ingest/words') =>
  fetch(base + path, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { authorization: token, ...headers },
  });

/** Everything that comes back on a raw connection until it ends. */
async function exchange(...parts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  for (const part of parts) socket.write(part);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

describe('a connection', () => {
  const from = (localAddress: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    open.push(socket);
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      socket.once('data', (chunk: Buffer) => {
        answers.push(chunk.toString('latin1'));
        resolve(answers.at(-1)?.slice(9, 12) ?? '');
      });
      socket.once('connect', () => setTimeout(resolve, 300, 'open').unref());
    });
  };
  let open: Socket[];
  let answers: string[];
  beforeEach(() => {
    open = [];
    answers = [];
  });
  afterEach(() => {
    for (const socket of open) socket.destroy();
  });

  it('is one of at most half of all for an address on whose connections nothing was accepted', async () => {
    const ten = await Promise.all(Array.from({ length: 10 }, () => from('127.0.0.2')));
    expect(new Set(ten)).toEqual(new Set(['open']));
    expect(await from('127.0.0.2')).toBe('503');
    expect(answers).toEqual([expect.stringMatching(/\r\nretry-after: [1-5]\r\n/)]);
    expect(happened).toContainEqual(expect.objectContaining({ kind: 'refused', remoteAddress: '127.0.0.2' }));
    expect(await from('127.0.0.3')).toBe('open');
    open[0]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await from('127.0.0.2')).toBe('open');
  });

  it('is no longer counted once something that came on it was accepted', async () => {
    const request = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nAuthorization: ${token}\r\nContent-Length: 3\r\n\r\none`;
    const ten = await Promise.all(Array.from({ length: 10 }, () => from('127.0.0.2')));
    expect(new Set(ten)).toEqual(new Set(['open']));
    const answered = once(open[0] ?? fail(), 'data');
    open[0]?.write(request);
    expect(String(await answered)).toContain(' 202 ');
    expect(await from('127.0.0.2')).toBe('open');
    expect(await from('127.0.0.2')).toBe('503');
  });
});

function fail(): never {
  throw new Error('there is no connection');
}

describe('a webhook', () => {
  it('is answered 202 with a line for each alert, once it is in the journal', async () => {
    const answer = await post('one bad two one');
    expect(answer.status).toBe(202);
    const told = (await answer.json()) as { alerts: { id: string; status: string }[] };
    expect(told).toMatchObject({ accepted: 2, duplicates: 1, quarantined: 1 });
    expect(told.alerts.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'duplicate', 'quarantined']);
    expect(told.alerts[2]?.id).toBe(told.alerts[0]?.id);
    const kept = await journal.alert(told.alerts[1]?.id ?? '');
    expect(kept).toMatchObject({ alert: { title: 'two', raw: { index: 2 } }, request: { authentication: 'test' } });
    expect((await journal.raw(told.alerts[0]?.id ?? ''))?.body.toString()).toBe('one bad two one');
    expect((await journal.quarantine({ limit: 10 })).items).toMatchObject([{ index: 1, reason: 'it is bad' }]);
  });

  it('may use the capability form, the key percent-encoded', async () => {
    const answer = await post('one', { authorization: '' }, '/v1/ingest/words/right%20key');
    expect(answer.status).toBe(202);
    expect((await post('one', { authorization: '' }, '/v1/ingest/words/wrong')).status).toBe(401);
    expect((await post('one', { authorization: '' }, '/v1/ingest/words/%zz')).status).toBe(404);
  });

  it('may come to a path of the source’s own', async () => {
    expect((await post('one', {}, '/api/v1/datadog/event?x=1')).status).toBe(202);
    expect(seen[0]?.path).toBe('/api/v1/datadog/event');
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['identity', (body: Buffer) => body],
  ])('is inflated from %s before it is read', async (coding, encode) => {
    const answer = await post(encode(Buffer.from('one two')), { 'content-encoding': coding });
    expect(await answer.json()).toMatchObject({ accepted: 2 });
    expect(seen[0]?.body.toString()).toBe('one two');
  });

  it('that breaks its reader is quarantined whole, with its bytes', async () => {
    const answer = await post('throw');
    expect(answer.status).toBe(202);
    const [kept] = (await journal.quarantine({ limit: 1 })).items;
    expect(kept?.reason).toContain('boom');
    expect((await journal.raw(kept?.requestId ?? ''))?.body.toString()).toBe('throw');
  });

  it('that is a probe is recorded and owed to nobody', async () => {
    expect(await (await post('probe')).json()).toEqual({ accepted: 0, duplicates: 0, quarantined: 0, alerts: [] });
    expect((await journal.probes({ limit: 1 })).items).toMatchObject([{ reason: 'hello', source: 'words' }]);
  });

  it('shows the sender that trusted proxies vouch for', async () => {
    await post('one', { 'x-forwarded-for': '198.51.100.9, 203.0.113.7' });
    expect(seen[0]?.remoteAddress).toBe('203.0.113.7');
  });
});

describe('a request is refused', () => {
  it('without the right credential: 401, nothing kept, the same words as for an unknown source', async () => {
    const wrong = await post('one', { authorization: 'Bearer wrong' });
    const unknown = await post('one', {}, '/v1/ingest/nobody');
    expect([wrong.status, unknown.status]).toEqual([401, 404]);
    expect(wrong.headers.get('content-type')).toBe('application/problem+json');
    const details = [await wrong.json(), await unknown.json()] as { detail: string }[];
    expect(details[0]?.detail).toBe(details[1]?.detail);
    expect((await journal.counts()).sources).toEqual([]);
    expect(happened).toMatchObject([
      { kind: 'refused', status: 401, source: 'words' },
      { kind: 'refused', status: 404 },
    ]);
  });

  it('with two Authorization headers, one of them right: 401', async () => {
    const head = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nAuthorization: ${token}\r\nAuthorization: Bearer x\r\n`;
    expect(await exchange(`${head}Connection: close\r\nContent-Length: 3\r\n\r\none`)).toContain(' 401 ');
  });

  it('with another method: 405 and which one to use', async () => {
    const answer = await fetch(`${base}/v1/ingest/words`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    expect((await fetch(`${base}/healthz`, { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD');
    expect(await exchange('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n')).toContain(' 404 ');
  });

  it('that is too large, said in its header: 413 before the body is read', async () => {
    const head = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nContent-Length: ${maxBody + 1}\r\n\r\n`;
    expect(await exchange(head)).toContain(' 413 ');
  });

  it('that is too large, chunk by chunk: 413', async () => {
    const chunk = `1000\r\n${'x'.repeat(4_096)}\r\n`;
    const head = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nAuthorization: ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    expect(await exchange(head, chunk, chunk, chunk)).toContain(' 413 ');
    expect(seen).toEqual([]);
  });

  it('that expects 100-continue and is too large: 413, and no 100', async () => {
    const head = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n`;
    const answer = await exchange(head);
    expect(answer).toContain(' 413 ');
    expect(answer).not.toContain(' 100 ');
  });

  it('that inflates beyond the limit or the ratio: 413', async () => {
    const bomb = gzipSync(Buffer.alloc(maxInflated + 1));
    expect((await post(bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
    const steep = gzipSync(Buffer.alloc(1_200_000));
    expect((await post(steep, { 'content-encoding': 'gzip' })).status).toBe(413);
  });

  it('with a coding that is unknown, doubled or broken: 415 or 400', async () => {
    expect((await post('one', { 'content-encoding': 'zstd' })).status).toBe(415);
    expect((await post(gzipSync(gzipSync('x')), { 'content-encoding': 'gzip, gzip' })).status).toBe(415);
    const cut = gzipSync('one two three').subarray(0, 12);
    expect((await post(cut, { 'content-encoding': 'gzip' })).status).toBe(400);
  });

  it.each([
    ['both lengths', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'],
    ['another transfer coding', 'Transfer-Encoding: xchunked\r\n'],
    ['two content lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n'],
    ['a signed content length', 'Content-Length: +3\r\n'],
    ['a space before the colon', 'Content-Length : 3\r\n'],
  ])('that smuggles with %s: 400, closed, and no second request runs', async (_, header) => {
    const smuggled = `0\r\n\r\nPOST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nAuthorization: ${token}\r\nContent-Length: 3\r\n\r\none`;
    const head = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nAuthorization: ${token}\r\n${header}\r\n`;
    const answer = await exchange(head + smuggled);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  it('with headers over 16 kB: 431', async () => {
    expect(await exchange(`POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain(' 431 ');
  });

  it('that does not arrive in time: 408', async () => {
    expect(await exchange('POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx')).toContain(
      ' 408 ',
    );
    expect(await exchange('POST /v1/in')).toContain(' 408 ');
  });

  it('while the backlog is full: 503 with Retry-After, before the body is read', async () => {
    expect((await post(Array.from({ length: 10 }, (_, i) => `word${i}`).join(' '))).status).toBe(202);
    seen.length = 0;
    const head = `POST /v1/ingest/words HTTP/1.1\r\nHost: a\r\nAuthorization: ${token}\r\nContent-Length: 3\r\n\r\n`;
    const answer = await exchange(head);
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/\r\nretry-after: [1-9]\d?\r\n/);
    expect(happened).toContainEqual(expect.objectContaining({ kind: 'pressure', level: 'full', fill: 1 }));
    expect(seen).toEqual([]);
    expect(await (await fetch(`${base}/readyz`)).json()).toEqual({ status: 'degraded' });
    for await (const claimed of journal.claim('lake', { count: 2 }, AbortSignal.timeout(5_000))) {
      await journal.settle(
        claimed.map(({ sink, lease }) => ({
          sink,
          lease,
          attempt: { attempt: 1, at: 0, durationMs: 1, outcome: 'delivered' },
          next: { kind: 'delivered' },
        })),
      );
      break;
    }
    expect((await post('one')).status).toBe(202);
  });

  it('while the journal cannot keep it: 503 with Retry-After', async () => {
    journal.append = () => Promise.reject(new JournalUnavailableError('the disk is full', false));
    const answer = await post('one');
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.text()).not.toContain('disk');
    expect(happened).toMatchObject([{ kind: 'refused', status: 503, reason: 'the disk is full' }]);
  });
});

describe('an address that nobody recognises', () => {
  const wrong = { authorization: 'Bearer wrong' };
  const chunked = (path: string, authorization: string) =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const spend = async (headers: Record<string, string> = wrong) => {
    let last = await post('one', headers);
    for (let sent = 1; sent < 70 && last.status !== 429; sent += 1) last = await post('one', headers);
    return last;
  };

  it('is told to wait in the end, by wrong paths too, while a right credential from there is not', async () => {
    expect((await post('one', {}, '/v1/ingest/nobody')).status).toBe(404);
    const answer = await spend();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await post('one', {}, '/v1/ingest/nobody')).status).toBe(429);
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    for (let i = 0; i < 10; i += 1) expect((await post(`word${i}`)).status).toBe(202);
  });

  it('is the one that trusted proxies name', async () => {
    await spend({ ...wrong, 'x-forwarded-for': '203.0.113.7' });
    expect((await post('one', { ...wrong, 'x-forwarded-for': '203.0.113.7' })).status).toBe(429);
    expect((await post('one', { ...wrong, 'x-forwarded-for': '203.0.113.8' })).status).toBe(401);
  });

  it('is refused before its body is read, where that is long or of unknown length', async () => {
    expect(await exchange(chunked('/v1/ingest/words', 'Bearer wrong'))).toMatch(/^HTTP\/1\.1 401 /);
    const asking = chunked('/v1/ingest/words', 'Bearer wrong').replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n');
    expect(await exchange(asking)).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('may still send what is signed and small; and what is large, once it proved itself', async () => {
    await spend();
    expect((await post('genuine', {}, '/v1/ingest/signed')).status).toBe(202);
    expect((await post('forged', {}, '/v1/ingest/signed')).status).toBe(429);
    const large = chunked('/v1/ingest/signed', 'x');
    expect(await exchange(`${large}7\r\ngenuine\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 202 /);
  });

  it('may not send what is signed and large while it has proved nothing', async () => {
    await spend();
    expect(await exchange(chunked('/v1/ingest/signed', 'x'))).toMatch(/^HTTP\/1\.1 429 /);
  });
});

describe('the ingest port', () => {
  it('tells that the process lives and whether it is ready', async () => {
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    await journal.close();
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
  });

  it('is not ready while the journal is not', async () => {
    journal.check = () => Promise.reject(new JournalUnavailableError('no', false));
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
  });

  it('is degraded and still ready while something is missing, of which it says no more to strangers', async () => {
    const counts = await journal.counts();
    const range = { from: 4, to: 9 };
    journal.counts = () =>
      Promise.resolve({ ...counts, missing: [{ noticedAt: 1, writes: range, requests: range, alerts: range }] });
    const answer = await fetch(`${base}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'degraded' });
  });

  it('answers the predecessor’s status with the truth', async () => {
    const status = async (): Promise<unknown> => (await fetch(`${base}/api/v1/datadog/status`)).json();
    expect(await status()).toEqual({ success: true, datadog: { success: true }, threatstack: { success: true } });
    await journal.park('datadog', 'the key was revoked');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await status()).toEqual({ success: false, datadog: { success: false }, threatstack: { success: true } });
  });

  it('answers what is in flight when it ends, and takes nothing new', async () => {
    const append = journal.append.bind(journal);
    journal.append = async (requests) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return append(requests);
    };
    const inFlight = post('one');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = listener.onModuleDestroy();
    await expect(post('two')).rejects.toThrow();
    expect((await inFlight).status).toBe(202);
    await ended;
  });
});
