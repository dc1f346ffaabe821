import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityStream, type Activity } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { Delivery, Journal } from '../core/journal.js';
import type { ReplayRequest } from '../core/replay.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { acceptedRequest, type ReportOf } from '../../test/support/accepted-request.js';
import type { ReplaySink } from './replay-choice.js';
import { Replayer } from './replayer.service.js';

const hourMs = 3_600_000;

let journal: Journal;
let replayer: Replayer;
let happened: Activity[];
let sinks: Map<string, ReplaySink>;
let routed: readonly string[];

beforeEach(async () => {
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  happened = [];
  routed = [];
  sinks = new Map<string, ReplaySink>([
    ['pager', { keepsState: true }],
    ['lake', { keepsState: false, maxAge: hourMs }],
  ]);
  replayer = open();
});

afterEach(async () => {
  await replayer.beforeApplicationShutdown();
  await journal.close();
});

function open(): Replayer {
  const activity = new ActivityStream();
  activity.subscribe((each) => happened.push(each));
  const decide = () => ({
    routes: ['now'],
    sinks: routed.map((sink) => ({ sink, routes: ['now'], keepsState: sinks.get(sink)?.keepsState ?? false })),
  });
  return new Replayer({ sink: (name) => sinks.get(name), decide }, journal, activity);
}

const accept = async (...reports: readonly ReportOf[]) => {
  const [receipt] = await journal.append([acceptedRequest({ receivedAt: Date.now() - 1 }, ...reports)]);
  return receipt?.alerts.map(({ id }) => id) ?? [];
};

async function claim(sink: string, count = 1_000): Promise<readonly Delivery[]> {
  for await (const batch of journal.claim(sink, { count }, AbortSignal.timeout(10_000))) return batch;
  throw new Error('nothing came due');
}

async function settle(batch: readonly Delivery[], kind: 'delivered' | 'dead'): Promise<void> {
  const next = kind === 'dead' ? ({ kind, fault: 'theirs', reason: 'HTTP 400' } as const) : ({ kind } as const);
  const outcome = kind === 'dead' ? 'rejected' : 'delivered';
  await journal.settle(
    batch.map(({ sink, lease, attempt }) => ({
      sink,
      lease,
      attempt: { attempt, at: Date.now(), durationMs: 1, outcome },
      next,
    })),
  );
}

const resend = (request: Partial<ReplayRequest> = {}): ReplayRequest => ({
  mode: 'resend',
  select: { state: 'dead' },
  rate: 1_000,
  force: false,
  ...request,
});
const reroute = (request: Partial<ReplayRequest> = {}) => resend({ mode: 'reroute', select: {}, ...request });

async function finished(id: string) {
  for (;;) {
    const replay = await journal.replay(id);
    if (replay?.finishedAt !== undefined) return replay;
    await sleep(5);
  }
}

describe('a replay', () => {
  it('sends dead letters again, and tells when it began and ended', async () => {
    await accept({ title: 'a' }, { title: 'b' }, { title: 'c', sinks: ['lake'] });
    await settle(await claim('pager'), 'dead');
    const { id } = await replayer.start(resend());
    expect((await claim('pager')).map(({ alert, replay }) => [alert.title, replay?.id])).toEqual([
      ['a', id],
      ['b', id],
    ]);
    expect(await finished(id)).toMatchObject({ looked: 2, owed: 2, pending: 2 });
    expect(happened).toMatchObject([
      { kind: 'replay', state: 'started', id },
      { kind: 'replay', state: 'finished', id, owed: 2 },
    ]);
  });

  it('sends what was delivered only when asked for it', async () => {
    await accept({}, {});
    const [first, ...others] = await claim('pager');
    await settle(first ? [first] : [], 'delivered');
    await settle(others, 'dead');
    expect(await replayer.plan(resend({ select: { state: 'delivered' } }))).toMatchObject({ deliveries: 1 });
    const { id } = await replayer.start(resend({ select: { state: 'delivered' } }));
    await finished(id);
    expect((await claim('pager')).map(({ alert }) => alert.id)).toEqual([first?.alert.id]);
  });

  it('has no more under way than its rate, and goes on when there is room', async () => {
    await accept(...Array.from({ length: 25 }, () => ({})));
    await settle(await claim('pager'), 'dead');
    const { id } = await replayer.start(resend({ rate: 10 }));
    const seen: number[] = [];
    for (let settled = 0; settled < 25;) {
      const pending = (await journal.replay(id))?.pending ?? 0;
      seen.push(pending);
      if (pending === 10 || (await journal.replay(id))?.owed === 25) {
        const batch = await claim('pager');
        settled += batch.length;
        await settle(batch, 'delivered');
      }
      await sleep(5);
    }
    expect(Math.max(...seen)).toBe(10);
    expect(await finished(id)).toMatchObject({ owed: 25, delivered: 25 });
  }, 60_000);

  it('asked for twice at once sends once', async () => {
    await accept({}, {});
    await settle(await claim('pager'), 'dead');
    const all = await Promise.all([
      replayer.start(resend()),
      replayer.start(resend()),
      replayer.start(resend({ rate: 7 })),
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(2);
    for (const { id } of all) await finished(id);
    const { items } = await journal.replays({ limit: 10 });
    expect(items.reduce((sum, { owed }) => sum + owed, 0)).toBe(2);
    expect((await claim('pager')).map(({ attempt }) => attempt)).toEqual([2, 2]);
  });

  it('goes on after a restart where it was', async () => {
    await accept(...Array.from({ length: 12 }, () => ({})));
    await settle(await claim('pager'), 'dead');
    const { id } = await replayer.start(resend({ rate: 5 }));
    const before = await claim('pager');
    await replayer.beforeApplicationShutdown();
    expect((await journal.replay(id))?.finishedAt).toBeUndefined();
    await settle(before, 'delivered');
    replayer = open();
    replayer.onApplicationBootstrap();
    const again = new Set(before.map(({ alert }) => alert.id));
    while (again.size < 12) {
      const batch = await claim('pager');
      for (const { alert } of batch) {
        expect(again.has(alert.id)).toBe(false);
        again.add(alert.id);
      }
      await settle(batch, 'delivered');
    }
    expect(await finished(id)).toMatchObject({ owed: 12, looked: 12 });
  }, 60_000);

  it('made by two routers at once all the same looks at each alert once', async () => {
    await accept(...Array.from({ length: 40 }, () => ({})));
    await settle(await claim('pager'), 'dead');
    const other = open();
    const { id } = await journal.startReplay('0190aaaa-0000-7000-8000-000000000000', resend({ rate: 100 }));
    for (const each of [replayer, other]) each.onApplicationBootstrap();
    const replay = await finished(id);
    await other.beforeApplicationShutdown();
    expect(replay).toMatchObject({ looked: 40, owed: 40 });
  });

  it('that another router was asked for is looked for now and then', async () => {
    replayer.onApplicationBootstrap();
    await accept({});
    await settle(await claim('pager'), 'dead');
    const { id } = await journal.startReplay('0190aaaa-0000-7000-8000-000000000000', resend());
    expect(await finished(id)).toMatchObject({ looked: 1, owed: 1 });
  }, 20_000);

  it('goes on after the journal could not be asked, and says so', async () => {
    await accept({});
    await settle(await claim('pager'), 'dead');
    const advance = journal.advanceReplay.bind(journal);
    let failures = 0;
    journal.advanceReplay = (...args) => {
      failures += 1;
      if (failures > 1) return advance(...args);
      return Promise.reject(new JournalUnavailableError('The disk of the journal is full.', false));
    };
    const { id } = await replayer.start(resend());
    expect(await finished(id)).toMatchObject({ owed: 1 });
    expect(happened).toContainEqual(
      expect.objectContaining({ kind: 'fault', reason: expect.stringContaining('full') }),
    );
  });

  it('leaves out what was accepted after it was asked for', async () => {
    const ids = await accept({ sinks: [] });
    routed = ['lake'];
    await journal.append([acceptedRequest({ receivedAt: Date.now() + hourMs }, { sinks: [] })]);
    const { id } = await replayer.start(reroute());
    expect(await finished(id)).toMatchObject({ looked: 1, owed: 1 });
    expect((await claim('lake')).map(({ alert }) => alert.id)).toEqual(ids);
  });
});

describe('a reroute', () => {
  it('owes what the routes of now name and nobody was owed before', async () => {
    await accept({ title: 'unrouted', sinks: [] }, { title: 'at the pager', sinks: ['pager'] });
    await settle(await claim('pager'), 'dead');
    routed = ['pager', 'lake'];
    expect(await replayer.plan(reroute())).toMatchObject({ alerts: 2, deliveries: 3 });
    const { id } = await replayer.start(reroute({ select: { sink: 'lake' } }));
    expect(await finished(id)).toMatchObject({ owed: 2 });
    expect((await claim('lake')).map(({ alert, attempt, routes }) => [alert.title, attempt, routes])).toEqual([
      ['unrouted', 1, ['now']],
      ['at the pager', 1, ['now']],
    ]);
  });
});

describe('what could do harm', () => {
  beforeEach(async () => {
    const finding = { finding: 'f', sinks: ['pager', 'lake', 'gone'] };
    await accept({ ...finding, version: 'old' }, { ...finding, version: 'new' });
    for (const sink of ['pager', 'lake', 'gone']) {
      await settle(await claim(sink), 'dead');
      await settle(await claim(sink), 'dead');
    }
  });

  it('is held back: an older report, where the sink keeps state; and what no sink takes', async () => {
    const plan = await replayer.plan(resend());
    expect(plan).toMatchObject({
      alerts: 2,
      deliveries: 3,
      unconfigured: 2,
      sinks: [
        { sink: 'pager', deliveries: 1, outdated: 1 },
        { sink: 'lake', deliveries: 2, outdated: 0 },
      ],
      warnings: [
        '1 held back from pager: it keeps state, and a newer report is there. force sends them.',
        expect.stringContaining('2 were for sinks'),
      ],
    });
    expect((await journal.replays({ limit: 1 })).items).toEqual([]);
    const { id } = await replayer.start(resend());
    expect(await finished(id)).toMatchObject({ owed: 3, outdated: 1, unconfigured: 2 });
    expect((await claim('pager')).map(({ alert }) => alert.title)).toEqual(['Report new of f']);
  });

  it('is sent all the same when forced, in its order', async () => {
    expect(await replayer.plan(resend({ force: true }))).toMatchObject({ deliveries: 4 });
    await finished((await replayer.start(resend({ force: true }))).id);
    const batch = await claim('pager');
    expect(batch.map(({ alert }) => alert.title)).toEqual(['Report old of f']);
  });

  it('is shown: what is older than a sink takes, and so gets another time there', async () => {
    sinks.set('lake', { keepsState: false, maxAge: 1_000 });
    const plan = await replayer.plan(resend({ select: { state: 'dead', sink: 'lake' } }));
    expect(plan.sinks).toEqual([{ sink: 'lake', deliveries: 2, restamped: 2, outdated: 0 }]);
    expect(plan.restamped).toMatchObject([
      { sink: 'lake', time: expect.stringMatching(/^\d{4}-/) },
      { sink: 'lake', alertId: expect.any(String) },
    ]);
    expect(plan.warnings).toEqual(['2 are older than lake takes: they get a later time there.']);
  });
});
