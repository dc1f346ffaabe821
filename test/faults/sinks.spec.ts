import { describe, expect } from '@jest/globals';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { SinkTest } from '../../src/core/sink-control.js';
import { backoffMs } from '../../src/kit/backoff.js';
import { Breaker } from '../../src/delivery/breaker.js';
import { settle } from '../../src/delivery/settlement.js';
import { sampleDelivery } from '../support/deliveries.js';
import type { ServedRequest } from '../support/scripted-server.js';
import { Authority } from './harness/certificates.js';
import type { OtherSink } from './harness/fake-sink.js';
import { fault } from './harness/fault.js';
import { passTo, startFront, startTlsFront } from './harness/front.js';
import { hook, hookBehind } from './harness/hook.js';
import { askAdmin } from './harness/invariant.js';
import { command } from './harness/needs.js';
import { newFinding, reportOf, type Report } from './harness/report.js';
import type { Scene } from './harness/scene.js';

const reports = (count: number): readonly Report[] => Array.from({ length: count }, () => reportOf(newFinding()));
const portOf = (url: string): number => Number(new URL(url).port);

type SinkView = { readonly name: string; readonly state: string; readonly reason?: string };
type DeadLetter = {
  readonly alertId: string;
  readonly sink: string;
  readonly fault: string;
  readonly reason: string;
  readonly answer?: { readonly status: number; readonly excerpt?: string };
};

async function stateOf(scene: Scene, name: string): Promise<SinkView | undefined> {
  const { items } = await askAdmin<{ items: readonly SinkView[] }>(scene.router, '/api/v1/sinks');
  return items.find((view) => view.name === name);
}

async function deadLetters(scene: Scene): Promise<readonly DeadLetter[]> {
  return (await askAdmin<{ items: readonly DeadLetter[] }>(scene.router, '/api/v1/dead-letters')).items;
}

async function testSink(scene: Scene, name: string): Promise<SinkTest> {
  const answer = await fetch(`${scene.router.admin}/api/v1/sinks/${name}/test`, { method: 'POST' });
  return (await answer.json()) as SinkTest;
}

describe('a sink that is down', () => {
  fault(
    {
      number: 33,
      title: 'sink down',
      fault:
        'the port of one of two sinks is closed while alerts come in (6 s in the place of an hour), then opened again',
      expected:
        'every post is answered 2xx, the other sink is not delayed, the dead one is tried ever less, and on return one at a time at first; in order, nothing missing',
    },
    async (scene) => {
      const pager = await scene.sink({ kind: hook });
      const other = await scene.sink({ name: 'other', kind: hook });
      const port = portOf(pager.server.url);
      await scene.start();
      await pager.server.close();

      const closed = await startFront((socket) => socket.resetAndDestroy(), port);
      const load = new AbortController();
      const loading = scene.client.load(10, load.signal);
      await sleep(6_000);
      load.abort();
      await loading;
      const acked = scene.client.acked().length;
      expect(scene.client.sent()).toHaveLength(acked);
      await scene.until(() => other.received().length === acked);
      const attempts = closed.connections();
      // Five in each lane until it opens, then one after 1, 2, 4 s at most: far from one for each alert.
      expect(attempts).toBeGreaterThan(0);
      expect(attempts).toBeLessThan(Math.min(60, acked));
      await closed.close();

      const back = await scene.sink({ kind: hook, port });
      back.server.always({ kind: 'usual', delayMs: 60 });
      await scene.until(() => back.server.requests.length > 3, 30_000);
      const [first] = back.server.requests;
      expect(back.server.requests.filter(({ at }) => at < (first?.at ?? 0) + 50)).toHaveLength(1);
      back.server.always();
    },
  );

  fault(
    {
      number: 47,
      title: 'one dead sink among twenty',
      fault: 'one of twenty sinks takes every request and answers none',
      expected: 'the nineteen others get everything meanwhile; the one gets everything when it works again',
    },
    async (scene) => {
      const dead = await scene.sink({ name: 'dead', kind: hook });
      dead.server.always({ kind: 'hang' });
      const healthy = await Promise.all(
        Array.from({ length: 19 }, (_, index) => scene.sink({ name: `sink-${String(index)}`, kind: hook })),
      );
      await scene.start();
      for (let post = 0; post < 5; post += 1) await scene.client.insist(reports(5));
      await scene.until(() => healthy.every((sink) => sink.received().length === 25));
      expect(dead.received()).toHaveLength(0);
      expect(dead.server.requests.length).toBeGreaterThan(0);
      await dead.server.close();
      await scene.sink({ name: 'dead', kind: hook, port: portOf(dead.server.url) });
    },
  );
});

describe('a sink that answers', () => {
  fault(
    {
      number: 35,
      title: '429 with X-RateLimit-Reset or Retry-After',
      fault: '429 for the first requests, with a wait of 2 s, in seconds and as a date',
      expected: 'nothing is sent before that, then everything is; what the sink asks for is no failure of the alert',
    },
    async (scene) => {
      const pager = await scene.sink();
      const other = await scene.sink({ name: 'other', kind: hook });
      pager.server.script({ kind: 'answer', status: 429, headers: { 'x-ratelimit-reset': '2' } });
      const date = new Date(Date.now() + 4_000);
      other.server.script({ kind: 'answer', status: 429, headers: { 'retry-after': date.toUTCString() } });
      await scene.start();
      await scene.client.insist(reports(1));
      await scene.until(() => pager.received().length === 1 && other.received().length === 1, 30_000);
      const [asked, next] = pager.server.requests;
      expect((next?.at ?? 0) - (asked?.at ?? 0)).toBeGreaterThanOrEqual(2_000);
      expect(other.server.requests[1]?.at).toBeGreaterThanOrEqual(Math.floor(date.getTime() / 1_000) * 1_000);
      expect(await deadLetters(scene)).toEqual([]);

      const now = Date.now();
      const outcome = { kind: 'retry', cause: 'http', reason: 'answered 429', afterMs: 1e12 } as const;
      for (let attempt = 1; attempt <= 1_000; attempt += 1) {
        const delivery = sampleDelivery({ attempt, acceptedAt: now });
        const policy = { now: now + attempt * 60_000, maxAge: 7 * 86_400_000, random: Math.random() };
        const { next } = settle(delivery, outcome, { startedAt: now, durationMs: 1 }, policy);
        expect(next).toEqual({ kind: 'pending', dueAt: policy.now + 15 * 60_000 });
      }
      const breaker = new Breaker(16);
      breaker.record(outcome, now);
      expect(breaker.lanes).toBeLessThan(16);
    },
  );

  fault(
    {
      number: 36,
      title: '500, 502, 503 and 504',
      fault: 'each of the first four requests is answered with another of them',
      expected: 'all are tried again and delivered, none is a dead letter; waits have full jitter',
    },
    async (scene) => {
      const pager = await scene.sink();
      pager.server.script(...[500, 502, 503, 504].map((status) => ({ kind: 'answer' as const, status })));
      await scene.start();
      await scene.client.insist(reports(8));
      await scene.until(() => pager.received().length === 8, 40_000);
      expect(pager.server.requests.filter(({ method }) => method === 'POST')).toHaveLength(12);
      expect(await deadLetters(scene)).toEqual([]);

      // Those who failed together do not come back together: each quarter of the span gets its share of 1,000.
      const waits = Array.from({ length: 1_000 }, () => backoffMs(6, Math.random()));
      for (const quarter of [0, 1, 2, 3]) {
        const inQuarter = waits.filter((wait) => wait >= quarter * 8_000 && wait <= (quarter + 1) * 8_000);
        expect(inQuarter.length).toBeGreaterThan(150);
      }
    },
  );

  fault(
    {
      number: 37,
      title: 'one that is poison among a hundred',
      fault: 'a sink that takes batches answers 400 to each that holds one certain alert',
      expected:
        'that one is a dead letter with the status and the body; 99 are delivered; at most 2·log₂ 100 requests more',
    },
    async (scene) => {
      const batch = reports(100);
      const poison = batch[50]?.name ?? '';
      const answer = (request: ServedRequest) =>
        textOf(request).includes(`${poison}"`)
          ? { status: 400, body: '{"errors":["no such thing"]}' }
          : { status: 202 };
      const logs = await scene.sink({ kind: { ...logSink, answer } });
      await scene.start();
      await scene.client.insist(batch);
      await scene.until(async () => (await deadLetters(scene)).length === 1);
      await scene.until(() => new Set(logs.received().map(({ name }) => name)).size === 99);
      expect(logs.received()).toHaveLength(99);
      const id = scene.client.acked().find(({ name }) => name === poison)?.id;
      expect(await deadLetters(scene)).toMatchObject([
        { alertId: id, fault: 'theirs', reason: expect.stringContaining('400') },
      ]);
      const told = await askAdmin<object>(scene.router, `/api/v1/alerts/${id ?? ''}`);
      expect(JSON.stringify(told)).toContain('no such thing');
      const posts = logs.server.requests.length;
      const withoutPoison = logs.server.requests.filter((request) => !textOf(request).includes(`${poison}"`)).length;
      // Of each half, the one with the poison is sent again in halves: 7 levels.
      expect(posts - withoutPoison).toBeLessThanOrEqual(1 + Math.ceil(Math.log2(100)));
      expect(posts).toBeLessThanOrEqual(5 + 2 * Math.ceil(Math.log2(100)));
    },
  );

  fault(
    {
      number: 38,
      title: '413 for a batch, 413 for a single alert',
      fault: 'a sink takes 10 kB a request; later it takes nothing at all for one alert',
      expected:
        'the batch is split until it fits; the single alert is sent once more, shorter, and is then a dead letter',
    },
    async (scene) => {
      let limit = 10_000;
      const answer = (request: ServedRequest) => ({ status: textOf(request).length > limit ? 413 : 202 });
      const logs = await scene.sink({ kind: { ...logSink, answer } });
      await scene.start();
      await scene.client.insist(reports(40));
      await scene.until(() => logs.received().length === 40);
      expect(logs.server.requests.length).toBeGreaterThan(4);
      expect(await deadLetters(scene)).toEqual([]);

      limit = 10;
      const before = logs.server.requests.length;
      await scene.client.insist(reports(1));
      await scene.until(async () => (await deadLetters(scene)).length === 1);
      const [whole, short, ...more] = logs.server.requests.slice(before).map(textOf);
      expect(more).toEqual([]);
      expect([whole, short].map((text) => text?.includes('"is_truncated":true'))).toEqual([false, true]);
    },
  );
});

const textOf = ({ body, headers }: ServedRequest): string =>
  (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();

/** Datadog's intake for logs, with the answers of the case. */
const logSink: OtherSink = {
  block: (endpoint) => ({ type: 'datadog', intake: 'logs', apiKey: 'k', endpoint, allowCidrs: ['127.0.0.0/8'] }),
  answer: () => ({ status: 202 }),
  textOf,
};

describe('a connection', () => {
  fault(
    {
      number: 43,
      title: 'connection reset before, during and after a request',
      fault:
        'the sink resets at once, within its answer, and after it took the request; one closes its half without an answer',
      expected: 'tried again; the one that was taken before the reset may arrive twice, no other',
    },
    async (scene) => {
      const pager = await scene.sink({ kind: hook });
      const other = await scene.sink({ name: 'other', kind: hook });
      pager.server.script(
        { kind: 'reset', when: 'at-once' },
        { kind: 'reset', when: 'mid-body' },
        { kind: 'reset', when: 'after-taking' },
      );
      let closes = 0;
      const halfClosed = await startFront((socket) => {
        if (closes >= 2) {
          passTo(portOf(other.server.url))(socket);
          return;
        }
        closes += 1;
        socket.once('data', () => socket.end());
      });
      scene.finally(() => halfClosed.close());
      await scene.start({
        config: {
          sinks: { pager: pager.block, other: { ...other.block, url: `http://127.0.0.1:${String(halfClosed.port)}/` } },
        },
      });
      await scene.client.insist(reports(4));
      await scene.until(() => new Set(pager.received().map(({ name }) => name)).size === 4, 30_000);
      const { sinks } = await scene.account();
      expect(sinks['pager']?.duplicates).toBe(1);
      expect(sinks['other']).toEqual({ received: 4, duplicates: 0, dead: 0 });
    },
  );

  fault(
    {
      number: 46,
      title: 'the sink closes an idle connection as we write',
      fault: 'a connection that has had one answer is reset when the next request comes on it',
      expected: 'tried again on a new connection; no dead letter, no duplicate',
    },
    async (scene) => {
      const pager = await scene.sink({ kind: hook });
      const racing = await startFront((socket) => {
        let requests = 0;
        passTo(portOf(pager.server.url), (chunk) => {
          requests += chunk.toString('latin1').startsWith('POST ') ? 1 : 0;
          return requests < 2 ? 'passed' : 'refused';
        })(socket);
      });
      scene.finally(() => racing.close());
      const kind = hookBehind(`http://127.0.0.1:${String(racing.port)}/`, { concurrency: 1 });
      await scene.start({ config: { sinks: { pager: kind.block('') } } });
      for (let count = 1; count <= 5; count += 1) {
        await scene.client.insist(reports(1));
        await scene.until(() => pager.received().length === count, 30_000);
      }
      expect(racing.connections()).toBeGreaterThan(1);
      expect(await deadLetters(scene)).toEqual([]);
      expect((await scene.account()).sinks['pager']?.duplicates).toBe(0);
    },
  );

  fault(
    {
      number: 44,
      title: 'TLS that is not as it should be',
      fault:
        'certificates that have ended, are for another host, signed by themselves or with SHA-1; TLS 1.0; a handshake that hangs',
      expected:
        'not a byte of a request is sent; the reason is told; with a good certificate it goes on without a restart',
    },
    async (scene) => {
      const authority = new Authority(scene.folder);
      const pager = await scene.sink({ kind: hook });
      let served = 0;
      const serve = (socket: Socket): void => {
        socket.once('data', () => (served += 1));
        passTo(portOf(pager.server.url))(socket);
      };
      const bad = {
        ended: authority.issue({ days: -1 }),
        elsewhere: authority.issue({ altName: 'DNS:other.example.com' }),
        own: authority.issue({ isSelfSigned: true }),
        weak: authority.issue({ digest: 'sha1' }),
        good: authority.issue(),
      };
      const mended = await startTlsFront({ ...bad.ended }, serve);
      const fronts = {
        elsewhere: await startTlsFront({ ...bad.elsewhere, ciphers }, serve),
        own: await startTlsFront({ ...bad.own, ciphers }, serve),
        weak: await startTlsFront({ ...bad.weak, ciphers }, serve),
        old: await startTlsFront({ ...bad.good, ciphers, minVersion: 'TLSv1', maxVersion: 'TLSv1' }, serve),
        hanging: await startFront(() => undefined),
      };
      for (const front of [mended, ...Object.values(fronts)]) scene.finally(() => front.close());
      const urlOf = ({ port }: { readonly port: number }): string => `https://127.0.0.1:${String(port)}/`;
      const blocks = Object.entries(fronts).map(([name, front]) => [name, hookBehind(urlOf(front)).block('')]);
      await scene.start({
        config: {
          sinks: { pager: hookBehind(urlOf(mended)).block(''), ...(Object.fromEntries(blocks) as object) },
          routes: [{ name: 'all', to: 'pager' }],
        },
        env: { NODE_EXTRA_CA_CERTS: authority.file },
      });
      await scene.client.insist(reports(3));

      const tests = Object.keys(fronts).map(async (name) => [name, await testSink(scene, name)] as const);
      const told = Object.fromEntries(await Promise.all(tests));
      expect(told).toMatchObject({
        elsewhere: {
          outcome: 'parked',
          cause: 'tls',
          reason: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
        },
        own: { outcome: 'parked', cause: 'tls', reason: expect.stringContaining('SELF_SIGNED') },
        weak: { outcome: 'parked', cause: 'tls' },
        old: { outcome: 'retry', cause: 'tls' },
        hanging: { outcome: 'retry', cause: 'network' },
      });
      await scene.until(async () => (await stateOf(scene, 'pager'))?.state === 'parked');
      expect((await stateOf(scene, 'pager'))?.reason).toContain('CERT_HAS_EXPIRED');
      expect([served, pager.server.requests.length]).toEqual([0, 0]);

      mended.use(bad.good);
      await scene.until(() => pager.received().length === 3, 60_000);
    },
    { needs: [command('openssl', ['version'])], invariant: { complete: ['pager'] } },
  );
});

/** What OpenSSL would not even offer by itself. */
const ciphers = 'DEFAULT@SECLEVEL=0';
