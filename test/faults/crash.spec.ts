import { describe, expect } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { request as openRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskProbe, diskProbeNeeds } from './harness/disk-probe.js';
import { fault } from './harness/fault.js';
import { sourceToken } from './harness/ledger-client.js';
import { killAtRandom, mostInFlight } from './harness/kill-at-random.js';
import { command, linux } from './harness/needs.js';
import { alertOf, newFinding, reportOf } from './harness/report.js';
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

/** Delivered once, or twice because the crash hid the first time from the journal. */
async function expectOneOrTwo(scene: Scene): Promise<void> {
  const account = await scene.account();
  expect(account.sinks['pager']).toMatchObject({ received: 1, dead: 0 });
  expect(account.sinks['pager']?.duplicates).toBeLessThanOrEqual(1);
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
      expected: 'no 2xx; sent again, exactly one alert and one delivery',
    },
    async (scene) => {
      const { report, status } = await dieAt(scene, 'inserted');
      expect(status).toBeUndefined();
      await scene.router.start();
      await scene.client.insist([report]);
      expect((await scene.account()).sinks['pager']).toEqual({ received: 1, duplicates: 0, dead: 0 });
    },
  );

  fault(
    {
      number: 3,
      title: 'after the sync, before the answer',
      fault: 'kill -9 when the transaction is synced and the sender has no answer yet',
      expected: 'delivered after the restart though the sender saw a reset; sent again it is a duplicate: one delivery',
    },
    async (scene) => {
      const { report, status } = await dieAt(scene, 'fsynced');
      expect(status).toBeUndefined();
      expect((await scene.account()).sinks['pager']?.received).toBe(1);
      await scene.client.insist([report]);
      expect((await scene.account()).sinks['pager']).toEqual({ received: 1, duplicates: 0, dead: 0 });
    },
  );

  fault(
    {
      number: 4,
      title: 'after the answer',
      fault: 'kill -9 when the 2xx was written',
      expected: 'delivered after the restart',
    },
    async (scene) => {
      const { status } = await dieAt(scene, 'answered');
      expect(status).toBe(202);
      await expectOneOrTwo(scene);
    },
  );

  fault(
    {
      number: 5,
      title: 'after the claim, before the sink is called',
      fault: 'kill -9 when a delivery is leased and no connection was made for it',
      expected: 'delivered after the restart, once',
    },
    async (scene) => {
      const sink = await scene.sink();
      await dieAt(scene, 'claimed');
      expect(sink.server.requests).toHaveLength(0);
      expect((await scene.account()).sinks['pager']).toEqual({ received: 1, duplicates: 0, dead: 0 });
    },
  );

  fault(
    {
      number: 6,
      title: 'after the request, before the answer of the sink',
      fault: 'kill -9 when the request to the sink is written; the sink takes it',
      expected: 'delivered once or twice; the second time the same bytes, so that an idempotent sink shows one effect',
    },
    async (scene) => {
      const sink = await scene.sink();
      await dieAt(scene, 'request_sent');
      await scene.until(() => sink.server.requests.length === 1);
      await expectOneOrTwo(scene);
      expect(sink.server.requests).toHaveLength(2);
      expect(new Set(sink.server.requests.map(({ body }) => body.toString())).size).toBe(1);
    },
  );

  fault(
    {
      number: 7,
      title: 'after the answer of the sink, before it is settled',
      fault: 'kill -9 when the sink said yes and the journal does not know it yet',
      expected: 'delivered twice with the same bytes, and not a third time',
    },
    async (scene) => {
      const sink = await scene.sink();
      await dieAt(scene, 'sink_ok');
      await expectOneOrTwo(scene);
      await scene.router.stop();
      await expectOneOrTwo(scene);
      expect(new Set(sink.server.requests.map(({ body }) => body.toString())).size).toBe(1);
    },
  );

  fault(
    {
      number: 8,
      title: 'again and again under load',
      fault: 'kill -9 at random moments for 20 s while about 100 requests come in a second',
      expected:
        'nothing lost, order kept, repeated is no more than what was in flight at each kill, the backlog empties',
    },
    async (scene) => {
      await scene.start();
      const { kills } = await killAtRandom(scene, { forMs: 20_000, findingsPerSecond: 50 });
      const account = await scene.account();
      expect(kills).toBeGreaterThan(2);
      expect(account.acked).toBeGreaterThan(100);
      expect(account.sinks['pager']?.duplicates).toBeLessThanOrEqual(kills * mostInFlight);
    },
    { timeoutMs: 180_000 },
  );
});

describe('a router', () => {
  fault(
    {
      number: 10,
      title: 'syncs the disk before it answers',
      fault: 'none: its system calls are watched while 20 requests are posted one by one',
      expected: 'between what was written to the WAL and each 202 lies a sync of the WAL that succeeded',
    },
    async (scene) => {
      const probe = new DiskProbe(scene.folder);
      // No sink is owed anything, so all that is written is what was accepted.
      const router = await scene.prepare({
        config: { routes: [{ name: 'none', match: { severity: 'low' }, to: 'pager' }] },
      });
      await router.start(probe.start());
      for (let i = 0; i < 20; i += 1) expect(await scene.client.post()).toBe(202);
      const events = probe.events();
      const answers = events.flatMap((event, position) => (event === 'answered' ? [position] : []));
      expect(answers).toHaveLength(20);
      let since = 0;
      for (const answer of answers) {
        const before = events.slice(since, answer);
        expect(before.lastIndexOf('written')).toBeGreaterThanOrEqual(0);
        expect(before.lastIndexOf('synced')).toBeGreaterThan(before.lastIndexOf('written'));
        since = answer;
      }
    },
    { needs: diskProbeNeeds, invariant: { complete: [] } },
  );

  fault(
    {
      number: 11,
      title: 'drains on SIGTERM',
      fault: 'SIGTERM with 50 accepted alerts, a sink that takes 2 s for each, and requests half sent',
      expected:
        'connections are refused at once, what is half sent is answered, running deliveries end, the WAL is emptied, it exits with 0',
    },
    async (scene) => {
      const sink = await scene.sink();
      const router = await scene.start();
      sink.server.always({ kind: 'usual', delayMs: 2_000 });
      for (let i = 0; i < 50; i += 1) await scene.client.post();
      await scene.until(() => sink.server.requests.length >= 16);
      const half = await Promise.all([1, 2, 3].map(() => postHalf(scene)));
      router.signal('SIGTERM');
      await scene.until(async () => (await fetch(`${router.ingest}/healthz`).catch(() => undefined)) === undefined);
      for (const { rest } of half) expect(await rest()).toBe(202);
      expect(await router.exited()).toBe(0);
      expect(statSync(`${scene.journalPath}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
      // What ran was let end and is settled: nothing comes twice.
      expect(sink.received().length).toBeGreaterThanOrEqual(16);
      sink.server.always();
      const account = await scene.account();
      expect(account.sinks['pager']).toMatchObject({ received: 53, duplicates: 0 });
    },
  );

  fault(
    {
      number: 13,
      title: 'that was stopped for longer than its leases settles nothing by them',
      fault:
        'SIGSTOP for three leases while a delivery is under way, then SIGCONT; meanwhile a second router on its data',
      expected:
        'the second one is refused, since the first still holds the lock; the late settlement is void by its token; at most one repetition',
    },
    async (scene) => {
      const sink = await scene.sink();
      const router = await scene.start({ journal: { lease: '1s' } });
      sink.server.script({ kind: 'usual', delayMs: 300 });
      await scene.client.post();
      await scene.until(() => sink.server.requests.length === 1);
      router.signal('SIGSTOP');
      const second = await scene.prepare();
      second.launch();
      expect(await second.exited()).toBe(1);
      expect(second.output).toContain(`in use by process ${String(router.pid)}`);
      await sleep(3_000);
      router.signal('SIGCONT');
      await expectOneOrTwo(scene);
      expect(await scene.client.post()).toBe(202);
    },
    { needs: [linux] },
  );

  fault(
    {
      number: 16,
      title: 'with few file descriptors',
      fault: 'a limit of 64 open files, and 200 clients at once',
      expected: 'it lives; those it cannot serve are turned away and taken later',
    },
    async (scene) => {
      const router = await scene.start();
      execFileSync('prlimit', ['--pid', String(router.pid), '--nofile=64:64']);
      await Promise.all(Array.from({ length: 200 }, () => scene.client.insist(undefined, 60_000)));
      expect((await scene.account()).sinks['pager']).toMatchObject({ received: 200, duplicates: 0 });
    },
    { needs: [linux, command('prlimit')] },
  );

  fault(
    {
      number: 17,
      title: 'started twice on one journal',
      fault: 'a second router on the data of a running one; then kill -9 of the first, whose lock nobody cleans up',
      expected: 'the second exits with an error that names the first, which goes on; after the kill it can be started',
    },
    async (scene) => {
      const router = await scene.start();
      const second = await scene.prepare();
      second.launch();
      expect(await second.exited()).toBe(1);
      expect(second.output).toContain(`in use by process ${String(router.pid)}`);
      expect(await scene.client.post()).toBe(202);
      await router.stop('SIGKILL');
      await second.start();
      await second.stop();
    },
  );
});

/** Sends a request but for the last byte; `rest` sends that and resolves with the status. */
async function postHalf(scene: Scene): Promise<{ readonly rest: () => Promise<number | undefined> }> {
  const report = reportOf(newFinding());
  scene.client.noteSent([report]);
  const body = JSON.stringify({ alerts: [alertOf(report)] });
  const request = openRequest(`${scene.router.ingest}/v1/ingest/vendor`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sourceToken}`, 'content-length': String(Buffer.byteLength(body)) },
  });
  const answer = new Promise<number | undefined>((resolve) => {
    request.once('response', (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('error', () => {
      resolve(undefined);
    });
  });
  await new Promise((resolve) => request.write(body.slice(0, -1), resolve));
  // Until the router has seen it, it is a connection that nobody uses.
  await sleep(300);
  return {
    rest: () => {
      request.end(body.slice(-1));
      return answer;
    },
  };
}
