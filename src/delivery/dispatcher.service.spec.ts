import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityStream, type Activity } from '../core/activity.js';
import type { Delivery, Journal } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { Dispatcher } from './dispatcher.service.js';

const delivered: Outcome = { kind: 'delivered' };
const retry: Outcome = { kind: 'retry', cause: 'http', reason: 'status 503' };

/** A sink that answers from a script and remembers, by title, what it was given. */
class FakeSink implements Sink {
  readonly keepsState = false;
  readonly given: string[] = [];
  readonly calls: (readonly string[])[] = [];
  running = 0;
  mostRunning = 0;
  closed = false;
  answer: (titles: readonly string[]) => Promise<Outcome | readonly Outcome[]> | Outcome | readonly Outcome[] = () =>
    delivered;

  constructor(
    readonly maxBatch: number,
    readonly concurrency = 1,
  ) {}

  async deliver(batch: readonly Delivery[]): Promise<Outcome | readonly Outcome[]> {
    const titles = batch.map(({ alert }) => alert.title);
    this.calls.push(titles);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      const outcome = await this.answer(titles);
      if (!Array.isArray(outcome) && (outcome as Outcome).kind === 'delivered') this.given.push(...titles);
      return outcome;
    } finally {
      this.running -= 1;
    }
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

let journal: Journal;
let happened: Activity[];
let dispatcher: Dispatcher | undefined;

beforeEach(async () => {
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  happened = [];
});

afterEach(async () => {
  await dispatcher?.beforeApplicationShutdown();
  dispatcher = undefined;
  await journal.close();
});

function start(sinks: Record<string, Sink>, shutdownGrace = 1_000): void {
  const activity = new ActivityStream();
  activity.subscribe((each) => happened.push(each));
  const options = { sinks: new Map(Object.entries(sinks)), maxAge: 60_000, shutdownGrace };
  dispatcher = new Dispatcher(options, journal, activity);
  dispatcher.onApplicationBootstrap();
}

const accept = (titles: readonly string[], sinks: readonly string[], finding?: string): Promise<unknown> =>
  journal.append([
    acceptedRequest(
      { receivedAt: Date.now() },
      ...titles.map((title) => ({ title, sinks, version: title, ...(finding !== undefined && { finding }) })),
    ),
  ]);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 10) {
    if (waited > 8_000) throw new Error('it did not come true in 8 s');
    await sleep(10);
  }
}

const deadLetters = async () => (await journal.deliveries({ state: 'dead' }, { limit: 100 })).items;

describe('the dispatcher', () => {
  it('delivers what is accepted, and settles it', async () => {
    const sink = new FakeSink(1);
    start({ a: sink });
    await accept(['one', 'two'], ['a']);
    await until(() => sink.given.length === 2);
    await until(async () => (await journal.counts()).sinks[0]?.delivered === 2);
    expect(happened).toMatchObject([
      { kind: 'attempted', sink: 'a', next: 'delivered' },
      { kind: 'attempted', sink: 'a', next: 'delivered' },
    ]);
  });

  it('lets no sink delay another', async () => {
    const [dead, alive] = [new FakeSink(1), new FakeSink(1)];
    dead.answer = () => new Promise(() => undefined);
    start({ dead, alive }, 50);
    await accept(['one', 'two', 'three'], ['dead', 'alive']);
    await until(() => alive.given.length === 3);
    expect(dead.given).toEqual([]);
  });

  it('tries again, and keeps the order within a finding', async () => {
    const sink = new FakeSink(1, 4);
    let failures = 2;
    sink.answer = ([title]) => (title === 'opened' && failures-- > 0 ? retry : delivered);
    start({ a: sink });
    await accept(['opened', 'changed', 'closed'], ['a'], 'one finding');
    await accept(['another'], ['a']);
    await until(() => sink.given.length === 4);
    expect(sink.given.filter((title) => title !== 'another')).toEqual(['opened', 'changed', 'closed']);
    expect(sink.given[0]).toBe('another');
  });

  it('finds the one alert that spoils a batch, and delivers its neighbours', async () => {
    const sink = new FakeSink(100);
    sink.answer = (titles) =>
      titles.includes('poison') ? { kind: 'rejected', cause: 'http', reason: 'status 400' } : delivered;
    const titles = Array.from({ length: 64 }, (_, index) => (index === 37 ? 'poison' : `good ${index}`));
    await accept(titles, ['a']);
    start({ a: sink });
    await until(() => sink.given.length === 63);
    await until(async () => (await deadLetters()).length === 1);
    expect(await deadLetters()).toMatchObject([{ reason: 'status 400', fault: 'theirs' }]);
    expect(sink.calls.length).toBeLessThanOrEqual(1 + 2 * Math.log2(64));
  });

  it('takes one outcome for each delivery', async () => {
    const sink = new FakeSink(10);
    sink.answer = (titles) =>
      titles.map((title) => (title === 'bad' ? { kind: 'rejected', cause: 'http', reason: 'no' } : delivered));
    await accept(['good', 'bad', 'fine'], ['a']);
    start({ a: sink });
    await until(async () => {
      const [counts] = (await journal.counts()).sinks;
      return counts?.delivered === 2 && counts.dead === 1;
    });
  });

  it('makes a dead letter of ours where a sink throws', async () => {
    const sink = new FakeSink(1);
    sink.answer = ([title]) => {
      if (title === 'bad') throw new Error('boom');
      return delivered;
    };
    start({ a: sink });
    await accept(['bad', 'good'], ['a']);
    await until(() => sink.given.length === 1);
    await until(async () => (await deadLetters()).length === 1);
    expect(await deadLetters()).toMatchObject([{ fault: 'ours', reason: expect.stringContaining('boom') as unknown }]);
  });

  it('runs no more calls at once than the sink allows', async () => {
    const sink = new FakeSink(1, 3);
    sink.answer = () => sleep(20).then(() => delivered);
    start({ a: sink });
    await accept(
      Array.from({ length: 12 }, (_, index) => `n${index}`),
      ['a'],
    );
    await until(() => sink.given.length === 12);
    expect(sink.mostRunning).toBe(3);
  });

  it('parks a sink that an operator must mend, drops nothing, and resumes when a probe succeeds', async () => {
    let isKeyGood = false;
    const sink: Sink & { given: string[] } = Object.assign(new FakeSink(1), {
      probe: () => Promise.resolve(isKeyGood),
    });
    (sink as FakeSink).answer = () =>
      isKeyGood ? delivered : { kind: 'parked', cause: 'http', reason: 'status 403: the key is not accepted' };
    start({ a: sink });
    await accept(['one', 'two'], ['a']);
    await until(async () => (await journal.counts()).sinks[0]?.parked !== undefined);
    expect((sink as FakeSink).calls).toHaveLength(1);
    isKeyGood = true;
    await until(() => sink.given.length === 2);
    expect(sink.given).toEqual(['one', 'two']);
    const kinds = happened.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'parked' || kind === 'resumed')).toEqual(['parked', 'resumed']);
  });

  it('holds what an operator parked, though a probe would say yes, until an operator resumes it', async () => {
    let probes = 0;
    const sink = Object.assign(new FakeSink(1), { probe: () => Promise.resolve((probes += 1) > 0) });
    start({ a: sink });
    await dispatcher?.park('a', 'key rotation');
    await accept(['one', 'two'], ['a']);
    await sleep(100);
    expect([sink.calls.length, probes]).toEqual([0, 0]);
    await dispatcher?.resume('a');
    await until(() => sink.given.length === 2);
    expect(sink.given).toEqual(['one', 'two']);
    await expect(dispatcher?.park('nowhere', '')).rejects.toThrow('there is no sink nowhere');
  });

  it('goes on at once when an operator resumes what the router had parked', async () => {
    const sink = new FakeSink(1);
    let isKeyGood = false;
    sink.answer = () => (isKeyGood ? delivered : { kind: 'parked', cause: 'http', reason: 'status 403' });
    start({ a: sink });
    await accept(['one', 'two'], ['a']);
    await until(() => happened.some(({ kind }) => kind === 'parked'));
    isKeyGood = true;
    await dispatcher?.resume('a');
    await until(() => sink.given.length === 2);
    expect(sink.given).toEqual(['one', 'two']);
  });

  it('makes dead letters of what a sink that is gone was owed, when it is told to, and of nothing else', async () => {
    const here = new FakeSink(1);
    await journal.park('gone', 'status 403');
    await accept(['one', 'two', 'three'], ['gone', 'here'], 'one finding');
    start({ here });
    await until(() => here.given.length === 3);
    expect(await dispatcher?.giveUp('gone')).toBe(3);
    const letters = await deadLetters();
    expect(letters).toHaveLength(3);
    expect(letters).toMatchObject(letters.map(() => ({ sink: 'gone', fault: 'operator' })));
    expect((await journal.counts()).sinks).toMatchObject([
      { sink: 'gone', pending: 0, dead: 3 },
      { sink: 'here', delivered: 3, dead: 0 },
    ]);
    await expect(dispatcher?.giveUp('here')).rejects.toThrow('is at work');
  });

  it('tries a sink with an event of its own that is in no journal, parked or not', async () => {
    const sink = new FakeSink(1);
    start({ a: sink });
    await dispatcher?.park('a', 'key rotation');
    expect(await dispatcher?.test('a')).toMatchObject({ outcome: 'delivered' });
    expect(sink.given).toEqual(['Signalbox test event']);
    sink.answer = () => ({
      kind: 'parked',
      cause: 'http',
      reason: 'status 403',
      answer: { status: 403, excerpt: 'no' },
    });
    expect(await dispatcher?.test('a')).toEqual({
      outcome: 'parked',
      cause: 'http',
      reason: 'status 403',
      answer: { status: 403, excerpt: 'no' },
      durationMs: expect.any(Number) as unknown,
    });
    expect((await journal.counts()).sinks).toMatchObject([{ sink: 'a', pending: 0, delivered: 0, dead: 0 }]);
    expect((await journal.alerts({}, { limit: 10 })).items).toEqual([]);
    expect(happened.map(({ kind }) => kind)).toEqual(['parked']);
  });

  it('takes a changed sink in the place of the old one, and keeps what a sink that is gone was owed', async () => {
    const [before, after, same, gone] = [new FakeSink(1), new FakeSink(1), new FakeSink(1), new FakeSink(1)];
    let finish: () => void = () => undefined;
    before.answer = () =>
      new Promise((resolve) => {
        finish = () => {
          resolve(delivered);
        };
      });
    start({ a: before, same, gone });
    await accept(['one', 'two'], ['a', 'same']);
    await until(() => before.running === 1 && same.given.length === 2);
    const used = dispatcher?.use(
      new Map<string, Sink>([
        ['a', after],
        ['same', same],
      ]),
    );
    await until(() => gone.closed);
    await accept(['three'], ['gone', 'same']);
    expect(after.calls).toEqual([]);
    finish();
    await used;
    await until(() => after.given.length === 1 && same.given.length === 3);
    expect([before.given, before.closed, after.given, same.closed]).toEqual([['one'], true, ['two'], false]);
    expect((await journal.counts()).sinks.find(({ sink }) => sink === 'gone')).toMatchObject({ pending: 1 });
    await dispatcher?.use(new Map([['gone', gone]]));
    await until(() => gone.given.length === 1);
  });

  it('lets running calls end when it stops, and gives back what it had not tried', async () => {
    const sink = new FakeSink(1, 2);
    sink.answer = () => sleep(200).then(() => delivered);
    await accept(['one', 'two', 'three', 'four'], ['a']);
    start({ a: sink });
    await until(() => sink.running === 2);
    await dispatcher?.beforeApplicationShutdown();
    dispatcher = undefined;
    expect(sink.given).toHaveLength(2);
    expect(sink.closed).toBe(true);
    expect((await journal.counts()).sinks[0]).toMatchObject({ delivered: 2, pending: 2 });
    const again = await journal.claim('a', { count: 10 }, AbortSignal.timeout(2_000))[Symbol.asyncIterator]().next();
    expect(again.value).toHaveLength(2);
  });

  it('goes on after the journal failed it for a moment', async () => {
    const sink = new FakeSink(1);
    const settle = journal.settle.bind(journal);
    let isBroken = true;
    journal.settle = (settlements) => {
      if (!isBroken) return settle(settlements);
      isBroken = false;
      return Promise.reject(new Error('the disk is full'));
    };
    start({ a: sink });
    await accept(['one'], ['a']);
    await until(() => happened.some(({ kind }) => kind === 'fault'));
    await accept(['two'], ['a']);
    await until(() => sink.given.includes('two'));
  });
});
