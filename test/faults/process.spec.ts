import { describe, expect } from '@jest/globals';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import type { Scene } from './harness/scene.js';

type DeadLetter = { readonly sink: string; readonly fault: string };
type SinkView = { readonly name: string; readonly backlog: number };

/** A router with a good sink, `pager`, and bad ones of these names: see `preload/bad-plugins.ts`. */
async function startWithBadPlugins(scene: Scene, ...names: readonly string[]): Promise<void> {
  const pager = await scene.sink();
  const router = await scene.prepare({
    config: {
      sources: {
        vendor: { type: 'threatstack', auth: { type: 'bearer', secret: 'SEKRET_vendor' } },
        broken: { type: 'bad', auth: 'none' },
      },
      sinks: { pager: pager.block, ...Object.fromEntries(names.map((name) => [name, { type: 'bad' }])) },
      routes: [{ name: 'all', to: ['pager', ...names] }],
    },
  });
  await router.start(scene.testBuild.withBadPlugins());
}

const isIdle = async (scene: Scene): Promise<boolean> => {
  const { items } = await askAdmin<{ items: readonly SinkView[] }>(scene.router, '/api/v1/sinks');
  return items.every(({ backlog }) => backlog === 0);
};

describe('a router with a plugin that is broken', () => {
  fault(
    {
      number: 14,
      title: 'code of a plugin that throws',
      fault:
        'a sink that throws at once, after a moment, in a timer, in a promise nobody waits for; a source that throws',
      expected:
        'dead letters of ours, the body in the quarantine; the process lives, tells of each, and the other sinks go on',
    },
    async (scene) => {
      await startWithBadPlugins(scene, 'throws', 'rejects', 'later', 'forgets');
      const { router } = scene;
      expect(await scene.client.post()).toBe(202);
      const answer = await fetch(`${router.ingest}/v1/ingest/broken`, { method: 'POST', body: '{}' });
      expect(await answer.json()).toMatchObject({ accepted: 0, quarantined: 1 });

      await scene.until(() => isIdle(scene), 60_000);
      const { items } = await askAdmin<{ items: readonly DeadLetter[] }>(router, '/api/v1/dead-letters');
      expect(items.map(({ sink, fault: whose }) => [sink, whose]).sort()).toEqual([
        ['rejects', 'ours'],
        ['throws', 'ours'],
      ]);
      await scene.until(() => ['in a timer', 'forgotten'].every((words) => router.output.includes(words)));
      const metrics = await (await fetch(`${router.admin}/metrics`)).text();
      expect(metrics).toContain('signalbox_faults_total{part="process"} 2');
      const { items: unread } = await askAdmin<{ items: readonly object[] }>(router, '/api/v1/quarantine');
      expect(unread).toMatchObject([{ source: 'broken', reason: expect.stringContaining('a bad plugin') as unknown }]);
    },
    { invariant: { complete: ['pager'] } },
  );

  fault(
    {
      number: 14,
      title: 'code of a plugin that does not end',
      fault: 'a sink that keeps the event loop to itself for 8 s',
      expected: 'after 5 s the log says so, from another thread; /healthz does not answer meanwhile; then all goes on',
    },
    async (scene) => {
      await startWithBadPlugins(scene, 'hangs');
      const { router } = scene;
      expect(await scene.client.post()).toBe(202);
      let unanswered = 0;
      await scene.until(async () => {
        const health = fetch(`${router.ingest}/healthz`, { signal: AbortSignal.timeout(1_000) });
        unanswered += (await health.then(({ ok }) => ok).catch(() => false)) ? 0 : 1;
        return router.output.includes('the event loop stands still');
      }, 30_000);
      expect(unanswered).toBeGreaterThan(0);
      await scene.until(() => router.output.includes('the event loop moves again'), 30_000);
    },
    { invariant: { complete: ['pager'] } },
  );
});

describe('a router that is told to end', () => {
  fault(
    {
      number: 12,
      title: 'second signal while it drains; SIGHUP',
      fault: 'SIGHUP while it runs and while it drains; SIGTERM with a sink that hangs, then SIGINT or SIGTERM',
      expected: 'SIGHUP reads the config and ends nothing; the second signal ends it at once, with 1; nothing is lost',
    },
    async (scene) => {
      const pager = await scene.sink();
      const router = await scene.start();
      router.signal('SIGHUP');
      await scene.until(() => router.output.includes('config reloaded'));
      for (const second of ['SIGINT', 'SIGTERM'] as const) {
        pager.server.always({ kind: 'hang' });
        const before = pager.server.requests.length;
        expect(await scene.client.post()).toBe(202);
        await scene.until(() => pager.server.requests.length > before, 60_000);
        router.signal('SIGTERM');
        await scene.until(async () => (await fetch(router.ingest).catch(() => undefined)) === undefined);
        router.signal('SIGHUP');
        expect(router.isRunning).toBe(true);
        const asked = performance.now();
        expect(await router.stop(second)).toBe(1);
        // A drain would take its grace of 20 s.
        expect(performance.now() - asked).toBeLessThan(15_000);
        pager.server.always();
        await router.start();
      }
    },
  );
});
