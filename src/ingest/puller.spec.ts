import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeVendor, type FakeAlert } from '../../test/support/fake-vendor.js';
import { ActivityStream, type Activity } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { Journal } from '../core/journal.js';
import { PullError } from '../core/source.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { PullOptions } from '../kit/source-options.js';
import { RouteOptions } from '../routing/route.js';
import { Router } from '../routing/router.js';
import { IngestService } from './ingest.service.js';
import { PullLoop, type PullingSource } from './pull-loop.js';

const dayMs = 86_400_000;

let vendor: FakeVendor;
let journal: Journal;
let activity: ActivityStream;
let told: Activity[];
let ingest: IngestService;
let isFull: boolean;
let loops: PullLoop[];

beforeEach(async () => {
  vendor = new FakeVendor();
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  activity = new ActivityStream();
  told = [];
  activity.subscribe((each) => told.push(each));
  const router = new Router(plainToInstance(RouteOptions, [{ name: 'all', to: ['pager'] }]));
  ingest = new IngestService(router, journal, activity);
  isFull = false;
  loops = [];
});
afterEach(async () => {
  for (const loop of loops) await loop.end();
  await journal.close();
});

/** Pulls every ten milliseconds, however it ended, unless told. */
function start(options: Partial<PullOptions> = {}): PullLoop {
  const pulling: PullingSource = {
    source: vendor.source,
    pull: Object.assign(new PullOptions(), { every: 10, rate: 10_000, ...options }),
  };
  const context = {
    ingest,
    journal,
    activity,
    isFull: () => isFull,
    holder: 'me',
    now: Date.now,
    // So little of the backoff that it is over at once.
    random: () => 0.001,
  };
  const loop = new PullLoop(pulling, context);
  loops.push(loop);
  return loop;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 1_000; turns += 1) {
    if (await holds()) return;
    await sleep(5);
  }
  throw new Error(`never: ${holds.toString()}`);
}

/** The titles of what was accepted, oldest first. */
async function titles(): Promise<readonly string[]> {
  const { items } = await journal.alerts({}, { limit: 500 });
  return items.map(({ title }) => title).reverse();
}
const has = (count: number) => async () => (await titles()).length >= count;
const of = <Kind extends Activity['kind']>(kind: Kind) =>
  told.filter((each): each is Extract<Activity, { kind: Kind }> => each.kind === kind);
const webhook = (...alerts: readonly FakeAlert[]) => ingest.accept(vendor.source, vendor.requestOf(alerts));

describe('a pull', () => {
  it('brings what the vendor has, oldest first, page after page, and goes on where it was', async () => {
    vendor.has(5);
    start();
    await until(has(5));
    expect(await titles()).toEqual(['alert 1', 'alert 2', 'alert 3', 'alert 4', 'alert 5']);
    vendor.has(1);
    await until(has(6));
    await until(() => vendor.asked.at(-1)?.cursor === '6');
    expect(vendor.asked.slice(0, 2).map(({ cursor }) => cursor)).toEqual([undefined, '5']);
  });

  it('begins as far back as it is told, and remembers it while it fails', async () => {
    vendor.fails = new PullError({ kind: 'retry', reason: 'status 503' });
    const before = Date.now();
    start({ from: dayMs });
    await until(() => of('pull-failed').length > 0);
    for (const loop of loops) await loop.end();
    const [first] = vendor.asked;
    expect(first?.since).toBeGreaterThanOrEqual(before - dayMs);
    start({ from: dayMs });
    await until(() => vendor.asked.length > 2);
    expect(vendor.asked.at(-1)?.since).toBe(first?.since);
  });

  it('makes one alert of what a webhook brought, too', async () => {
    const [first, second] = vendor.has(2);
    await webhook(first as FakeAlert);
    start();
    await until(has(2));
    await until(() => of('pulled').length > 1);
    await webhook(second as FakeAlert);
    expect(await titles()).toEqual(['alert 1', 'alert 2']);
    const [day] = await journal.reconciliation({ from: 0, until: Date.now() + dayMs });
    expect(day).toMatchObject({ vendor: 2, webhook: 2, recovered: 0, missing: 0 });
  });

  it('takes no more pages than it may, and the rest the next time', async () => {
    vendor.has(9);
    start({ maxPages: 2 });
    await until(has(9));
    await until(() => of('pulled').length > 2);
    expect(of('pulled').slice(0, 3)).toMatchObject([
      { pages: 2, accepted: 4, isCaughtUp: false },
      { pages: 2, accepted: 4, isCaughtUp: false },
      { pages: 1, accepted: 1, isCaughtUp: true },
    ]);
  });

  it('keeps to its rate: what is new, and only that, takes its time', async () => {
    vendor.has(6);
    const began = performance.now();
    start({ rate: 40 });
    await until(has(6));
    // Two a page: the third page comes after the first four.
    expect(performance.now() - began).toBeGreaterThanOrEqual(90);
  });

  it('keeps to its rate within a page, too: what is over comes due later', async () => {
    vendor.has(2);
    start({ rate: 1 });
    await until(has(2));
    const { items } = await journal.deliveries({}, { limit: 2 });
    const [second, first] = items.map(({ dueAt, receivedAt }) => (dueAt ?? 0) - Date.parse(receivedAt));
    expect([first, second]).toEqual([0, 1_000]);
  });

  it('waits while the backlog is full, and loses nothing', async () => {
    isFull = true;
    vendor.has(3);
    const loop = start();
    await until(() => loop.standing.kind === 'held up');
    expect(await titles()).toEqual([]);
    isFull = false;
    await until(has(3));
  });

  it('waits for a journal that cannot be written, and asks for nothing again', async () => {
    vendor.has(1);
    const append = journal.append.bind(journal);
    journal.append = () => Promise.reject(new JournalUnavailableError('the disk is full', false));
    const loop = start({ every: 60_000 });
    await until(() => loop.standing.kind === 'held up');
    journal.append = append;
    await until(has(1));
    expect(vendor.asked).toHaveLength(1);
  });

  it('does not put into the quarantine again what it finds there again', async () => {
    vendor.has(1);
    vendor.odd = true;
    start();
    await until(() => of('pulled').length > 3);
    const { items } = await journal.quarantine({ limit: 10 });
    expect(items).toHaveLength(1);
  });

  it('is told of a source that throws what it should not, and tries again', async () => {
    vendor.fails = new Error('a bug');
    start();
    await until(() => of('pull-failed').length > 1);
    expect(of('pull-failed')[1]).toMatchObject({ reason: 'a bug', failures: 2 });
    vendor.fails = undefined;
    vendor.has(1);
    await until(has(1));
  });
});

describe('a vendor that is odd', () => {
  it('forgets the cursor: begins anew, from where the last pull had come to the end or earlier', async () => {
    vendor.has(1);
    start({ from: 1_000, overlap: 60_000 });
    await until(() => of('pulled').length > 1);
    vendor.fails = new PullError({ kind: 'lost', reason: 'status 410' });
    await until(() => vendor.asked.some(({ cursor }, index) => index > 0 && cursor === undefined));
    vendor.fails = undefined;
    vendor.has(1);
    await until(has(2));
    const again = vendor.asked.filter(({ cursor }) => cursor === undefined).at(-1);
    expect(again?.since).toBeLessThanOrEqual(Date.now() - 60_000);
    await until(() => vendor.asked.at(-1)?.cursor === '2');
  });

  it('gives the same page again and again: it is told, and waited for', async () => {
    vendor.has(2);
    vendor.repeats = true;
    start();
    await until(() => of('pull-failed').length > 1);
    expect(of('pull-failed')[0]?.reason).toContain('the same page again and again');
    expect(await titles()).toEqual(['alert 1', 'alert 2']);
  });

  it('gives empty pages for ever: no more than it may take, and it is told', async () => {
    vendor.isEmptyForEver = true;
    start({ maxPages: 7 });
    await until(() => of('pull-failed').length > 0);
    expect(of('pull-failed')[0]?.reason).toContain('7 pages with nothing in them');
    expect(vendor.pages).toBeGreaterThanOrEqual(7);
  });

  it('asks to be left alone for longer than it would be: it is', async () => {
    vendor.fails = new PullError({ kind: 'retry', reason: 'status 429', afterMs: 60_000 });
    const loop = start();
    await until(() => loop.standing.kind === 'failing');
    expect(loop.standing).toMatchObject({ reason: 'status 429', failures: 1 });
    expect('nextAt' in loop.standing && loop.standing.nextAt).toBeGreaterThan(Date.now() + 50_000);
  });
});

describe('a pull that the vendor refuses', () => {
  beforeEach(() => {
    vendor.fails = new PullError({ kind: 'parked', reason: 'status 401' });
    vendor.has(1);
  });

  it('is parked, told once, and tried until it goes on by itself; webhooks go on', async () => {
    start();
    await until(() => vendor.asked.length > 3);
    expect(of('pull-parked')).toMatchObject([{ source: 'warden', reason: 'status 401', by: 'router' }]);
    expect(await webhook({ id: 9, at: Date.now() })).toMatchObject({ kind: 'accepted', accepted: 1 });
    vendor.fails = undefined;
    await until(() => of('pull-resumed').length > 0);
    await until(has(2));
    expect((await journal.pullState('warden'))?.parked).toBeUndefined();
  });

  it('still is after a restart, and is tried at once', async () => {
    await journal.parkPull('warden', 'status 401');
    start();
    await until(() => vendor.asked.length > 0);
    expect(of('pull-parked')).toHaveLength(1);
    vendor.fails = undefined;
    await until(() => of('pull-resumed').length > 0);
    expect(await titles()).toHaveLength(1);
    expect(of('pull-resumed')).toMatchObject([{ by: 'router' }]);
  });

  it('waits for an operator where an operator parked it, and goes on at once when told', async () => {
    vendor.fails = undefined;
    const loop = start({ every: 60_000 });
    await until(has(1));
    await loop.park('we move');
    await until(() => loop.standing.kind === 'parked');
    const asked = vendor.asked.length;
    await sleep(30);
    expect(vendor.asked).toHaveLength(asked);
    vendor.has(1);
    await loop.resume();
    await until(has(2));
    expect(of('pull-resumed')).toMatchObject([{ source: 'warden', by: 'operator' }]);
  });
});

describe('several routers on one journal', () => {
  it('pull one at a time', async () => {
    journal.hold = () => Promise.resolve(false);
    vendor.has(1);
    const loop = start();
    await until(() => loop.standing.kind === 'standing by');
    expect(vendor.asked).toEqual([]);
  });
});

describe('the end of a pull', () => {
  it('comes at once, whatever the vendor does', async () => {
    vendor.hangs = true;
    const loop = start();
    await until(() => vendor.asked.length > 0);
    await loop.end();
    vendor.hangs = false;
    expect(vendor.asked).toHaveLength(1);
  });
});
