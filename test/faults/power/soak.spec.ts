import { describe, expect } from '@jest/globals';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Step } from '../../support/scripted-server.js';
import type { FakeSink } from '../harness/fake-sink.js';
import { fault } from '../harness/fault.js';
import { linux } from '../harness/needs.js';
import type { Scene } from '../harness/scene.js';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 10);
const findingsPerSecond = 100;
/** Between two faults. */
const quietMs = 5_000;
const mostWalBytes = 64_000_000;

type Sample = { readonly rss: number; readonly files: number; readonly wal: number };

describe('a router', () => {
  fault(
    {
      number: 92,
      title: 'for ten minutes',
      fault:
        'about 200 requests a second and every few seconds another fault: kill -9, SIGTERM, SIGSTOP, a sink that fails, hangs, resets or asks to wait; in the second half none that ends the process',
      expected: 'nothing lost, order kept; memory and open files do not grow, the WAL stays below 64 MB',
    },
    async (scene) => {
      const sink = await scene.sink();
      const router = await scene.start();
      const load = new AbortController();
      const loading = scene.client.load(findingsPerSecond, load.signal);
      const half = (minutes / 2) * 60_000;
      await trouble(scene, half, [...sinkFaults(sink), ...processFaults(scene)]);
      const { pid } = router;
      const samples = await trouble(scene, half, sinkFaults(sink));
      load.abort();
      await loading;
      const account = await scene.account({ idleWithinMs: 300_000 });
      expect(router.pid).toBe(pid);

      const third = Math.floor(samples.length / 3);
      const early = mean(samples.slice(0, third).map(({ rss }) => rss));
      const late = mean(samples.slice(-third).map(({ rss }) => rss));
      const files = samples.map((sample) => sample.files);
      const wal = Math.max(...samples.map((sample) => sample.wal));
      console.info(
        `soak: ${String(account.acked)} answered 2xx, ${JSON.stringify(account.sinks['pager'])}; memory from ` +
          `${inMB(early)} to ${inMB(late)}, at most ${inMB(account.peakBytes)}; files ${String(Math.min(...files))} to ` +
          `${String(Math.max(...files))}, now ${String(sampleOf(scene).files)}; WAL at most ${inMB(wal)}`,
      );
      expect(late).toBeLessThan(early * 1.25 + 20_000_000);
      expect(sampleOf(scene).files).toBeLessThanOrEqual(Math.max(...files.slice(0, third)));
      expect(wal).toBeLessThan(mostWalBytes);
    },
    { needs: [linux], timeoutMs: minutes * 60_000 + 600_000 },
  );
});

type Trouble = () => Promise<void>;

/** One fault after the other, taken at random, with a look at the process after each. */
async function trouble(scene: Scene, forMs: number, faults: readonly Trouble[]): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    await sleep(quietMs);
    await faults[Math.floor(Math.random() * faults.length)]?.();
    samples.push(sampleOf(scene));
  }
  return samples;
}

function sinkFaults({ server }: FakeSink): readonly Trouble[] {
  const steps: readonly Step[] = [
    { kind: 'answer', status: 503 },
    { kind: 'answer', status: 429, headers: { 'retry-after': '1' } },
    { kind: 'hang-after-headers' },
    { kind: 'reset', when: 'after-taking' },
    { kind: 'usual', delayMs: 500 },
  ];
  return steps.map((step) => async () => {
    server.always(step);
    await sleep(2_000);
    server.always();
  });
}

function processFaults({ router }: Scene): readonly Trouble[] {
  const again = (signal: NodeJS.Signals) => async (): Promise<void> => {
    await router.stop(signal);
    await router.start();
  };
  const pause = async (): Promise<void> => {
    router.signal('SIGSTOP');
    await sleep(2_000);
    router.signal('SIGCONT');
  };
  return [again('SIGKILL'), again('SIGTERM'), pause];
}

function sampleOf({ router, journalPath }: Scene): Sample {
  const folder = `/proc/${String(router.pid)}`;
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`${folder}/status`, 'utf8')) ?? [];
  const wal = statSync(`${journalPath}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  return { rss: Number(kilobytes) * 1_024, files: readdirSync(`${folder}/fd`).length, wal };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function inMB(bytes: number): string {
  return `${String(Math.round(bytes / 1_000_000))} MB`;
}
