import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedRequest, type ReportOf } from '../../../test/support/accepted-request.js';
import { FakeVendor } from '../../../test/support/fake-vendor.js';
import { openPostgresJournal } from '../../../test/support/postgres-journal.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres.js';
import { ActivityStream, type Activity } from '../../core/activity.js';
import type { Journal } from '../../core/journal.js';
import { PullError } from '../../core/source.js';
import type { Outcome, Sink } from '../../core/sink.js';
import { Dispatcher } from '../../delivery/dispatcher.service.js';
import { Replayer } from '../../delivery/replayer.service.js';
import { IngestService } from '../../ingest/ingest.service.js';
import { Pressure } from '../../ingest/pressure.js';
import { Puller } from '../../ingest/puller.service.js';
import { PullOptions } from '../../kit/source-options.js';
import { Router as Routes } from '../../routing/router.js';

let server: PostgresServer;
let url: string;
let routers: Router[];
/** What the other side of the one sink answers, to whichever router; and how often it was probed, by router. */
let answer: Outcome;
let probes: number[];

beforeAll(async () => {
  server = await startPostgres(['-c', 'fsync=off']);
}, 60_000);
afterAll(() => server.stop(), 60_000);
beforeEach(async () => {
  url = await server.createSchema();
  [routers, probes, answer] = [[], [], { kind: 'delivered' }];
});
afterEach(async () => {
  for (const router of routers) await router.end();
}, 30_000);

type Router = {
  readonly journal: Journal;
  readonly dispatcher: Dispatcher;
  readonly replayer: Replayer;
  readonly puller: Puller;
  readonly told: readonly Activity[];
  end(): Promise<void>;
};

/** All of a router but its ports: it delivers to `pager`, makes replays and pulls the vendor. */
async function start(vendor: FakeVendor): Promise<Router> {
  const journal = await openPostgresJournal(url, { acceptWeakDurability: true }, { now: Date.now });
  const activity = new ActivityStream();
  const happened: Activity[] = [];
  activity.subscribe((each) => happened.push(each));
  const number = routers.length;
  probes[number] = 0;
  const pager: Sink = {
    maxBatch: 10,
    concurrency: 1,
    keepsState: false,
    deliver: async () => {
      // So slow that both routers have something under way before they hear of it.
      if (answer.kind === 'parked') await sleep(1_500);
      return answer;
    },
    probe: () => {
      probes[number] = (probes[number] ?? 0) + 1;
      return Promise.resolve(answer.kind === 'delivered');
    },
  };
  const dispatcher = new Dispatcher(
    { sinks: new Map([['pager', pager]]), maxAge: 60_000, shutdownGrace: 0 },
    journal,
    activity,
  );
  const routes = new Routes([]);
  const replayer = new Replayer({ sink: () => pager, decide: () => ({ routes: [], sinks: [] }) }, journal, activity);
  const pull = Object.assign(new PullOptions(), { every: 50, rate: 10_000 });
  const limits = { maxPending: 1_000, maxPendingBytes: 1_000_000 };
  const ingest = new IngestService(routes, journal, activity);
  const pressure = new Pressure(limits, 1, journal, activity);
  const puller = new Puller([{ source: vendor.source, pull }], ingest, journal, pressure, activity);
  const end = async (): Promise<void> => {
    for (const part of [puller, replayer, dispatcher]) await part.beforeApplicationShutdown();
    await journal.close();
  };
  const router = { journal, dispatcher, replayer, puller, told: happened, end };
  routers.push(router);
  dispatcher.onApplicationBootstrap();
  puller.onApplicationBootstrap();
  replayer.onApplicationBootstrap();
  return router;
}

async function startTwo(vendor = new FakeVendor()): Promise<readonly [Router, Router]> {
  return [await start(vendor), await start(vendor)];
}

async function until(holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<number> {
  const from = performance.now();
  while (!(await holds())) {
    if (performance.now() - from > withinMs) throw new Error(`not within ${String(withinMs)} ms: ${holds.toString()}`);
    await sleep(10);
  }
  return performance.now() - from;
}

const accept = ({ journal }: Router, ...reports: ReportOf[]) =>
  journal.append([acceptedRequest({ receivedAt: Date.now() - 1 }, ...reports)]);
const pagerOf = async ({ journal }: Router) =>
  (await journal.counts()).sinks.find(({ sink }) => sink === 'pager') ?? { delivered: 0, dead: 0 };
const kinds = ({ told }: Router) => told.map(({ kind }) => kind);
const parked: Outcome = { kind: 'parked', cause: 'http', reason: 'HTTP 403' };

describe('two routers and a sink that refuses', () => {
  /** Both had something under way: each parks it, or hears of it. */
  async function startParked(): Promise<readonly [Router, Router]> {
    const [a, b] = await startTwo();
    answer = parked;
    await accept(a, ...Array.from({ length: 50 }, () => ({})));
    await until(() => [...kinds(a), ...kinds(b)].includes('parked'));
    await sleep(2_000);
    return [a, b];
  }

  it('probe it one at a time, and both go on with it once it is mended', async () => {
    const [a, b] = await startParked();
    await until(() => probes.some((count) => count > 1), 20_000);
    expect(Math.min(...probes)).toBe(0);
    const [probing, other] = probes[0] === 0 ? [b, a] : [a, b];
    answer = { kind: 'delivered' };
    await until(async () => (await pagerOf(a)).delivered === 50, 30_000);
    expect([...kinds(a), ...kinds(b)].filter((kind) => kind === 'resumed')).toHaveLength(1);
    await probing.dispatcher.beforeApplicationShutdown();
    await accept(other, {});
    await until(async () => (await pagerOf(a)).delivered === 51);
  }, 60_000);

  it('go on with it within about a second, whichever of them an operator says it to', async () => {
    const [a, b] = await startParked();
    await a.dispatcher.resume('pager');
    answer = { kind: 'delivered' };
    await a.dispatcher.beforeApplicationShutdown();
    expect(await until(async () => (await pagerOf(b)).delivered === 50)).toBeLessThan(3_000);
    expect(probes).toEqual([0, 0]);
  }, 30_000);

  it('send nothing more within about a second of an operator parking it at one of them', async () => {
    const [a, b] = await startTwo();
    await a.dispatcher.park('pager', 'we move');
    await sleep(1_500);
    await accept(b, {}, {});
    await sleep(500);
    expect(await pagerOf(b)).toMatchObject({ delivered: 0, parked: { by: 'operator', reason: 'we move' } });
    await b.dispatcher.resume('pager');
    await until(async () => (await pagerOf(b)).delivered === 2);
    expect(kinds(a).filter((kind) => kind === 'resumed')).toEqual([]);
  }, 30_000);
});

describe('two routers and a replay', () => {
  it('look at each alert once, and send each once more', async () => {
    const [a, b] = await startTwo();
    answer = { kind: 'rejected', cause: 'http', reason: 'HTTP 400' };
    await accept(a, ...Array.from({ length: 60 }, () => ({})));
    await until(async () => (await pagerOf(a)).dead === 60);
    answer = { kind: 'delivered' };
    const request = { mode: 'resend', select: { state: 'dead' }, rate: 30, force: false } as const;
    const [one, two] = await Promise.all([a.replayer.start(request), b.replayer.start(request)]);
    expect(two.id).toBe(one.id);
    await until(async () => (await b.journal.replay(one.id))?.finishedAt !== undefined, 20_000);
    await until(async () => (await pagerOf(a)).delivered === 60);
    expect(await a.journal.replay(one.id)).toMatchObject({ looked: 60, owed: 60, delivered: 60, dead: 0 });
    expect([...kinds(a), ...kinds(b)].filter((kind) => kind === 'replay')).toHaveLength(2);
  }, 60_000);

  it('have one left to make it when the one that makes it ends', async () => {
    const [a, b] = await startTwo();
    answer = { kind: 'rejected', cause: 'http', reason: 'HTTP 400' };
    await accept(a, ...Array.from({ length: 40 }, () => ({})));
    await until(async () => (await pagerOf(a)).dead === 40);
    answer = { kind: 'delivered' };
    const request = { mode: 'resend', select: { state: 'dead' }, rate: 10, force: false } as const;
    const { id } = await a.replayer.start(request);
    await until(async () => ((await b.journal.replay(id))?.owed ?? 0) > 5);
    await a.replayer.beforeApplicationShutdown();
    await until(async () => (await b.journal.replay(id))?.finishedAt !== undefined, 30_000);
    expect(await b.journal.replay(id)).toMatchObject({ looked: 40, owed: 40 });
    expect(kinds(b).filter((kind) => kind === 'replay')).toHaveLength(2);
  }, 60_000);
});

describe('two routers and a pull', () => {
  const pulling = ({ puller }: Router) => puller.standing('warden')?.kind !== 'standing by';

  it('that an operator parks at the one that does not pull stops at the other, and goes on when he says so', async () => {
    const vendor = new FakeVendor();
    vendor.has(1);
    const [a, b] = await startTwo(vendor);
    await until(() => vendor.asked.length > 3 && (pulling(a) ? !pulling(b) : pulling(b)));
    const [holder, other] = pulling(a) ? [a, b] : [b, a];
    await other.puller.park('warden', 'we move');
    expect(await until(() => holder.puller.standing('warden')?.kind === 'parked')).toBeLessThan(3_000);
    const { length } = vendor.asked;
    await sleep(300);
    expect(vendor.asked).toHaveLength(length);
    await other.puller.resume('warden');
    expect(await until(() => vendor.asked.length > length)).toBeLessThan(3_000);
  }, 30_000);

  it('are asked for by one of them, and the other knows that it is parked', async () => {
    const vendor = new FakeVendor();
    vendor.fails = new PullError({ kind: 'parked', reason: 'HTTP 401' });
    const [a, b] = await startTwo(vendor);
    const standings = () => [a, b].map(({ puller }) => puller.standing('warden')?.kind).sort();
    await until(() => standings().join() === 'parked,standing by');
    expect((await b.journal.parkings()).pulls.get('warden')).toMatchObject({ reason: 'HTTP 401', by: 'router' });
    expect(vendor.asked).toHaveLength(1);
  }, 30_000);
});

describe('what one of two routers accepted', () => {
  it('is read, explained, counted and read again at the other', async () => {
    const [a, b] = await startTwo();
    const unread = [{ index: 1, reason: 'no title' }];
    const given = acceptedRequest({ receivedAt: Date.now() - 1, unread, body: Buffer.from('[{},{}]') }, {});
    await a.journal.append([given]);
    const { id } = given.alerts[0]?.alert ?? { id: '' };
    await until(async () => (await b.journal.alert(id))?.deliveries[0]?.state === 'delivered');
    expect(await b.journal.alert(id)).toEqual(await a.journal.alert(id));
    expect((await b.journal.raw(id))?.body.toString()).toBe('[{},{}]');
    const [one, two] = await Promise.all([a, b].map(({ journal }) => journal.quarantined(given.id)));
    expect(two).toEqual(one);
    const parts = two?.parts.map(({ number }) => number) ?? [];
    const again = acceptedRequest({ receivedAt: Date.now() }, {}).alerts;
    const read = { requestId: given.id, parts, alerts: again, unread: [] };
    const receipts = await Promise.all([a, b].map(({ journal }) => journal.reread(read)));
    expect(receipts.filter((receipt) => receipt !== undefined)).toHaveLength(1);
    await until(async () => (await pagerOf(a)).delivered === 2);
    const range = { from: 0, until: Date.now() + 1_000 };
    const [here, there] = [await a.journal.ledger(range), await b.journal.ledger(range)];
    expect(there).toEqual(here);
    expect(there).toMatchObject({
      balanced: true,
      totals: { sources: [{ received: 2, accepted: 2, quarantined: 0 }] },
    });
  }, 30_000);
});
