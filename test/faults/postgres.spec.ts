import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../support/free-port.js';
import { startPostgres, type PostgresServer } from '../support/postgres.js';
import type { RouterProcess } from '../support/router-process.js';
import { statusesOf } from './harness/answers.js';
import { fault } from './harness/fault.js';
import { passTo, startFront, type Fate } from './harness/front.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { alertOf, newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres(['-c', 'max_connections=40']);
}, 60_000);
afterAll(() => server.stop(), 60_000);

/** The journal's block of a config, on a place of its own. `port`: another way to the server. */
async function journal(settings: Readonly<Record<string, unknown>> = {}, port = server.port) {
  const url = (await server.createSchema()).replace(`:${String(server.port)}/`, `:${String(port)}/`);
  return { type: 'postgres', url, ssl: false, pool: 4, timeout: '1s', ...settings };
}

/** So many routers on one database, ready. */
async function startRouters(scene: Scene, count: number, settings = {}): Promise<readonly RouterProcess[]> {
  const config = { journal: await journal(settings) };
  const routers: RouterProcess[] = [];
  for (let made = 0; made < count; made += 1) routers.push(await scene.start({ config }));
  return routers;
}

/** A connection to the server as its operator; it is there until the case ends, or is told to `end`. */
async function connected(scene: Scene): Promise<pg.Client> {
  const client = new pg.Client(server.url);
  client.on('error', () => undefined);
  await client.connect();
  scene.finally(() => client.end());
  return client;
}

async function expectUnavailable(answer: Response | undefined): Promise<void> {
  expect(answer?.status).toBe(503);
  expect(Number(answer?.headers.get('retry-after'))).toBeGreaterThan(0);
  await answer?.body?.cancel();
}

const statusAt = async (url: string) => (await fetch(url).catch(() => undefined))?.status;

describe('a PostgreSQL that is gone', () => {
  fault(
    {
      number: 94,
      title: 'the database is not there when the router starts',
      fault: 'nobody listens where the database should be until two seconds after the router started',
      expected:
        'the router starts, lives and is not ready; webhooks are answered 503 with Retry-After; then it is ready by itself',
    },
    async (scene) => {
      const port = await freePort();
      const router = await scene.prepare({ config: { journal: await journal({}, port) } });
      router.launch();
      await scene.until(async () => (await statusAt(`${router.ingest}/healthz`)) === 200);
      expect(await statusAt(`${router.ingest}/readyz`)).toBe(503);
      await expectUnavailable(await scene.client.send([reportOf(newFinding())]));
      expect(router.output).toContain('the journal has a problem');
      await sleep(1_000);
      const front = await startFront(passTo(server.port), port);
      scene.finally(() => front.close());
      await scene.until(async () => (await statusAt(`${router.ingest}/readyz`)) === 200, 5_000);
      expect(await scene.client.post()).toBe(202);
    },
  );

  fault(
    {
      number: 95,
      title: 'the answer to a commit is lost',
      fault: 'every third COMMIT reaches the database, and its connection is cut before the answer',
      expected: 'each alert is accepted once, answered 202, and sent once',
    },
    async (scene) => {
      let commits = 0;
      let cuts = 0;
      const fateOf = (chunk: Buffer): Fate => {
        if (!chunk.includes('COMMIT') || ++commits % 3 !== 0) return 'passed';
        cuts += 1;
        return 'unanswered';
      };
      const front = await startFront(passTo(server.port, fateOf));
      scene.finally(() => front.close());
      await scene.start({ config: { journal: await journal({ lease: '2s' }, front.port) } });
      for (let count = 0; count < 20; count += 1) expect(await scene.client.post()).toBe(202);
      const { sinks } = await scene.account();
      expect(cuts).toBeGreaterThan(5);
      expect(sinks['pager']).toMatchObject({ received: 20, duplicates: 0 });
      const { totals } = await askAdmin<{ totals: { sources: readonly object[] } }>(scene.router, '/api/v1/ledger');
      expect(totals.sources).toMatchObject([{ accepted: 20, duplicates: 0 }]);
    },
  );
});

describe('a claim', () => {
  fault(
    {
      number: 96,
      title: 'of a router that is killed',
      fault:
        'SIGKILL while it has claimed five deliveries, which hang in a sink that keeps nothing; another router is there',
      expected: 'the other one makes them when the leases have ended, each once',
    },
    async (scene) => {
      const sink = await scene.sink();
      const config = { journal: await journal({ lease: '2s' }) };
      const first = await scene.start({ config });
      sink.server.always({ kind: 'hang' });
      for (let count = 0; count < 5; count += 1) expect(await scene.client.post()).toBe(202);
      await scene.until(() => sink.server.requests.length === 5);
      const second = await scene.start({ config });
      await first.stop('SIGKILL');
      const killed = performance.now();
      sink.server.always();
      await scene.until(() => sink.received().length === 5, 10_000);
      console.info(
        `96: taken over ${String(Math.round(performance.now() - killed))} ms after the kill; the lease is 2 s`,
      );
      expect(second.isRunning).toBe(true);
      const { sinks } = await scene.account();
      expect(sinks['pager']).toEqual({ received: 5, duplicates: 0, dead: 0 });
    },
  );

  fault(
    {
      number: 96,
      title: 'of a sink that is slower than the lease',
      fault: 'a sink that takes three leases for each request, and a second router that looks for work',
      expected: 'the lease is renewed: each is sent once',
    },
    async (scene) => {
      const sink = await scene.sink();
      sink.server.always({ kind: 'usual', delayMs: 3_000 });
      await startRouters(scene, 2, { lease: '1s' });
      for (let count = 0; count < 3; count += 1) expect(await scene.client.post()).toBe(202);
      const { sinks } = await scene.account();
      expect(sinks['pager']).toEqual({ received: 3, duplicates: 0, dead: 0 });
      expect(sink.server.requests).toHaveLength(3);
    },
  );
});

describe('a PostgreSQL that has no room', () => {
  fault(
    {
      number: 97,
      title: 'all its connections are taken',
      fault: 'others hold every connection of the server when a router starts, and for two seconds more',
      expected: '503 with Retry-After, /readyz says no; served as soon as there are connections again',
    },
    async (scene) => {
      const router = await scene.prepare({ config: { journal: await journal() } });
      const others: pg.Client[] = [];
      const takeOne = async (): Promise<boolean> => {
        const other = await connected(scene).catch(() => undefined);
        if (other) others.push(other);
        return other !== undefined;
      };
      while (await takeOne());
      router.launch();
      await scene.until(async () => (await statusAt(`${router.ingest}/healthz`)) === 200);
      expect(await statusAt(`${router.ingest}/readyz`)).toBe(503);
      await expectUnavailable(await scene.client.send([reportOf(newFinding())]));
      expect(router.output).toContain('53300');
      await sleep(1_000);
      for (const other of others) await other.end();
      await scene.until(async () => (await statusAt(`${router.ingest}/readyz`)) === 200, 5_000);
      expect(await scene.client.post()).toBe(202);
    },
  );

  fault(
    {
      number: 97,
      title: 'its statements take too long, and all connections of the router wait for them',
      fault: 'a lock on the table of what is owed, for longer than a statement may take, and 300 webhooks at once',
      expected:
        'each is answered 503 in about the time that a webhook may wait, /readyz says no; all is as before when the lock is gone',
    },
    async (scene) => {
      const block = await journal({ pool: 2 });
      const router = await scene.start({ config: { journal: block } });
      expect(await scene.client.post()).toBe(202);
      const schema = /search_path%3D(\w+)/.exec(block.url)?.[1] ?? '';
      const lock = await connected(scene);
      await lock.query(`BEGIN; LOCK TABLE ${schema}.owed IN ACCESS EXCLUSIVE MODE`);
      const reports = Array.from({ length: 300 }, () => reportOf(newFinding()));
      scene.client.noteSent(reports);
      const began = performance.now();
      const flood = reports.map(async (report) => {
        const answer = await fetch(`${router.ingest}/v1/ingest/vendor`, {
          method: 'POST',
          headers: { authorization: `Bearer ${sourceToken}` },
          body: JSON.stringify({ alerts: [alertOf(report)] }),
        });
        const ms = performance.now() - began;
        await expectUnavailable(answer);
        return ms;
      });
      const slowest = Math.max(...(await Promise.all(flood)));
      console.info(`97: 300 webhooks were answered 503 after ${String(Math.round(slowest))} ms at most`);
      expect(slowest).toBeLessThan(4_000);
      await scene.until(async () => (await statusAt(`${router.ingest}/readyz`)) === 503, 6_000);
      await lock.query('ROLLBACK');
      await scene.until(async () => (await statusAt(`${router.ingest}/readyz`)) === 200, 10_000);
      await scene.client.insist();
    },
  );
});

describe('a PostgreSQL that answers before it has written', () => {
  fault(
    {
      number: 98,
      title: 'is refused',
      fault: 'fsync, and then synchronous_commit, is off on the server',
      expected:
        'the start ends with 1 and says why; where the config accepts it, the router starts and warns in its log',
    },
    async (scene) => {
      const operator = await connected(scene);
      const set = async (to: string): Promise<void> => {
        await operator.query(`ALTER SYSTEM ${to}`);
        await operator.query('SELECT pg_reload_conf()');
      };
      scene.finally(() => set('RESET ALL'));
      const router = await scene.prepare({ config: { journal: await journal({ acceptWeakDurability: true }) } });
      const strict = await scene.prepare({ config: { journal: await journal() } });
      for (const setting of ['fsync', 'synchronous_commit']) {
        await set(`SET ${setting} = off`);
        strict.launch();
        expect(await strict.exited()).toBe(1);
        expect(strict.output).toMatch(new RegExp(`The PostgreSQL server has .*${setting} = off: .*write acceptWeak`));
      }
      await router.start();
      expect(router.output).toMatch(
        /"level":"warn".*fsync = off and synchronous_commit = off.*could be lost in a crash/,
      );
      expect(await scene.client.post()).toBe(202);
    },
  );
});

describe('several routers on one database', () => {
  fault(
    {
      number: 99,
      title: 'are given the same alert at once',
      fault: 'each of 20 alerts is posted to two routers at the same time; the clock of one is an hour ahead',
      expected:
        'each is accepted once and sent once; both senders get a 202; a lease ends by the clock of the database',
    },
    async (scene) => {
      const sink = await scene.sink();
      const clock = join(scene.folder, 'clock');
      writeFileSync(clock, '3600000');
      const config = { journal: await journal({ lease: '10s' }) };
      const right = await scene.start({ config });
      const ahead = await scene.prepare({ config });
      await ahead.start(scene.testBuild.withClock(clock));
      // Long enough that the one ahead would take what it believes to be over.
      sink.server.always({ kind: 'usual', delayMs: 700 });
      const both = [right, ahead].map(({ ingest }) => `${ingest}/v1/ingest/vendor`);
      const findings = Array.from({ length: 10 }, newFinding);
      for (const number of [1, 2])
        for (const finding of findings) {
          const report = reportOf(finding, number);
          const statuses = await Promise.all(both.map((url) => scene.client.postTo(url, [report])));
          expect(statuses).toEqual([202, 202]);
        }
      const { sinks } = await scene.account();
      expect(sinks['pager']).toEqual({ received: 20, duplicates: 0, dead: 0 });
      const { totals } = await askAdmin<{ totals: { sources: readonly object[] } }>(right, '/api/v1/ledger');
      expect(totals.sources).toMatchObject([{ accepted: 20, duplicates: 20 }]);
    },
  );

  fault(
    {
      number: 100,
      title: 'are restarted one after the other under load',
      fault: 'three routers behind a load balancer that asks /readyz; SIGTERM to each, and its start, in turn',
      expected:
        'no answer but 202, but for connections that were refused; each exits with 0; all is sent once, in order',
    },
    async (scene) => {
      const routers = await startRouters(scene, 3);
      const balancer = await scene.balance();
      const load = new AbortController();
      const loading = scene.client.load(20, load.signal, 250);
      for (const router of routers) {
        await sleep(300);
        expect(await router.stop('SIGTERM')).toBe(0);
        await router.start();
      }
      load.abort();
      await loading;
      const { acked, sinks } = await scene.account();
      const statuses = statusesOf(balancer);
      console.info(`100: ${JSON.stringify([...statuses])}, ${JSON.stringify(sinks['pager'])}`);
      expect([...statuses.keys()]).toEqual([202]);
      expect(sinks['pager']).toEqual({ received: acked, duplicates: 0, dead: 0 });
    },
  );
});
