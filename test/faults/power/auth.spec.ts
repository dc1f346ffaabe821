import 'reflect-metadata';
import { describe, expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../../../src/core/secret.js';
import { authenticator } from '../../../src/kit/authenticate.js';
import { BearerAuth, SourceOptions } from '../../../src/kit/source-options.js';
import { fault } from '../harness/fault.js';
import { linux } from '../harness/needs.js';

/** More than this, and the two are told apart: https://www.rambus.com/tvla, who take 4.5 too. */
const noise = 4.5;
const samples = 20_000;
const blocks = 40;
const callsASample = 20;

describe('a credential', () => {
  fault(
    {
      number: 69,
      title: 'guessed by the time of the answer',
      fault: '20,000 samples of a token that is right but for its last character, and of random ones',
      expected:
        'they take the same time (Welch’s t of block medians within 4.5), while the same test tells a comparison apart that stops at the first difference',
    },
    () => {
      const right = randomBytes(128).toString('hex');
      const wrongAtTheEnd = Array.from(
        { length: 64 },
        (_, i) => `${right.slice(0, -1)}${right.endsWith('x') ? i : 'x'}`,
      );
      const random = Array.from({ length: 64 }, () => randomBytes(128).toString('hex'));
      const options = Object.assign(new SourceOptions(), {
        auth: [Object.assign(new BearerAuth(), { secret: [new Secret(right)] })],
      });
      const { authenticate } = authenticator(options, { now: Date.now });
      const ours = (token: string): boolean =>
        authenticate({
          headers: { authorization: `Bearer ${token}` },
          body: Buffer.alloc(0),
          path: '/',
          remoteAddress: '192.0.2.1',
        }).ok;
      const careless = (token: string): boolean => {
        for (let i = 0; i < right.length; i += 1) if (token.charCodeAt(i) !== right.charCodeAt(i)) return false;
        return true;
      };
      expect(ours(right)).toBe(true);
      const t = Math.abs(welch(ours, wrongAtTheEnd, random));
      const control = Math.abs(welch(careless, wrongAtTheEnd, random));
      console.info(`time of an answer: |t| = ${t.toFixed(1)}; of a careless comparison ${control.toFixed(1)}`);
      expect(control).toBeGreaterThan(noise);
      expect(t).toBeLessThan(noise);
      return Promise.resolve();
    },
    { invariant: { none: 'no router is asked' }, timeoutMs: 300_000 },
  );

  fault(
    {
      number: 71,
      title: 'tried by the thousands',
      fault:
        'thousands of wrong tokens a second from 16 addresses for 10 s, then from 12,000 addresses; 50 authenticated posts a second',
      expected:
        'nearly all get 429, at less than 0.2 ms of processor each; every authenticated post 202, and no slower but for the processor that is shared; memory does not grow with the addresses',
    },
    async (scene) => {
      const router = await scene.start();
      const [host, port] = ['127.0.0.1', Number(new URL(router.ingest).port)] as const;
      const guess = (localAddress: string): Promise<number> => exchange({ host, port, localAddress });
      for (let i = 0; i < 2_000; i += 1) await guess(`127.1.0.${String(1 + (i % 16))}`);

      // Of guesses alone, what each of them costs.
      const before = { cpu: cpuMs(router.pid), guesses: 4_000 };
      for (let first = 0; first < before.guesses; first += 40) {
        await Promise.all(Array.from({ length: 40 }, (_, i) => guess(`127.1.0.${String(1 + (i % 16))}`)));
      }
      const cpuEach = (cpuMs(router.pid) - before.cpu) / before.guesses;

      const quiet = await latencies(() => scene.client.post(), 100);
      let count = 0;
      const statuses = new Map<number, number>();
      const end = performance.now() + 10_000;
      const flood = Array.from({ length: 32 }, async (_, worker) => {
        while (performance.now() < end) {
          const status = await guess(`127.1.0.${String(1 + (worker % 16))}`);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          count += 1;
          // Some 3,000 a second: the client is in this process too, and should not wait for its own flood.
          await sleep(10);
        }
      });
      const loud = await latencies(() => scene.client.post(), 200);
      await Promise.all(flood);

      const bytesBefore = rssBytes(router.pid);
      for (let first = 0; first < 12_000; first += 40) {
        const addresses = Array.from({ length: 40 }, (_, i) => first + i);
        await Promise.all(addresses.map((n) => guess(`127.2.${String(n >> 8)}.${String(n & 255)}`)));
      }
      const grown = rssBytes(router.pid) - bytesBefore;
      console.info(
        `${String(Math.round(count / 10))} guesses a second, ${JSON.stringify(Object.fromEntries(statuses))}, ` +
          `${cpuEach.toFixed(3)} ms of processor each; authenticated p99 ${String(Math.round(quiet))} ms, ` +
          `in the flood ${String(Math.round(loud))} ms; memory for 12,000 addresses ${String(Math.round(grown / 1e6))} MB`,
      );
      expect([...statuses.keys()].every((status) => status === 429 || status === 401)).toBe(true);
      expect(statuses.get(429) ?? 0).toBeGreaterThan(count * 0.5);
      expect(cpuEach).toBeLessThan(0.2);
      expect(loud).toBeLessThan(quiet + 100);
      expect(grown).toBeLessThan(32_000_000);
      expect(scene.client.acked()).toHaveLength(300);
    },
    { needs: [linux], timeoutMs: 300_000 },
  );
});

/** Welch's t of the times of two groups of tokens, taken in turns; of the medians of blocks, which no outlier moves. */
function welch(holds: (token: string) => boolean, first: readonly string[], second: readonly string[]): number {
  const times: [number[], number[]] = [[], []];
  for (let i = -2_000; i < samples * 2; i += 1) {
    const which = i & 1;
    const tokens = which === 0 ? first : second;
    const token = tokens[(i >>> 1) % tokens.length] ?? '';
    const began = process.hrtime.bigint();
    for (let call = 0; call < callsASample; call += 1) holds(token);
    const took = Number(process.hrtime.bigint() - began);
    if (i >= 0) times[which === 0 ? 0 : 1].push(took);
  }
  const [a, b] = times.map((all) => {
    const size = all.length / blocks;
    const medians = Array.from({ length: blocks }, (_, i) => median(all.slice(i * size, (i + 1) * size)));
    const mean = medians.reduce((sum, each) => sum + each, 0) / blocks;
    const variance = medians.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (blocks - 1);
    return { mean, share: variance / blocks };
  }) as [{ mean: number; share: number }, { mean: number; share: number }];
  return (a.mean - b.mean) / Math.sqrt(a.share + b.share);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** One wrong token on a connection of its own; the status. */
function exchange(options: { host: string; port: number; localAddress: string }): Promise<number> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(options, () => {
      socket.write(
        'POST /v1/ingest/vendor HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}',
      );
    });
    socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(Number(said.slice(9, 12)));
    });
  });
}

/** The 99th of a hundred times of something that is done 50 times a second; in milliseconds. */
async function latencies(act: () => Promise<number | undefined>, count: number): Promise<number> {
  const times = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      await sleep(i * 20);
      const began = performance.now();
      expect(await act()).toBe(202);
      return performance.now() - began;
    }),
  );
  return times.toSorted((a, b) => a - b)[Math.floor(count * 0.99) - 1] ?? Number.NaN;
}

/** Processor time of all threads of a process so far; a tick is 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? [];
  return Number(kilobytes ?? 0) * 1_024;
}
