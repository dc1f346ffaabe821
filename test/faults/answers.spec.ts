import { describe, expect } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHttp, type HttpClient, type HttpOptions } from '../../src/kit/http.js';
import { startScriptedServer, type ScriptedServer } from '../support/scripted-server.js';
import { fault } from './harness/fault.js';
import { startFront } from './harness/front.js';
import { LoneSink } from './harness/lone-sink.js';
import type { Scene } from './harness/scene.js';

// What one call makes of the other side. No router runs, so there is nothing to account for.
const invariant = { none: 'no router takes part' };

async function serve(scene: Scene): Promise<ScriptedServer> {
  const server = await startScriptedServer(() => ({ status: 202, body: '{}' }));
  scene.finally(() => server.close());
  return server;
}

function client(scene: Scene, options: Partial<HttpOptions>): HttpClient {
  const http = openHttp({ headers: {}, allowCidrs: ['127.0.0.0/8'], connections: 1, ...options });
  scene.finally(() => http.close());
  return http;
}

describe('an answer', () => {
  fault(
    {
      number: 34,
      title: 'that never comes, comes a byte at a time, or does not end',
      fault: 'a sink takes the request and is silent, sends headers or a body byte by byte, or a body of 1 GB',
      expected:
        'the call ends with its total deadline (30 s, here 1 s) or after 64 kB; the connection is cut, and the next call goes through',
    },
    async (scene) => {
      const slow = (text: string) => (socket: Socket) => {
        let at = 0;
        const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), 20);
        socket.on('close', () => {
          clearInterval(timer);
        });
      };
      const head = 'HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n';
      let poured = 0;
      const behaviours: Readonly<Record<string, (socket: Socket) => void>> = {
        silent: () => undefined,
        'slow headers': slow(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000)}`),
        'slow body': (socket) => {
          socket.write(head);
          slow('z')(socket);
        },
        'no end': (socket) => {
          socket.write(head);
          const chunk = Buffer.alloc(65_536, 'z');
          const pour = (): void => {
            while (!socket.destroyed && poured < 1_000_000_000) {
              poured += chunk.length;
              if (!socket.write(chunk)) break;
            }
          };
          socket.on('drain', pour);
          pour();
        },
      };
      const calls = Object.entries(behaviours).map(async ([name, behave]) => {
        let isFirst = true;
        let closed = 0;
        const front = await startFront((socket) => {
          socket.on('close', () => (closed += 1));
          socket.once('data', () => {
            if (isFirst) behave(socket);
            else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
            isFirst = false;
          });
        });
        scene.finally(() => front.close());
        const http = client(scene, { deadlines: { totalMs: 1_000 } });
        const url = `http://127.0.0.1:${String(front.port)}/`;
        const first = await http.send({ method: 'POST', url, body: '{}' });
        await scene.until(() => closed === 1);
        const next = await http.send({ method: 'POST', url, body: '{}' });
        return [name, [first, next]] as const;
      });
      const told = Object.fromEntries(await Promise.all(calls));
      const failed = { kind: 'failure', cause: 'deadline', needsOperator: false };
      const good = { kind: 'answer', status: 200, text: 'ok' };
      for (const name of ['silent', 'slow headers', 'slow body']) expect(told[name]).toMatchObject([failed, good]);
      expect(told['no end']).toMatchObject([{ kind: 'answer', status: 200 }, good]);
      const [cut] = told['no end'] ?? [];
      expect(cut?.kind === 'answer' && cut.text.length).toBe(65_536);
      // What the system's buffers take beside it.
      expect(poured).toBeLessThan(50_000_000);
    },
    { invariant },
  );

  fault(
    {
      number: 41,
      title: 'of 2xx with a body that says nothing, or is a web page',
      fault: '200, 202 and 204 with nothing, with garbage, with a captive portal’s login page',
      expected: 'delivered, whatever the body; a page where Datadog never has one parks the sink and says what it was',
    },
    async (scene) => {
      const server = await serve(scene);
      const url = server.url;
      const lone = [
        ...['events', 'events-v2', 'logs'].map((intake) =>
          LoneSink.open(scene, 'datadog', { intake, apiKey: 'SEKRET_datadog', endpoint: url }),
        ),
        LoneSink.open(scene, 'webhook', { url }),
      ];
      for (const status of [200, 202, 204]) {
        for (const body of status === 204 ? [''] : ['', 'garbage', '{"status":', '\u0000\u00ff', '[]']) {
          server.always({ kind: 'answer', status, body });
          for (const sink of lone) expect(await sink.deliver()).toMatchObject([{ kind: 'delivered' }]);
        }
      }
      const page = '<!doctype html><title>Log in to the guest network</title>';
      server.always({
        kind: 'answer',
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: page,
      });
      for (const sink of lone.slice(0, 3)) {
        expect(await sink.deliver()).toMatchObject([
          { kind: 'parked', cause: 'http', answer: { status: 200, excerpt: page } },
        ]);
      }
      // Many a receiver of webhooks answers with a page; what it was is kept with the attempt.
      expect(await lone[3]?.deliver()).toMatchObject([{ kind: 'delivered', answer: { status: 200, excerpt: page } }]);
    },
    { invariant },
  );

  fault(
    {
      number: 42,
      title: 'that redirects',
      fault: '301, 302, 303, 307 and 308 to itself, to another port of 127.0.0.1, to cloud metadata',
      expected: 'not followed, and the sink is parked: its URL is to be corrected',
    },
    async (scene) => {
      const server = await serve(scene);
      const canary = await serve(scene);
      const lone = [
        LoneSink.open(scene, 'datadog', { apiKey: 'SEKRET_datadog', endpoint: server.url }),
        LoneSink.open(scene, 'webhook', { url: server.url }),
      ];
      let calls = 0;
      for (const status of [301, 302, 303, 307, 308]) {
        for (const location of ['/', server.url, canary.url, 'http://169.254.169.254/latest/meta-data/']) {
          server.always({ kind: 'answer', status, headers: { location } });
          for (const sink of lone) {
            expect(await sink.deliver()).toMatchObject([
              { kind: 'parked', cause: 'http', reason: expect.stringContaining('redirects are not followed') },
            ]);
            calls += 1;
          }
        }
      }
      expect([server.requests.length, canary.requests.length]).toEqual([calls, 0]);
    },
    { invariant },
  );
});

describe('a name', () => {
  fault(
    {
      number: 45,
      title: 'that is unknown, cannot be looked up, takes long, or leads to a dead address first',
      fault: 'a resolver that says NXDOMAIN, SERVFAIL, nothing for long, no address, or another thing each time',
      expected:
        'an unknown name parks the sink, all else is tried again; the second address is taken where the first is dead; fifty calls wait for one query',
    },
    async (scene) => {
      const server = await serve(scene);
      const url = `http://api.example.com:${new URL(server.url).port}/`;
      const at = (...addresses: string[]): Promise<readonly LookupAddress[]> =>
        Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
      const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));
      const send = (resolve: NonNullable<HttpOptions['resolve']>, options: Partial<HttpOptions> = {}) =>
        client(scene, { resolve, ...options }).send({ method: 'POST', url, body: '{}' });

      expect(await send(failing('ENOTFOUND'))).toMatchObject({ cause: 'dns', needsOperator: true });
      expect(await send(() => at())).toMatchObject({ cause: 'dns', needsOperator: true });
      for (const code of ['EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA']) {
        expect(await send(failing(code))).toMatchObject({ cause: 'dns', needsOperator: false });
      }
      const never = () => new Promise<never>(() => undefined);
      expect(await send(never, { deadlines: { connectMs: 300 } })).toMatchObject({ needsOperator: false });
      expect(server.requests).toHaveLength(0);

      const answers = [failing('EAI_AGAIN'), () => at('127.0.0.1'), failing('ENOTFOUND')];
      const flapping = client(scene, { resolve: () => answers.shift()?.() ?? at('127.0.0.1') });
      expect(await flapping.send({ method: 'POST', url })).toMatchObject({ cause: 'dns', needsOperator: false });
      expect(await flapping.send({ method: 'POST', url })).toMatchObject({ status: 202 });

      // Nothing listens on the first.
      expect(await send(() => at('127.0.0.99', '127.0.0.1'))).toMatchObject({ status: 202 });

      let queries = 0;
      const slow = async (): Promise<readonly LookupAddress[]> => {
        queries += 1;
        await sleep(200);
        return at('127.0.0.1');
      };
      const busy = client(scene, { resolve: slow, connections: 50 });
      const sent = await Promise.all(Array.from({ length: 50 }, () => busy.send({ method: 'POST', url })));
      expect(sent.filter((one) => one.kind === 'answer')).toHaveLength(50);
      expect(queries).toBe(1);
    },
    { invariant },
  );
});
