import { describe, expect } from '@jest/globals';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartOptions } from '../../support/router-process.js';
import { fault } from '../harness/fault.js';
import { killAtRandom, mostInFlight } from '../harness/kill-at-random.js';
import { linux, root } from '../harness/needs.js';
import { newFinding, reportOf } from '../harness/report.js';
import type { Scene } from '../harness/scene.js';

describe('a router', () => {
  fault(
    {
      number: 8,
      title: 'killed for a minute',
      fault: 'kill -9 at random moments for 60 s under load',
      expected: 'nothing lost; repeated is no more than what was in flight at each kill',
    },
    async (scene) => {
      await scene.start();
      const { kills, slowestStartMs } = await killAtRandom(scene, { forMs: 60_000, findingsPerSecond: 100 });
      const account = await scene.account();
      const { received, duplicates } = account.sinks['pager'] ?? { received: 0, duplicates: Number.NaN };
      console.info(
        `kill -9 for 60 s: ${String(kills)} kills, the slowest start took ${String(Math.round(slowestStartMs))} ms; ` +
          `${String(account.acked)} answered 2xx, ${String(received)} delivered, ${String(duplicates)} repeated`,
      );
      expect(kills).toBeGreaterThan(5);
      expect(duplicates).toBeLessThanOrEqual(kills * mostInFlight);
    },
    { timeoutMs: 300_000 },
  );

  fault(
    {
      number: 15,
      title: 'with little memory',
      fault:
        '10,000 alerts of 64 kB wait for a slow sink, in a process that may have 200 MB, 96 of them for JavaScript',
      expected: 'what waits is on the disk: it stays below the limit, is not killed, and delivers all of it',
    },
    async (scene) => {
      const sink = await scene.sink();
      sink.server.always({ kind: 'answer', status: 503 });
      const router = await scene.prepare();
      await router.start(limited(scene, 200_000_000));
      const { pid } = router;
      const filler = { latest_events: [{ text: 'x'.repeat(64_000) }] };
      const post = async (): Promise<void> => {
        for (let i = 0; i < 1_250; i += 1) {
          const report = [reportOf(newFinding())];
          while ((await scene.client.post(report, filler)) !== 202);
        }
      };
      await Promise.all(Array.from({ length: 8 }, post));
      expect(scene.client.acked()).toHaveLength(10_000);
      sink.server.always();
      const account = await scene.account({ idleWithinMs: 300_000, maxPeakBytes: 200_000_000 });
      console.info(
        `10,000 alerts of 64 kB waited: at most ${String(Math.round(account.peakBytes / 1e6))} MB of memory`,
      );
      expect(router.pid).toBe(pid);
      expect(account.sinks['pager']?.received).toBe(10_000);
    },
    { needs: [linux, root], timeoutMs: 900_000, invariant: { maxPeakBytes: 200_000_000 } },
  );
});

/** In a control group with so many bytes of memory, of version 1 or 2, whichever is mounted. */
function limited(scene: Scene, bytes: number): StartOptions {
  const isOld = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  const group = join(isOld ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup', `signalbox-${String(process.pid)}`);
  mkdirSync(group);
  scene.finally(() => {
    rmdirSync(group);
  });
  writeFileSync(join(group, isOld ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes));
  return {
    env: { NODE_OPTIONS: '--max-old-space-size=96' },
    wrap: ['sh', '-c', `echo $$ > ${join(group, 'cgroup.procs')} && exec "$@"`, 'sh'],
  };
}
