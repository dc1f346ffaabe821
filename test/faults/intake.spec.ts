import { describe, expect } from '@jest/globals';
import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Ledger } from '../../src/core/ledger.js';
import type { SourcePlugin } from '../../src/core/source.js';
import { NoAuth, type SourceOptions } from '../../src/kit/source-options.js';
import { sources } from '../../src/sources/index.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { linux } from './harness/needs.js';
import { postTo } from './harness/post-to.js';
import { cpuMs, exchange, headOf, peakMemory, RawConnection, statusOf } from './harness/raw.js';
import { alertOf, newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';
import { describeTimes, timePosts } from './harness/time-posts.js';

const chunkOf = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/** Posts a body with the right token; the answer, read. */
async function post(scene: Scene, body: string | Buffer, headers: Record<string, string> = {}) {
  const answer = await fetch(`${scene.router.ingest}/v1/ingest/vendor`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sourceToken}`, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
  return { status: answer.status, told: (await answer.json()) as { alerts: { id: string }[]; quarantined: number } };
}

async function rawBody(scene: Scene, id: string): Promise<Buffer> {
  const answer = await fetch(`${scene.router.admin}/api/v1/alerts/${id}/raw`);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

describe('a body', () => {
  fault(
    {
      number: 52,
      title: 'of 100 MB',
      fault: 'a length of 100 MB declared; 100 MB in chunks; a declared length that is too low, and one too high',
      expected: '413 early and the connection closed, memory grows by less than 8 MB; a length that lies: 400, 408',
    },
    async (scene) => {
      const router = await scene.start({ ingest: { maxBody: '1mb', maxInflated: '1mb', requestTimeout: '2s' } });
      expect(statusOf(await exchange(router, headOf(['Content-Length: 100000000'])))).toBe(413);
      const chunk = chunkOf(Buffer.alloc(100_000, 'x'));
      const pour = async (): Promise<void> => {
        const connection = new RawConnection(router);
        await connection.write(headOf(['Transfer-Encoding: chunked']));
        let chunks = 0;
        for (; chunks < 1_000 && connection.socket.writable; chunks += 1) await connection.write(chunk);
        expect(statusOf(await connection.ended)).toBe(413);
        expect(chunks).toBeLessThan(1_000);
      };
      // Ten at once bring the memory to what it is in use.
      await Promise.all(Array.from({ length: 10 }, pour));
      const before = peakMemory(router.pid);
      await pour();
      expect(peakMemory(router.pid) - before).toBeLessThan(8_000_000);

      // Ten bytes are the body, authentic and unreadable; the rest is no request.
      const low = await exchange(router, headOf(['Content-Length: 10']), 'x'.repeat(10), 'and what is this?\r\n\r\n');
      expect([...low.matchAll(/HTTP\/1\.1 (\d+)/g)].at(-1)?.[1]).toBe('400');
      expect(statusOf(await exchange(router, headOf(['Content-Length: 50']), 'x'))).toBe(408);
      expect(await scene.client.post()).toBe(202);
    },
    { needs: [linux] },
  );

  fault(
    {
      number: 53,
      title: 'that inflates without end',
      fault: '100 kB of gzip and a few bytes of brotli that become 100 MB; two codings; gzip cut off',
      expected: '413 at the limit of inflated bytes, 415, 400; less than 50 ms of processor time each',
    },
    async (scene) => {
      const router = await scene.start();
      const zeros = Buffer.alloc(100_000_000);
      const bomb = gzipSync(zeros);
      const nested = gzipSync(bomb);
      const brotli = brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
      const bombs = [
        { coding: 'gzip', body: bomb, status: 413 },
        { coding: 'br', body: brotli, status: 413 },
        { coding: 'gzip, gzip', body: nested, status: 415 },
        { coding: 'gzip', body: gzipSync('{"alerts": []}').subarray(0, 20), status: 400 },
      ];
      for (const { coding, body, status } of bombs) {
        expect((await post(scene, body, { 'content-encoding': coding })).status).toBe(status);
      }
      const before = cpuMs(router.pid);
      for (let i = 0; i < 5; i += 1) {
        for (const { coding, body } of bombs) await post(scene, body, { 'content-encoding': coding });
      }
      expect((cpuMs(router.pid) - before) / (5 * bombs.length)).toBeLessThan(50);
      // Wrapped twice and declared once: what is inside is a body like any other, and no JSON.
      expect(nested.length).toBeLessThan(10_000);
      expect((await post(scene, nested, { 'content-encoding': 'gzip' })).status).toBe(202);
      const report = reportOf(newFinding());
      const packed = gzipSync(JSON.stringify({ alerts: [alertOf(report)] }));
      expect(await scene.client.postBody([report], { body: packed, headers: { 'content-encoding': 'gzip' } })).toBe(
        202,
      );
    },
    { needs: [linux] },
  );

  fault(
    {
      number: 54,
      title: 'deeper, wider or longer than any report',
      fault: 'JSON of 10,000 and 500,000 levels, a million keys, a million alerts, a text of 10 MB',
      expected:
        '202, and the bytes are kept with a reason: found by a scan before the parser where it is depth; of more than 20,000 alerts none is read; never 500, and the router goes on',
    },
    async (scene) => {
      const router = await scene.start({ ingest: { maxBody: '20mb', maxInflated: '20mb' } });
      const bodies: readonly (readonly [string, string])[] = [
        ['too_deep', `{"alerts":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
        ['too_deep', '['.repeat(500_000)],
        ['too_deep', '{"a":'.repeat(100_000)],
        ['no_alerts', `{${Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":1`).join()}}`],
        ['too_many', `{"alerts":[${'{},'.repeat(999_999)}{}]}`],
        ['not_an_alert', `{"alerts":["${'x'.repeat(10_000_000)}"]}`],
      ];
      for (const [reason, body] of bodies) {
        const { status, told } = await post(scene, body);
        expect([reason, status, told.quarantined]).toEqual([reason, 202, 1]);
        expect((await rawBody(scene, told.alerts[0]?.id ?? '')).equals(Buffer.from(body))).toBe(true);
        const { items } = await askAdmin<{ items: { reason: string }[] }>(router, '/api/v1/quarantine?limit=1');
        expect(items[0]?.reason).toMatch(reason);
      }
      expect(await scene.client.post()).toBe(202);
    },
    { invariant: { maxPeakBytes: 1_500_000_000 } },
  );

  fault(
    {
      number: 54,
      title: 'of many alerts',
      fault: '20,000 alerts in one body, while another source sends one webhook after the other',
      expected:
        'read and written in parts of at most 1,000 alerts, and answered once: 202, when all are on disk; the others are answered meanwhile, the slowest in less than a third of the time that the body takes',
    },
    async (scene) => {
      const auth = { type: 'bearer', secret: sourceToken };
      const sources = { vendor: { type: 'threatstack', auth }, quiet: { type: 'threatstack', auth } };
      // To no sink: this process is one, and would count its own work as the router's.
      const router = await scene.start({ ingest: { maxBody: '20mb' }, config: { sources, routes: [] } });
      const postQuiet = () => postTo(scene, 'quiet', sourceToken, reportOf(newFinding()));
      for (let i = 0; i < 100; i += 1) expect(await postQuiet()).toBe(202);

      const reports = Array.from({ length: 20_000 }, () => reportOf(newFinding()));
      const body = JSON.stringify({ alerts: reports.map(alertOf) });
      const clock = { tookMs: undefined as number | undefined };
      const began = performance.now();
      const large = scene.client.postBody(reports, { body }).finally(() => {
        clock.tookMs = performance.now() - began;
      });
      const answerMs: number[] = [];
      for (let from = performance.now(); clock.tookMs === undefined; from = performance.now()) {
        expect(await postQuiet()).toBe(202);
        answerMs.push(performance.now() - from);
        await sleep(5);
      }
      expect(await large).toBe(202);
      const { tookMs = 0 } = clock;
      const slowest = Math.max(...answerMs);
      console.info(`54: ${tookMs.toFixed(0)} ms; the slowest of ${answerMs.length} others ${slowest.toFixed(0)} ms`);
      expect(answerMs.length).toBeGreaterThan(5);
      expect(slowest).toBeLessThan(tookMs / 3);
      expect(new Set(scene.client.acked().map(({ id }) => id)).size).toBe(reports.length);
      expect((await askAdmin<Ledger>(router, '/api/v1/ledger')).balanced).toBe(true);
    },
    { invariant: { complete: [], maxPeakBytes: 600_000_000 } },
  );

  fault(
    {
      number: 54,
      title: 'of many alerts, of which some are on disk',
      fault: 'kill -9 between the two parts of a body of 1,500 alerts; the sender sends it again after the restart',
      expected: 'no 2xx; what was on disk is a duplicate then, the rest is accepted: each alert once, none lost',
    },
    async (scene) => {
      const sink = await scene.sink({ kind: 'datadog-logs' });
      const router = await scene.prepare();
      await router.start(scene.testBuild.crashAt('fsynced'));
      const reports = Array.from({ length: 1_500 }, () => reportOf(newFinding()));
      expect(await scene.client.post(reports)).toBeUndefined();
      expect(await router.exited()).toBe('SIGKILL');

      await router.start();
      const { balanced, totals } = await askAdmin<Ledger>(router, '/api/v1/ledger');
      const kept = totals.sources.find(({ source }) => source === 'vendor')?.accepted ?? 0;
      expect([balanced, kept > 0, kept < reports.length]).toEqual([true, true, true]);
      expect(await scene.client.post(reports)).toBe(202);
      const { sources } = (await askAdmin<Ledger>(router, '/api/v1/ledger')).totals;
      expect(sources.find(({ source }) => source === 'vendor')).toMatchObject({
        accepted: reports.length,
        duplicates: kept,
      });
      await scene.account();
      expect(new Set(sink.received().map(({ name }) => name)).size).toBe(reports.length);
    },
  );

  fault(
    {
      number: 63,
      title: 'with names that mean something to a language',
      fault:
        '__proto__, constructor, prototype, toString, hasOwnProperty and length as names at every depth, in the query and in headers',
      expected: '202 and delivered; no object anywhere has a member more than before',
    },
    async (scene) => {
      await scene.start();
      const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length'];
      const nested = (depth: number): string =>
        depth === 0 ? '{"polluted":"yes"}' : `{${names.map((name) => `"${name}":${nested(depth - 1)}`).join()}}`;
      const report = reportOf(newFinding());
      const alert = JSON.stringify(alertOf(report)).slice(0, -1);
      const body = `{"alerts":[${alert},"context":${nested(2)},"__proto__":${nested(1)}}],"__proto__":{"polluted":"yes"}}`;
      const headers = { __proto__x: 'x', 'x-constructor': 'prototype', constructor: 'x', tostring: 'x' };
      const query = '?__proto__[polluted]=yes&constructor.prototype.polluted=yes';
      expect(await scene.client.postBody([report], { body, headers, query })).toBe(202);
      const id = scene.client.acked()[0]?.id ?? '';
      // What an inherited member would show in: objects the router makes anew for each answer.
      const answers = await Promise.all(
        [`/api/v1/alerts/${id}`, '/api/v1/sources', '/api/v1/sinks'].map(async (path) =>
          (await fetch(scene.router.admin + path)).text(),
        ),
      );
      expect(answers.slice(1).join()).not.toContain('polluted');
      expect(await scene.client.post()).toBe(202);

      // The same readers in this process, where it can be looked at.
      for (const plugin of sources as readonly unknown[] as readonly SourcePlugin<SourceOptions>[]) {
        const options = Object.assign(new plugin.options(), { auth: new NoAuth() });
        const source = plugin.open(options, { name: plugin.type, now: Date.now });
        for (const sent of [body, `[${nested(3)}]`, nested(3)]) {
          source.read({ headers: {}, body: Buffer.from(sent), path: '/', remoteAddress: '192.0.2.1' });
        }
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );

  fault(
    {
      number: 84,
      title: 'in each of the vendors’ odd shapes',
      fault:
        'every fixture of the three sources; severities as words and numbers, lists that are missing, null, empty or mixed',
      expected:
        '202 for all, never 500; a bad element is quarantined alone; what a fixture becomes is held by the source’s own spec',
    },
    async (scene) => {
      const auth = { type: 'bearer', secret: sourceToken };
      const types = ['threatstack', 'datatheorem', 'alertlogic'];
      await scene.start({
        config: { sources: Object.fromEntries(types.map((type) => [type, { type, auth }])), routes: [] },
      });
      const to = async (type: string, body: string | Buffer) => {
        const answer = await fetch(`${scene.router.ingest}/v1/ingest/${type}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${sourceToken}` },
          body: new Uint8Array(Buffer.from(body)),
        });
        return { status: answer.status, told: (await answer.json()) as { accepted: number; quarantined: number } };
      };
      for (const type of types) {
        const folder = new URL(`../../src/sources/${type}/fixtures/`, import.meta.url);
        const bodies = readdirSync(folder).filter(
          (name) => /\.(json|txt)$/.test(name) && !/\.(expected|headers)\./.test(name),
        );
        expect(bodies.length).toBeGreaterThan(5);
        for (const name of bodies) {
          const { status } = await to(type, readFileSync(new URL(name, folder)));
          expect([name, status]).toEqual([name, 202]);
        }
      }
      const alert = { id: 'a1', title: 'odd', created_at: Date.now() };
      for (const [i, severity] of ['high', '9', 9, null, {}, -1, 'nonsense'].entries()) {
        const { status, told } = await to(
          'threatstack',
          JSON.stringify({ alerts: [{ ...alert, id: `s-${i}`, severity }] }),
        );
        expect([status, told.accepted]).toEqual([202, 1]);
      }
      for (const body of ['{}', '{"alerts":null}', '{"alerts":[]}', 'null', '"Hello, world!"', '', '[[]]']) {
        for (const type of types) expect((await to(type, body)).status).toBe(202);
      }
      const { told } = await to(
        'threatstack',
        JSON.stringify({ alerts: [{ ...alert, id: 'good' }, 7, { ...alert, id: 'also' }] }),
      );
      expect(told).toMatchObject({ accepted: 2, quarantined: 1 });
    },
    { invariant: { complete: [] } },
  );

  fault(
    {
      number: 55,
      title: 'in no proper text',
      fault: 'invalid UTF-8, overlong forms, lone surrogates, a byte order mark, UTF-16, NUL',
      expected:
        '202 and the exact bytes kept; text is replaced and flagged, or unread; what a sink gets is well formed',
    },
    async (scene) => {
      const sink = await scene.sink();
      await scene.start();
      const titled = (title: string | Buffer) => {
        const report = reportOf(newFinding());
        const [start = '', rest = ''] = JSON.stringify({
          alerts: [{ ...alertOf(report), title: `${report.name} ~` }],
        }).split('~');
        return { report, body: Buffer.concat([Buffer.from(start), Buffer.from(title), Buffer.from(rest)]) };
      };
      const plain = titled('plain');
      const odd = [
        titled(Buffer.from([0xff, 0xfe, 0x80])),
        titled(Buffer.from([0xc0, 0xaf, 0xe0, 0x80, 0xaf])),
        titled('\\ud800 and \\udc00\\ud800'),
        titled('nul \\u0000 and \\u0007'),
        { report: plain.report, body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), plain.body]) },
      ];
      const wide = titled('wide');
      const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(wide.body.toString('utf8'), 'utf16le')]);
      for (const { report, body } of [...odd, { report: wide.report, body: utf16 }]) {
        expect(
          await scene.client.postBody([report], {
            body,
            headers: { 'content-type': 'application/json; charset=utf-16' },
          }),
        ).toBe(202);
        const id = scene.client.acked().at(-1)?.id ?? '';
        expect(await rawBody(scene, id)).toEqual(body);
      }
      const { told } = await post(scene, Buffer.from([0x7b, 0x00, 0xff, 0x22]));
      expect(told.quarantined).toBe(1);
      expect(await rawBody(scene, told.alerts[0]?.id ?? '')).toEqual(Buffer.from([0x7b, 0x00, 0xff, 0x22]));

      const [replaced] = scene.client.acked();
      const { alert } = await askAdmin<{ alert: { quality: string[] } }>(
        scene.router,
        `/api/v1/alerts/${replaced?.id ?? ''}`,
      );
      expect(alert.quality).toContain('invalid_utf8_replaced');
      await scene.until(() => sink.received().length === odd.length + 1);
      for (const { body } of sink.server.requests) {
        expect(isUtf8(body)).toBe(true);
        const texts = Object.values(JSON.parse(body.toString() || '{}') as Record<string, unknown>);
        expect(texts.every((text) => typeof text !== 'string' || !/\p{Surrogate}/u.test(text))).toBe(true);
      }
    },
  );
});

describe('connections', () => {
  fault(
    {
      number: 56,
      title: 'by the hundreds that send slowly, or nothing',
      fault: '500 sockets: headers, bodies and chunks that come a byte at a time, and some that send nothing',
      expected:
        '408 at the time limit and the socket closed; a healthy client is answered within 200 ms meanwhile in 99 of 100 cases, which is printed',
    },
    async (scene) => {
      const router = await scene.start({ ingest: { requestTimeout: '3s' } });
      await timePosts(scene, { forMs: 500 });
      const alone = await timePosts(scene, { forMs: 2_000, pauseMs: 5 });
      const beginnings = [
        'POST /v1/ingest/vendor HTTP/1.1\r\nHost: a\r\nX-Slow: ',
        headOf(['Content-Length: 5000']),
        headOf(['Transfer-Encoding: chunked']),
        '',
      ];
      const sockets = Array.from({ length: 500 }, (_, i) => {
        const connection = new RawConnection(router);
        const beginning = beginnings[i % beginnings.length] ?? '';
        void connection.write(beginning);
        const bytes = beginning.includes('chunked') ? '1\r\nx\r\n' : 'x';
        const drip = setInterval(() => {
          if (beginning !== '' && connection.socket.writable) connection.socket.write(bytes);
        }, 500);
        void connection.ended.then(() => {
          clearInterval(drip);
        });
        return connection;
      });
      await sleep(500);
      const meanwhile = await timePosts(scene, { forMs: 2_000, pauseMs: 5 });
      console.info(`56: ${describeTimes(meanwhile)}; without them ${describeTimes(alone)}`);
      expect(meanwhile.p99).toBeLessThan(200);
      const answers = await Promise.all(sockets.map(({ ended }) => ended));
      answers.forEach((answer, i) => {
        expect(answer === '' ? beginnings[i % beginnings.length] : statusOf(answer)).toBe(answer === '' ? '' : 408);
      });
    },
  );
});

describe('a pattern of a route', () => {
  fault(
    {
      number: 64,
      title: 'that would take for ever elsewhere',
      fault: 'the route /^(a+)+$/ and 50 kB of a with something else at the end, beside a hundred other patterns',
      expected: 'patterns run on RE2, in time that grows with the text alone: the router answers others meanwhile',
    },
    async (scene) => {
      const sink = await scene.sink();
      const router = await scene.start({
        config: {
          routes: [
            { name: 'evil', match: { title: '/^(a+)+$/' }, to: sink.name },
            ...Array.from({ length: 100 }, (_, i) => ({
              name: `p${i}`,
              match: { title: `/(x*)*y{1,${i + 1}}$/` },
              to: sink.name,
            })),
            { name: 'all', to: sink.name },
          ],
        },
      });
      const report = reportOf(newFinding());
      const title = `${'a'.repeat(50_000)}! ${report.name}`;
      const body = JSON.stringify({
        alerts: [{ ...alertOf(report), title, description: report.name, host: report.name }],
      });
      const before = cpuMs(router.pid);
      expect(await scene.client.postBody([report], { body })).toBe(202);
      expect(cpuMs(router.pid) - before).toBeLessThan(1_000);
      expect(await scene.client.post()).toBe(202);
    },
    { needs: [linux], invariant: { complete: [] } },
  );
});
