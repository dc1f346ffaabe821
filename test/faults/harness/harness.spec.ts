import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outOfOrder } from './invariant.js';
import { newFinding, reportOf, type Report } from './report.js';
import { Scene } from './scene.js';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

async function onStage(play: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = new Scene();
  try {
    await play(scene);
  } finally {
    await scene.close();
  }
}

describe('the shipped build', () => {
  it('has no kill points and no clock of the tests', () => {
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
      // Some packages are folders of that name.
      (file) => file.endsWith('.js') && statSync(join(dist, file)).isFile(),
    );
    expect(files.length).toBeGreaterThan(50);
    const marked = files.filter((file) => /SIGNALBOX_(CRASH|CLOCK|TEST)/.test(readFileSync(join(dist, file), 'utf8')));
    expect(marked).toEqual([]);
  });

  it('is not killed by the words of a kill point', () =>
    onStage(async (scene) => {
      const router = await scene.prepare({ env: { SIGNALBOX_CRASH_AT: 'parsed' } });
      await router.start();
      expect(await scene.client.post()).toBe(202);
    }));
});

describe('the invariant', () => {
  it('holds where nothing went wrong, and counts', () =>
    onStage(async (scene) => {
      await scene.start();
      const finding = newFinding();
      await scene.client.post([reportOf(finding, 1)]);
      await scene.client.post([reportOf(finding, 2), reportOf(newFinding())]);
      const account = await scene.account();
      expect(account).toMatchObject({ acked: 3, sinks: { pager: { received: 3, duplicates: 0, dead: 0 } } });
    }));

  it('is broken by an answer for something that never arrives', () =>
    onStage(async (scene) => {
      const sink = await scene.sink();
      await scene.start();
      // A sink that says yes and keeps nothing.
      sink.server.always({ kind: 'answer', status: 202 });
      await scene.client.post();
      await expect(scene.account()).rejects.toThrow('accepted and never at pager: 1');
    }));

  it('is broken by something that nobody sent', () =>
    onStage(async (scene) => {
      const sink = await scene.sink();
      await scene.start();
      const event = { title: 't', text: reportOf('zz').name };
      const headers = { 'dd-api-key': 'SEKRET_datadog', 'content-type': 'application/json' };
      await fetch(`${sink.server.url}/api/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) });
      await expect(scene.account()).rejects.toThrow('at pager and never sent: 1');
    }));

  it('is broken by another order than that of acceptance, whatever is repeated', () => {
    const [first, second, other] = [reportOf('a', 1), reportOf('a', 2), reportOf('b', 1)];
    const accepted = [first, second, other].map((report) => ({ ...report, id: '' }));
    const taken = (...reports: readonly Report[]) => reports.map((report) => ({ ...report, at: 0 }));
    expect(outOfOrder(accepted, taken(other, first, first, second, first))).toEqual([]);
    expect(outOfOrder(accepted, taken(second))).toEqual([]);
    expect(outOfOrder(accepted, taken(second, other, first, second))).toEqual(['a']);
  });

  it('is broken by a backlog that does not empty', () =>
    onStage(async (scene) => {
      const sink = await scene.sink();
      await scene.start();
      sink.server.always({ kind: 'answer', status: 503 });
      await scene.client.post();
      await expect(scene.account({ idleWithinMs: 1_000 })).rejects.toThrow('not idle within 1000 ms');
    }));

  it('is broken by more memory than is allowed', () =>
    onStage(async (scene) => {
      await scene.start();
      await expect(scene.account({ maxPeakBytes: 1_000_000 })).rejects.toThrow('bytes of memory');
    }));
});
