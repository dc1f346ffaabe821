import { describe, expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Disk, diskNeeds } from '../harness/disk.js';
import { fault } from '../harness/fault.js';
import type { FakeSink } from '../harness/fake-sink.js';
import type { RouterProcess } from '../../support/router-process.js';
import { newFinding, reportOf } from '../harness/report.js';
import type { Scene } from '../harness/scene.js';

/** A router whose journal is on a disk of its own. */
async function onDisk(
  scene: Scene,
  megabytes: number,
): Promise<{ readonly disk: Disk; readonly sink: FakeSink; readonly router: RouterProcess }> {
  const disk = Disk.make(scene.folder, 'disk', megabytes);
  scene.finally(() => {
    disk.unmount();
  });
  const sink = await scene.sink();
  const router = await scene.prepare({ data: join(disk.folder, 'data') });
  return { disk, sink, router };
}

describe('a disk', () => {
  fault(
    {
      number: 18,
      title: 'that is full',
      fault:
        'posts to a disk of 32 MB until nothing more fits, with a sink that takes nothing; then the sink is up; then room is made',
      expected:
        '503 with Retry-After and not ready, and not broken; deliveries go on and are settled while it is full; it accepts again by itself',
    },
    async (scene) => {
      const { disk, sink, router } = await onDisk(scene, 32);
      const ballast = join(disk.folder, 'ballast');
      writeFileSync(ballast, Buffer.alloc(4_000_000));
      sink.server.always({ kind: 'answer', status: 503 });
      await router.start();
      // Something that does not get smaller when it is deflated.
      const filler = { latest_events: [{ text: randomBytes(45_000).toString('base64') }] };
      let status: number | undefined = 202;
      for (let posts = 0; status === 202 && posts < 2_000; posts += 1)
        status = await scene.client.post(undefined, filler);
      expect(status).toBe(503);
      const refused = await scene.client.send([reportOf(newFinding())], filler);
      expect([refused?.status, Number(refused?.headers.get('retry-after'))]).toEqual([503, expect.any(Number)]);
      await scene.until(async () => (await fetch(`${router.ingest}/readyz`)).status === 503);
      expect((await fetch(`${router.ingest}/healthz`)).status).toBe(200);

      sink.server.always();
      const accepted = new Set(scene.client.acked().map(({ name }) => name));
      await scene.until(() => new Set(sink.received().map(({ name }) => name)).size >= accepted.size, 60_000);
      expect((await scene.account()).sinks['pager']?.received).toBe(accepted.size);

      rmSync(ballast);
      await scene.client.insist();
    },
    { needs: diskNeeds },
  );

  fault(
    {
      number: 19,
      title: 'that cannot be written when it starts',
      fault: 'the file system of the journal is mounted read-only',
      expected: 'the start is refused with the reason: no journal in memory in its place; writable again, all is there',
    },
    async (scene) => {
      const { disk, sink, router } = await onDisk(scene, 64);
      sink.server.always({ kind: 'hang' });
      await router.start();
      await scene.client.post();
      await router.stop('SIGKILL');
      sink.server.always();
      disk.unmount();
      disk.mount('ro');
      router.launch();
      expect(await router.exited()).not.toBe(0);
      expect(router.output).toMatch(/SQLITE_(READONLY|CANTOPEN|IOERR)|read-only/i);
      disk.unmount();
      disk.mount();
    },
    { needs: diskNeeds },
  );

  fault(
    {
      number: 20,
      title: 'that fails while it is written',
      fault: 'the file system is aborted: every write to it fails from then on',
      expected:
        'nothing more is accepted, it ends by itself and says why; on the mended disk everything answered for is there',
    },
    async (scene) => {
      const { disk, sink, router } = await onDisk(scene, 64);
      sink.server.always({ kind: 'answer', status: 503 });
      await router.start();
      for (let i = 0; i < 20; i += 1) await scene.client.post();
      disk.abort();
      expect(await scene.client.post()).not.toBe(202);
      expect(await router.exited()).toBe(1);
      expect(router.output).toContain('the journal failed, so the router ends');
      sink.server.always();
      disk.unmount();
      disk.mount();
    },
    { needs: diskNeeds },
  );
});

describe('a database', () => {
  fault(
    {
      number: 23,
      title: 'with a page that was smashed',
      fault: 'the router is stopped, and pages in the middle of its database are overwritten',
      expected:
        'it does not go on with it and does not begin another: it ends, names the damage, and leaves the file as it is',
    },
    async (scene) => {
      const sink = await scene.sink();
      sink.server.always({ kind: 'answer', status: 503 });
      const router = await scene.start();
      for (let i = 0; i < 200; i += 1) await scene.client.post();
      await router.stop();
      const { size } = statSync(scene.journalPath);
      const file = openSync(scene.journalPath, 'r+');
      for (let at = 8_192; at < size; at += 8_192) writeSync(file, Buffer.alloc(64, 0xff), 0, 64, at);
      closeSync(file);
      router.launch();
      expect(await router.exited()).not.toBe(0);
      expect(router.output).toContain('SQLITE_CORRUPT');
      expect(statSync(scene.journalPath).size).toBe(size);
    },
    { invariant: { none: 'what was in the damaged pages can only come from a backup' } },
  );
});
