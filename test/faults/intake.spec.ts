import { describe, expect } from '@jest/globals';
import { isUtf8 } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { linux } from './harness/needs.js';
import { cpuMs, exchange, headOf, peakMemory, percentile, RawConnection, statusOf } from './harness/raw.js';
import { alertOf, newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

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
      // The first ones bring the memory to what it is in use.
      for (let i = 0; i < 5; i += 1) await pour();
      const before = peakMemory(router.pid);
      for (let i = 0; i < 10; i += 1) await pour();
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
      expected: '408 at the time limit and the socket closed, while a healthy client is answered as ever',
    },
    async (scene) => {
      const router = await scene.start({ ingest: { requestTimeout: '3s' } });
      const timesOf = async (posts: number): Promise<number[]> => {
        const times: number[] = [];
        for (let i = 0; i < posts; i += 1) {
          const begun = performance.now();
          expect(await scene.client.post()).toBe(202);
          times.push(performance.now() - begun);
        }
        return times;
      };
      const alone = percentile(await timesOf(30), 0.99);
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
      const meanwhile = percentile(await timesOf(30), 0.99);
      // Less where the machine is quick; on a busy one, not much more than it was without them.
      expect(meanwhile).toBeLessThan(Math.max(200, 5 * alone));
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
