import { describe, expect } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reply, ServedRequest } from '../support/scripted-server.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

type SinkView = { readonly name: string; readonly state: string; readonly backlog: number; readonly parkedBy?: string };
type AlertView = { readonly kind: string; readonly state: string; readonly fingerprint: string };

/** What Datadog accepts just now: a key, and whether the validation page and the intake agree on it. */
type Door = { key: string; isIntakeOpen: boolean };

/** Two Datadog sinks: `pager`, whose key is in a file and whose door a case may close, and `archive`. */
async function twoSinks(scene: Scene): Promise<{ door: Door; writeKey: (key: string) => void }> {
  const door: Door = { key: 'SEKRET_first', isIntakeOpen: true };
  const file = join(scene.folder, 'api-key');
  const writeKey = (key: string): void => {
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
  };
  writeKey(door.key);
  const answer = ({ method, headers }: ServedRequest): Reply => {
    if (headers['dd-api-key'] !== door.key) return { status: 403, body: '{"errors":["Forbidden"]}' };
    if (method === 'GET') return { status: 200, body: '{"valid":true}' };
    return door.isIntakeOpen ? { status: 202, body: '{}' } : { status: 403, body: '{"errors":["Forbidden"]}' };
  };
  const apiKey = `\${file:${file}}`;
  const block = (url: string) => ({ type: 'datadog', apiKey, endpoint: url, allowCidrs: ['127.0.0.0/8'] });
  await scene.sink({ kind: { block, answer } });
  await scene.sink({ name: 'archive' });
  return { door, writeKey };
}

const pager = async (scene: Scene): Promise<SinkView | undefined> => {
  const { items } = await askAdmin<{ items: readonly SinkView[] }>(scene.router, '/api/v1/sinks');
  return items.find(({ name }) => name === 'pager');
};

const untilParked = (scene: Scene): Promise<void> =>
  scene.until(async () => (await pager(scene))?.state === 'parked', 30_000);
const untilRunning = (scene: Scene): Promise<void> =>
  scene.until(async () => (await pager(scene))?.state === 'running', 60_000);

/** How often the router said it. */
const times = (scene: Scene, words: string): number => scene.router.output.split(words).length - 1;

const control = async (scene: Scene, verb: 'park' | 'resume' | 'test'): Promise<Response> =>
  fetch(`${scene.router.admin}/api/v1/sinks/pager/${verb}`, { method: 'POST' });

describe('a sink whose credential is refused', () => {
  fault(
    {
      number: 39,
      title: 'key revoked, later restored',
      fault: 'the other side answers 403 to every delivery and to the probe, and after a while takes the key again',
      expected:
        'parked, nothing dropped, an alert at the other sink within a minute, which flows on; resumed within 60 s, in order',
    },
    async (scene) => {
      const { door } = await twoSinks(scene);
      await scene.start();
      expect(await scene.client.post()).toBe(202);
      door.key = 'SEKRET_another';
      const finding = newFinding();
      expect(await scene.client.post([reportOf(finding, 1)])).toBe(202);
      expect(await scene.client.post([reportOf(finding, 2)])).toBe(202);
      await untilParked(scene);

      const alerts = async () =>
        (await askAdmin<{ items: readonly AlertView[] }>(scene.router, '/api/v1/alerts?source=signalbox&sink=archive'))
          .items;
      await scene.until(async () => (await alerts()).length === 1, 60_000);
      expect(await alerts()).toMatchObject([{ kind: 'other', state: 'open' }]);
      // What it says is up to a second old.
      const ready = () => askAdmin<{ problems?: readonly string[] }>(scene.router, '/readyz');
      await scene.until(async () => (await ready()).problems?.join() === 'the sink pager is parked');
      expect(await (await fetch(`${scene.router.admin}/metrics`)).text()).toContain(
        'signalbox_sink_parked{sink="pager"} 1',
      );
      expect(await (await control(scene, 'test')).json()).toMatchObject({ outcome: 'parked', answer: { status: 403 } });

      door.key = 'SEKRET_first';
      await untilRunning(scene);
      await scene.until(async () => (await alerts()).length === 2);
      const [closed, opened] = await alerts();
      expect(closed).toMatchObject({ state: 'resolved', fingerprint: opened?.fingerprint });
      expect(times(scene, 'sink parked')).toBe(1);
    },
  );

  fault(
    {
      number: 39,
      title: 'key rotated in its file',
      fault: 'the key is revoked for good, and a new one is written into the file that the config names',
      expected: 'the sink is opened with the new key within a minute, without a restart, and goes on in order',
    },
    async (scene) => {
      const { door, writeKey } = await twoSinks(scene);
      await scene.start();
      door.key = 'SEKRET_second';
      const finding = newFinding();
      expect(await scene.client.post([reportOf(finding, 1)])).toBe(202);
      expect(await scene.client.post([reportOf(finding, 2)])).toBe(202);
      await untilParked(scene);
      writeKey(door.key);
      await untilRunning(scene);
      expect(scene.router.output).not.toContain('SEKRET');
    },
  );

  fault(
    {
      number: 39,
      title: 'probe that knows less than a delivery',
      fault: 'the validation page takes the key, the intake does not',
      expected: 'one delivery is tried at each probe; parked and told once, not in turns',
    },
    async (scene) => {
      const { door } = await twoSinks(scene);
      const router = await scene.start();
      door.isIntakeOpen = false;
      expect(await scene.client.post()).toBe(202);
      await untilParked(scene);
      const attempts = () => times(scene, '"attempt failed"') + times(scene, 'attempt failed"}');
      const before = attempts();
      await scene.until(() => attempts() > before, 30_000);
      expect((await pager(scene))?.state).toBe('parked');
      expect([times(scene, 'sink parked'), times(scene, 'sink resumed')]).toEqual([1, 0]);
      door.isIntakeOpen = true;
      await untilRunning(scene);
      expect(router.isRunning).toBe(true);
    },
  );

  fault(
    {
      number: 39,
      title: 'parked by an operator',
      fault: 'an operator holds a sink that works; the router is killed and started again',
      expected: 'held over the restart although a probe would say yes, until an operator resumes it; nothing dropped',
    },
    async (scene) => {
      await twoSinks(scene);
      const router = await scene.start();
      expect((await control(scene, 'park')).status).toBe(204);
      expect(await scene.client.post()).toBe(202);
      await router.stop('SIGKILL');
      await router.start();
      expect(await (await control(scene, 'test')).json()).toMatchObject({ outcome: 'delivered' });
      expect(await scene.client.post()).toBe(202);
      expect(await pager(scene)).toMatchObject({ state: 'parked', parkedBy: 'operator', backlog: 2 });
      expect((await control(scene, 'resume')).status).toBe(204);
    },
  );
});
