import { describe, expect } from '@jest/globals';
import Database from 'better-sqlite3';
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskProbe, diskProbeNeeds } from './harness/disk-probe.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

const gapCannotHeal = { none: 'what the disk lost cannot be delivered; the case compares it with what is reported' };

/** Kills a router whose WAL holds 60 accepted alerts, of which none was delivered yet. */
async function killWithWal(scene: Scene): Promise<string> {
  const sink = await scene.sink();
  await scene.start();
  sink.server.always({ kind: 'hang' });
  await Promise.all(Array.from({ length: 60 }, () => scene.client.post()));
  await scene.router.stop('SIGKILL');
  sink.server.always();
  const wal = `${scene.journalPath}-wal`;
  // Emptied when the router had a quiet moment: then there is nothing to damage, and no case.
  expect(statSync(wal).size).toBeGreaterThan(100_000);
  return wal;
}

/** The router says that accepted alerts are missing, exactly those that never arrive, and takes alerts as before. */
async function expectReported(scene: Scene): Promise<void> {
  const { router, client } = scene;
  await router.start();
  const [, from, to] = /accepted alerts missing: seq (\d+) to (\d+)/.exec(router.output) ?? [];
  const missing = Number(to) - Number(from) + 1;
  expect(missing).toBeGreaterThan(0);
  const ready = (await (await fetch(`${router.ingest}/readyz`)).json()) as { status: string };
  expect(ready.status).toBe('degraded');
  const metrics = await (await fetch(`${router.admin}/metrics`)).text();
  expect(metrics).toContain(`signalbox_journal_gap{what="alerts",acknowledged="false"} ${String(missing)}`);

  await client.insist();
  const arrived = (): number => new Set(scene.sinks.flatMap((sink) => sink.received().map(({ name }) => name))).size;
  const expected = client.acked().length - missing;
  await scene.until(() => arrived() >= expected);
  await scene.until(async () => {
    const { items } = await askAdmin<{ items: { backlog: number }[] }>(router, '/api/v1/sinks');
    return items.every(({ backlog }) => backlog === 0);
  });
  expect(arrived()).toBe(expected);
}

describe('a journal that was damaged while the router was down', () => {
  fault(
    {
      number: 21,
      title: 'by one byte of its WAL',
      fault: 'kill -9, and a byte in the middle of the WAL is flipped, which SQLite takes for its end',
      expected:
        'the missing numbers are named in the log, in readyz (degraded) and in a metric: exactly those that were lost',
    },
    async (scene) => {
      const wal = await killWithWal(scene);
      const bytes = readFileSync(wal);
      const middle = Math.floor(bytes.length / 2);
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
      writeFileSync(wal, bytes);
      await expectReported(scene);
    },
    { invariant: gapCannotHeal },
  );

  fault(
    {
      number: 22,
      title: 'by the loss of half its WAL',
      fault: 'kill -9, and the WAL is cut to half its length',
      expected: 'as 21',
    },
    async (scene) => {
      const wal = await killWithWal(scene);
      truncateSync(wal, Math.floor(statSync(wal).size / 2));
      await expectReported(scene);
    },
    { invariant: gapCannotHeal },
  );

  fault(
    {
      number: 22,
      title: 'by the loss of its WAL',
      fault: 'one alert is delivered and moved into the database; more are accepted, kill -9, and the WAL is deleted',
      expected: 'as 21',
    },
    async (scene) => {
      const sink = await scene.sink();
      await scene.start();
      await scene.client.post();
      await scene.until(() => sink.received().length === 1);
      await scene.router.stop();
      await scene.router.start();
      sink.server.always({ kind: 'hang' });
      await Promise.all(Array.from({ length: 20 }, () => scene.client.post()));
      await scene.router.stop('SIGKILL');
      sink.server.always();
      unlinkSync(`${scene.journalPath}-wal`);
      await expectReported(scene);
    },
    { invariant: gapCannotHeal },
  );

  fault(
    {
      number: 22,
      title: 'by junk for an index of its WAL',
      fault: 'kill -9, and a file of junk where SQLite has its shared memory',
      expected: 'nothing is lost',
    },
    async (scene) => {
      await killWithWal(scene);
      writeFileSync(`${scene.journalPath}-shm`, Buffer.alloc(65_536, 0xa5));
      await scene.router.start();
      expect(scene.router.output).not.toContain('missing');
    },
  );
});

describe('a journal whose file is taken away while the router runs', () => {
  /** Takes nothing more and ends, within seconds. */
  const expectEnd = async ({ router, client }: Scene): Promise<void> => {
    expect(await router.exited()).toBe(1);
    expect(router.output).toContain('deleted or replaced');
    expect(await client.post()).toBeUndefined();
  };

  fault(
    {
      number: 24,
      title: 'by deleting it',
      fault: 'the database is unlinked; a second name of it is put back afterwards',
      expected:
        'noticed within about a second, nothing more is accepted, it exits with 1; nothing is lost with the file back',
    },
    async (scene) => {
      const kept = join(scene.folder, 'kept.db');
      await scene.start();
      await scene.client.post();
      linkSync(scene.journalPath, kept);
      unlinkSync(scene.journalPath);
      await expectEnd(scene);
      renameSync(kept, scene.journalPath);
    },
  );

  fault(
    {
      number: 24,
      title: 'by putting another in its place',
      fault: 'the database is moved away and a copy of it put where it was; afterwards the first one is put back',
      expected: 'as when it is deleted',
    },
    async (scene) => {
      const kept = join(scene.folder, 'kept.db');
      await scene.start();
      await scene.client.post();
      renameSync(scene.journalPath, kept);
      copyFileSync(kept, scene.journalPath);
      await expectEnd(scene);
      renameSync(kept, scene.journalPath);
    },
  );
});

describe('a journal', () => {
  fault(
    {
      number: 25,
      title: 'is not opened with an SQLite that cannot be relied on',
      fault: 'a library that says it is 3.51.2; one that syncs only now and then, whatever it is told',
      expected: 'the start is refused, with the reason',
    },
    async (scene) => {
      const router = await scene.prepare();
      router.launch(scene.testBuild.withSqlite('old'));
      expect(await router.exited()).toBe(1);
      expect(router.output).toContain('SQLite 3.51.2 can corrupt a journal; 3.51.3 or newer is needed');
      router.launch(scene.testBuild.withSqlite('careless'));
      expect(await router.exited()).toBe(1);
      expect(router.output).toContain('synchronous is 1');
    },
  );

  fault(
    {
      number: 26,
      title: 'is locked by one process only',
      fault: 'another process asks for the lock of a running router; then it has the lock when the router starts',
      expected:
        'the other is told that it is busy, and nobody notices; a start without the lock is refused and says why',
    },
    async (scene) => {
      const router = await scene.start();
      await scene.client.post();
      expect(() => new Database(scene.journalPath, { timeout: 0 }).exec('BEGIN IMMEDIATE')).toThrow('locked');
      expect(await scene.client.post()).toBe(202);
      await router.stop();

      const holder = await holdLock(scene.journalPath);
      scene.finally(() => holder.release());
      router.launch();
      expect(await router.exited()).toBe(1);
      expect(router.output).toContain('is in use by');
      await holder.release();
      await router.start();
      expect(await scene.client.post()).toBe(202);
    },
  );

  fault(
    {
      number: 26,
      title: 'that is slow does not stop the event loop',
      fault: 'each sync of the disk takes 3 s more',
      expected: 'health is answered while a post waits for the disk',
    },
    async (scene) => {
      const probe = new DiskProbe(scene.folder);
      const router = await scene.prepare();
      await router.start(probe.start({ slowSyncMs: 3_000 }));
      let answered: number | undefined;
      const posting = scene.client.post().then((status) => (answered = status));
      await sleep(200);
      const health = await fetch(`${router.ingest}/healthz`);
      expect(health.status).toBe(200);
      expect(answered).toBeUndefined();
      expect(await posting).toBe(202);
      await router.stop('SIGKILL');
    },
    { needs: diskProbeNeeds },
  );

  fault(
    {
      number: 88,
      title: 'ends for good at the first sync that fails',
      fault: 'one sync of the WAL fails with EIO while posts come in; those after it would succeed',
      expected:
        'the post is not answered 2xx, nothing more is accepted, it ends; at a restart everything answered for is there',
    },
    async (scene) => {
      const sink = await scene.sink();
      sink.server.always({ kind: 'hang' });
      const probe = new DiskProbe(scene.folder);
      const router = await scene.prepare();
      await router.start(probe.start({ failSync: 12 }));
      let status: number | undefined = 202;
      for (let posts = 0; status === 202 && posts < 30; posts += 1) status = await scene.client.post();
      expect(status).not.toBe(202);
      expect(scene.client.acked().length).toBeGreaterThan(0);
      expect(await router.exited()).toBe(1);
      expect(probe.events()).toContain('failed');
      sink.server.always();
    },
    { needs: diskProbeNeeds },
  );

  fault(
    {
      number: 27,
      title: 'is upgraded whole or not at all',
      fault:
        'kill -9 within an upgrade of the schema with pending alerts; then the upgrade, and the old router after it',
      expected:
        'after the kill the old router goes on with it; after the upgrade the old one refuses it, the new one delivers',
    },
    async (scene) => {
      const sink = await scene.sink();
      const router = await scene.start();
      sink.server.always({ kind: 'answer', status: 503 });
      for (let i = 0; i < 5; i += 1) await scene.client.post();
      await router.stop();

      router.launch(scene.testBuild.withSqlite('newer-schema', 'migrating'));
      expect(await router.exited()).toBe('SIGKILL');
      await router.start();
      expect(await scene.client.post()).toBe(202);
      await router.stop();

      await router.start(scene.testBuild.withSqlite('newer-schema'));
      expect(await scene.client.post()).toBe(202);
      await router.stop();
      router.launch();
      expect(await router.exited()).toBe(1);
      expect(router.output).toContain('was written by a newer router');
      sink.server.always();
      await router.start(scene.testBuild.withSqlite('newer-schema'));
      expect((await scene.account()).sinks['pager']?.received).toBe(7);
    },
  );

  fault(
    {
      number: 28,
      title: 'forgets what is old, and nothing that is owed',
      fault:
        'a retention of a minute, a sink that is down, another that refuses one alert for good; the clock goes on by two hours',
      expected:
        'delivered alerts go; pending ones and dead letters stay, and the pending are delivered once the sink is up',
    },
    async (scene) => {
      const down = await scene.sink({ name: 'down' });
      const up = await scene.sink({ name: 'up' });
      const clock = join(scene.folder, 'clock');
      writeFileSync(clock, '0');
      const router = await scene.prepare({
        journal: { retention: '1m', dedupWindow: '1m' },
        config: {
          routes: [
            { name: 'up', to: 'up' },
            { name: 'down', match: { title: 'RPT*N2' }, to: 'down' },
          ],
        },
      });
      await router.start(scene.testBuild.withClock(clock, 500));
      down.server.always({ kind: 'answer', status: 503 });
      up.server.script({ kind: 'answer', status: 400 });
      const ids = async (): Promise<number> =>
        (await askAdmin<{ items: unknown[] }>(router, '/api/v1/alerts?limit=100')).items.length;

      const [refused, delivered, owed] = [newFinding(), newFinding(), newFinding()];
      await scene.client.post([reportOf(refused)]);
      await scene.until(
        async () => (await askAdmin<{ items: unknown[] }>(router, '/api/v1/dead-letters')).items.length === 1,
      );
      await scene.client.post([reportOf(delivered), reportOf(owed)]);
      await scene.client.post([reportOf(owed, 2)]);
      await scene.until(() => up.received().length === 3);
      expect(await ids()).toBe(4);

      writeFileSync(clock, String(2 * 3_600_000));
      await scene.until(async () => (await ids()) === 2);
      const left = await askAdmin<{ items: { title: string }[] }>(router, '/api/v1/alerts?limit=100');
      expect(new Set(left.items.map(({ title }) => title))).toEqual(
        new Set([reportOf(refused).name, reportOf(owed, 2).name]),
      );
      down.server.always();
      await scene.until(() => down.received().length === 1, 60_000);
    },
    { invariant: { complete: [] } },
  );
});

/** Another process with an open transaction; `release` ends it. */
async function holdLock(path: string): Promise<{ readonly release: () => Promise<void> }> {
  const script = `
    const db = new (require('better-sqlite3'))(process.argv[1]);
    db.exec('BEGIN IMMEDIATE');
    console.log('held');
    process.stdin.resume();
  `;
  const holder = spawn(process.execPath, ['-e', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => {
    holder.once('exit', () => {
      resolve();
    });
  });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  return {
    release: () => {
      holder.kill('SIGKILL');
      return ended;
    },
  };
}
