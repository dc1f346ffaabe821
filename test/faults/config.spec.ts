import { describe, expect } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

type SinkView = { readonly name: string; readonly state: string; readonly backlog: number; readonly delivered: number };

const sinksOf = async (scene: Scene): Promise<readonly SinkView[]> =>
  (await askAdmin<{ items: readonly SinkView[] }>(scene.router, '/api/v1/sinks')).items;

const readConfig = (scene: Scene): string => readFileSync(scene.router.configFile, 'utf8');

/** How often the router said it. */
const times = (scene: Scene, words: string): number => scene.router.output.split(words).length - 1;

/** Puts another config in the place of the router's and has it read. */
async function reloadWith(
  scene: Scene,
  text: string,
  expected: 'config reloaded' | 'config not reloaded',
): Promise<void> {
  const before = times(scene, expected);
  writeFileSync(scene.router.configFile, text);
  scene.router.signal('SIGHUP');
  await scene.until(() => times(scene, expected) > before, 30_000);
}

/** A block of the config, which is one line of its file, changed. */
function withBlock(text: string, name: string, change: (block: never) => unknown): string {
  return text.replace(new RegExp(`^${name}: (.*)$`, 'm'), (_, block: string) => {
    return `${name}: ${JSON.stringify(change(JSON.parse(block) as never))}`;
  });
}

type Sinks = Readonly<Record<string, object>>;

describe('a config that is reloaded', () => {
  fault(
    {
      number: 78,
      title: 'broken config at a reload',
      fault: 'SIGHUP with a syntax error, an unknown sink, a bad regular expression, a missing variable',
      expected:
        'the config before goes on; the log names the line; a metric counts it; a start with it ends with exit code 78',
    },
    async (scene) => {
      await scene.start();
      const good = readConfig(scene);
      const routes = good.split('\n').findIndex((line) => line.startsWith('routes:')) + 1;
      const broken = [
        `${good}routes: [`,
        withBlock(good, 'routes', () => [{ name: 'all', to: 'nowhere' }]),
        withBlock(good, 'routes', () => [{ name: 'all', to: 'pager', match: { title: '/(/' } }]),
        withBlock(good, 'routes', () => [{ name: 'all', to: 'pager', match: { title: '${NOT_SET}' } }]),
      ];
      for (const text of broken) {
        await reloadWith(scene, text, 'config not reloaded');
        expect(await scene.client.post()).toBe(202);
      }
      const lines = scene.router.output.split('\n').filter((line) => line.includes('config not reloaded'));
      expect(lines).toHaveLength(broken.length);
      for (const line of lines.slice(1)) expect(line).toContain(`signalbox.yaml:${String(routes)}:`);
      const metrics = await (await fetch(`${scene.router.admin}/metrics`)).text();
      expect(metrics).toContain(`signalbox_config_reload_failed_total ${String(broken.length)}`);

      await scene.router.stop();
      await expect(scene.router.start()).rejects.toThrow('ended with 78');
      writeFileSync(scene.router.configFile, good);
      await scene.router.start();
      await reloadWith(scene, good, 'config reloaded');
    },
  );

  fault(
    {
      number: 79,
      title: 'sinks and routes that go, come back and change while work waits for them',
      fault:
        'reloads that remove a sink with a backlog, rename its route, change its settings; then 100 reloads under load',
      expected:
        'what was owed is kept and shown as unconfigured until the sink is back; no alert lost, none sent twice, no request refused',
    },
    async (scene) => {
      const archive = await scene.sink({ name: 'archive' });
      await scene.sink();
      await scene.start();
      const both = readConfig(scene);
      archive.server.always({ kind: 'answer', status: 503 });
      for (let count = 0; count < 5; count += 1) expect(await scene.client.post()).toBe(202);

      const without = withBlock(
        withBlock(both, 'sinks', ({ pager }: Sinks) => ({ pager: { ...pager, tags: ['changed:yes'] } })),
        'routes',
        () => [{ name: 'renamed', to: 'pager' }],
      );
      await reloadWith(scene, without, 'config reloaded');
      const orphan = (await sinksOf(scene)).find(({ name }) => name === 'archive');
      expect(orphan).toMatchObject({ state: 'unconfigured', backlog: 5 });
      expect(await scene.client.post()).toBe(202);
      expect((await sinksOf(scene)).find(({ name }) => name === 'archive')).toMatchObject({ backlog: 5 });

      archive.server.always();
      await reloadWith(scene, both, 'config reloaded');
      await scene.until(async () => (await sinksOf(scene)).every(({ backlog }) => backlog === 0), 60_000);
      expect(new Set(archive.received().map(({ name }) => name)).size).toBe(5);

      const stop = new AbortController();
      const statuses: (number | undefined)[] = [];
      const posting = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (!stop.signal.aborted) {
            const finding = newFinding();
            statuses.push(await scene.client.post([reportOf(finding, 1)]));
            statuses.push(await scene.client.post([reportOf(finding, 2)]));
          }
        }),
      );
      for (let count = 0; count < 100; count += 1) {
        await reloadWith(scene, count % 2 === 0 ? without : both, 'config reloaded');
      }
      stop.abort();
      await posting;
      expect(statuses.length).toBeGreaterThan(100);
      expect(new Set(statuses)).toEqual(new Set([202]));
      const account = await scene.account({ complete: ['pager'] });
      expect(account.sinks['pager']).toMatchObject({ duplicates: 0, dead: 0 });
    },
    { invariant: { complete: ['pager'] }, timeoutMs: 240_000 },
  );

  fault(
    {
      number: 81,
      title: 'no route matches',
      fault: 'alerts that no route takes; a route for all the rest; a sink that keeps nothing',
      expected:
        'kept, counted and listed as unrouted; a last route without conditions takes the rest; nothing vanishes',
    },
    async (scene) => {
      await scene.start({ config: { routes: [{ name: 'none', to: 'pager', match: { title: 'never*' } }] } });
      const posted = Array.from({ length: 3 }, () => reportOf(newFinding()));
      expect(await scene.client.post(posted)).toBe(202);
      const unrouted = () =>
        askAdmin<{ items: readonly { title: string; routes: readonly string[]; deliveries: readonly unknown[] }[] }>(
          scene.router,
          '/api/v1/alerts?unrouted=true',
        );
      const { items } = await unrouted();
      expect(items.map(({ title }) => title).sort()).toEqual(posted.map(({ name }) => name).sort());
      expect(items).toMatchObject(items.map(() => ({ routes: [], deliveries: [] })));
      const metrics = await (await fetch(`${scene.router.admin}/metrics`)).text();
      expect(metrics).toContain('signalbox_alerts_unrouted_total{source="vendor"} 3');

      const rest = [
        { name: 'none', to: 'pager', match: { title: 'never*' }, final: true },
        { name: 'rest', to: 'pager' },
      ];
      await reloadWith(
        scene,
        withBlock(readConfig(scene), 'routes', () => rest),
        'config reloaded',
      );
      expect(await scene.client.post()).toBe(202);
      await scene.until(async () => (await sinksOf(scene))[0]?.delivered === 1);
      expect((await unrouted()).items).toHaveLength(3);
    },
    { invariant: { complete: [] } },
  );
});
