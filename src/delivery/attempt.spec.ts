import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleAlert } from '../../test/support/alerts.js';
import { sampleDelivery } from '../../test/support/deliveries.js';
import type { Delivery } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import { attempt } from './attempt.js';

const never = new AbortController().signal;
const delivered: Outcome = { kind: 'delivered' };
const rejected: Outcome = { kind: 'rejected', cause: 'http', reason: 'status 400' };

type Answers = Outcome | readonly Outcome[];

/** A sink that is told the titles it is given. */
const answering = (answer: (titles: readonly string[], signal: AbortSignal) => Answers | Promise<Answers>): Sink => ({
  maxBatch: 10,
  concurrency: 1,
  keepsState: false,
  deliver: async (batch, signal) =>
    answer(
      batch.map(({ alert }) => alert.title),
      signal,
    ),
});
const named = (...titles: readonly string[]) =>
  titles.map((title) => sampleDelivery({ alert: sampleAlert({ title }) }));
const soon = async <T>(value: T, ms: number): Promise<T> => sleep(ms, value);

/** What each title ended with. */
async function outcomes(answer: Parameters<typeof answering>[0], ...titles: readonly string[]) {
  const attempted = await attempt(answering(answer), named(...titles), never);
  return attempted.map(({ delivery, outcome }) => [delivery.alert.title, outcome] as const);
}

describe('an attempt', () => {
  it('tells a sink by a tag which deliveries are of a replay, and leaves the rest as it is', async () => {
    const given: Delivery[] = [];
    const sink: Sink = {
      maxBatch: 2,
      concurrency: 1,
      keepsState: false,
      deliver: (batch) => {
        given.push(...batch);
        return Promise.resolve({ kind: 'delivered' });
      },
    };
    const usual = sampleDelivery();
    const again = sampleDelivery({ replay: { id: 'r', at: 1, attemptsBefore: 2 } });
    const attempted = await attempt(sink, [usual, again], new AbortController().signal);
    expect(given).toEqual([usual, { ...again, alert: { ...again.alert, tags: ['replay:true', ...again.alert.tags] } }]);
    expect(attempted.map(({ delivery }) => delivery)).toEqual([usual, again]);
  });

  it('says when it began and how long the call took', async () => {
    const before = Date.now();
    const [one] = await attempt(
      answering(() => soon(delivered, 30)),
      named('a'),
      never,
    );
    expect(one?.timing.startedAt).toBeGreaterThanOrEqual(before);
    expect(one?.timing.startedAt).toBeLessThanOrEqual(Date.now());
    expect(one?.timing.durationMs).toBeGreaterThanOrEqual(25);
    expect(one?.timing.durationMs).toBeLessThan(10_000);
    expect(Number.isInteger(one?.timing.durationMs)).toBe(true);
  });

  it('hands the signal on, so that a call can be cut off', async () => {
    const stop = new AbortController();
    const signals: AbortSignal[] = [];
    await attempt(
      answering((_, signal) => {
        signals.push(signal);
        return delivered;
      }),
      named('a'),
      stop.signal,
    );
    expect(signals).toEqual([stop.signal]);
  });

  it('takes one outcome for all, and one each in the order given', async () => {
    expect(await outcomes(() => delivered, 'a', 'b')).toEqual([
      ['a', delivered],
      ['b', delivered],
    ]);
    expect(await outcomes(() => [delivered, rejected], 'a', 'b')).toEqual([
      ['a', delivered],
      ['b', rejected],
    ]);
  });

  it('takes a missing outcome for a fault of the sink', async () => {
    const [first, second] = await outcomes(() => [delivered], 'a', 'b');
    expect(first).toEqual(['a', delivered]);
    expect(second).toMatchObject(['b', { kind: 'rejected', cause: 'plugin' }]);
    expect(second?.[1]).toHaveProperty('reason', expect.stringContaining('fewer outcomes'));
  });

  it('of a batch that is rejected whole is made again by halves, the larger first, until one stands alone', async () => {
    const calls: string[] = [];
    const told = await outcomes(
      (titles) => {
        calls.push(titles.join(''));
        return titles.includes('d') ? rejected : delivered;
      },
      ...'abcde',
    );
    expect(calls).toEqual(['abcde', 'abc', 'de', 'd', 'e']);
    expect(told.map(([title, { kind }]) => `${title} ${kind}`)).toEqual([
      'a delivered',
      'b delivered',
      'c delivered',
      'd rejected',
      'e delivered',
    ]);
  });

  it('that may be made later is not made by halves', async () => {
    const calls: string[] = [];
    const retry: Outcome = { kind: 'retry', cause: 'http', reason: 'status 503' };
    const told = await outcomes(
      (titles) => {
        calls.push(titles.join(''));
        return retry;
      },
      ...'ab',
    );
    expect([calls, told.map(([, outcome]) => outcome)]).toEqual([['ab'], [retry, retry]]);
  });

  it.each([
    ['an error', () => Promise.reject(new Error('no such template')), 'no such template'],
    ['something else', jest.fn<() => Promise<Outcome>>().mockRejectedValue('nonsense'), 'nonsense'],
  ])('of a sink that throws %s is a fault of ours', async (_, answer, said) => {
    const [one] = await outcomes(answer, 'a');
    expect(one?.[1]).toMatchObject({ kind: 'rejected', cause: 'plugin' });
    expect(one?.[1]).toHaveProperty('reason', expect.stringMatching(new RegExp(`code failed: .*${said}`)));
  });
});

describe('an attempt of a sink that hangs', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('ends after 45 s, and is made again later', async () => {
    jest.useFakeTimers();
    let ended: readonly (readonly [string, Outcome])[] = [];
    void outcomes(() => new Promise(() => undefined), 'a').then((all) => {
      ended = all;
    });
    await jest.advanceTimersByTimeAsync(44_999);
    expect(ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(ended).toEqual([['a', { kind: 'retry', cause: 'deadline', reason: 'no outcome after 45 s' }]]);
  });

  it('leaves no timer behind where the sink answered', async () => {
    jest.useFakeTimers();
    await outcomes(() => delivered, 'a');
    expect(jest.getTimerCount()).toBe(0);
  });
});
