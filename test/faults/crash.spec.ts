import { describe, expect } from '@jest/globals';
import { fault } from './harness/fault.js';
import { newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';
import type { CrashPoint } from './harness/test-build.js';

/** Starts a router that dies at the point, posts one report to it, and waits for its end. */
async function dieAt(scene: Scene, point: CrashPoint) {
  const router = await scene.prepare();
  await router.start(scene.testBuild.crashAt(point));
  const report = reportOf(newFinding());
  const status = await scene.client.post([report]);
  expect(await router.exited()).toBe('SIGKILL');
  return { report, status };
}

describe('a router that is killed', () => {
  fault(
    {
      number: 1,
      title: 'before the insert',
      fault: 'kill -9 when a request was read and not handed to the journal yet',
      expected: 'the sender sees a reset, nothing of it is kept, and nothing is delivered until it is sent again',
    },
    async (scene) => {
      const { report, status } = await dieAt(scene, 'parsed');
      expect(status).toBeUndefined();
      expect((await scene.account()).sinks['pager']).toEqual({ received: 0, duplicates: 0, dead: 0 });
      await scene.client.insist([report]);
    },
  );

  fault(
    {
      number: 2,
      title: 'after the insert, before the commit',
      fault: 'kill -9 when the rows are in the database and the transaction is open',
      expected: 'no 2xx; sent again, exactly one alert',
    },
    async (scene) => {
      const { report, status } = await dieAt(scene, 'inserted');
      expect(status).toBeUndefined();
      await scene.router.start();
      await scene.client.insist([report]);
      expect((await scene.account()).sinks['pager']).toEqual({ received: 1, duplicates: 0, dead: 0 });
    },
  );
});
