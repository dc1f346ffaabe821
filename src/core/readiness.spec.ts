import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Journal, Pending, SinkBacklog } from './journal.js';
import type { Missing } from './missing.js';
import { isReady, Readiness } from './readiness.js';
import type { PullState } from './reconciliation.js';

const limits = { maxPending: 100, maxPendingBytes: 10_000 };
const idle = { pending: 0, delivered: 4, dead: 0, superseded: 0 };
const lost: Missing = { noticedAt: 1, writes: { from: 5, to: 9 }, requests: { from: 2, to: 3 } };

/** A journal in the given condition; counts how often it is asked. */
function journalWith({
  pending = { deliveries: 0, bytes: 0 },
  sinks = [{ sink: 'pager', ...idle }],
  pulls = [],
  missing = [],
  failure,
  answered = Promise.resolve(),
}: {
  pending?: Pending;
  sinks?: readonly SinkBacklog[];
  pulls?: readonly PullState[];
  missing?: readonly Missing[];
  failure?: Error;
  answered?: Promise<void>;
} = {}) {
  const asked = { times: 0 };
  const journal = {
    check: () => {
      asked.times += 1;
      return failure ? Promise.reject(failure) : answered;
    },
    counts: () => Promise.resolve({ sources: [], routes: [], sinks, pulls, missing }),
    pending: () => pending,
  } as Partial<Journal> as Journal;
  return { journal, asked };
}

const conditionOf = (journal: Parameters<typeof journalWith>[0]) =>
  new Readiness(journalWith(journal).journal, limits).condition();

describe('a router', () => {
  it('is ok where nothing is wrong', async () => {
    expect(await conditionOf({})).toEqual({ status: 'ok', problems: [] });
  });

  it('is degraded while a sink is parked, and says which', async () => {
    const parked = { reason: 'answered 401', since: 1, by: 'router' } as const;
    const sinks = [
      { sink: 'pager', ...idle },
      { sink: 'archive', ...idle, parked },
    ];
    expect(await conditionOf({ sinks })).toEqual({ status: 'degraded', problems: ['the sink archive is parked'] });
  });

  it('is degraded while a sink is owed something that is given up soon, and not for one that gives nothing up', async () => {
    const sinks = [
      { sink: 'pager', ...idle, pending: 1, oldestPendingAt: Date.now() - 81_000 },
      { sink: 'archive', ...idle, pending: 1, oldestPendingAt: Date.now() - 79_000 },
      { sink: 'former', ...idle, pending: 1, oldestPendingAt: 0 },
    ];
    const { journal } = journalWith({ sinks });
    const maxAgeOf = (sink: string) => (sink === 'former' ? Infinity : 100_000);
    expect(await new Readiness(journal, limits, undefined, maxAgeOf).condition()).toEqual({
      status: 'degraded',
      problems: ['the sink pager is owed an alert that has waited for 80 % of delivery.maxAge: then it is given up'],
    });
    expect((await new Readiness(journal, limits).condition()).status).toBe('ok');
  });

  it('is degraded while a pull is parked, unless the source pulls no longer', async () => {
    const parked = { reason: 'answered 401', since: 1, by: 'router' } as const;
    const { journal } = journalWith({ pulls: [{ source: 'warden', since: 1, parked }] });
    const problems = ['the pull of the source warden is parked'];
    expect(await new Readiness(journal, limits).condition()).toEqual({ status: 'degraded', problems });
    expect(await new Readiness(journal, limits, () => false).condition()).toEqual({ status: 'ok', problems: [] });
  });

  it('is degraded while something is missing that nobody knows of', async () => {
    const known = { ...lost, acknowledgedAt: 2 };
    const { status, problems } = await conditionOf({ missing: [lost, known] });
    expect(status).toBe('degraded');
    expect(problems).toEqual([expect.stringContaining('seq 2 to 3')]);
    expect(await conditionOf({ missing: [known] })).toEqual({ status: 'ok', problems: [] });
  });

  it('is degraded where the backlog nears its limit, and says how near', async () => {
    expect(await conditionOf({ pending: { deliveries: 79, bytes: 0 } })).toMatchObject({ status: 'ok' });
    const problems = ['the backlog is at 85 % of its limit'];
    expect(await conditionOf({ pending: { deliveries: 85, bytes: 0 } })).toEqual({ status: 'degraded', problems });
    expect(await conditionOf({ pending: { deliveries: 1, bytes: 8_500 } })).toEqual({ status: 'degraded', problems });
  });

  it('cannot keep what it is given where the journal cannot be written', async () => {
    const condition = await conditionOf({ failure: new Error('EIO') });
    expect(condition).toEqual({ status: 'journal unavailable', problems: ['the journal cannot be written'] });
  });

  it('that is shutting down says so, whatever its journal says', async () => {
    const { journal, asked } = journalWith({ failure: new Error('closed') });
    const readiness = new Readiness(journal, limits);
    readiness.drain();
    expect(await readiness.condition()).toEqual({ status: 'draining', problems: ['this router is shutting down'] });
    expect(asked.times).toBe(0);
  });

  it('should be sent alerts while it is ok or degraded', () => {
    const problems: readonly string[] = [];
    expect(isReady({ status: 'ok', problems })).toBe(true);
    expect(isReady({ status: 'degraded', problems })).toBe(true);
    expect(isReady({ status: 'draining', problems })).toBe(false);
    expect(isReady({ status: 'journal unavailable', problems })).toBe(false);
  });
});

describe('the journal', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is asked once a second, however often somebody wants to know', async () => {
    jest.useFakeTimers();
    const { journal, asked } = journalWith();
    const readiness = new Readiness(journal, limits);
    await Promise.all([readiness.condition(), readiness.condition()]);
    jest.advanceTimersByTime(1_000);
    await readiness.condition();
    expect(asked.times).toBe(1);
    jest.advanceTimersByTime(1);
    await readiness.condition();
    expect(asked.times).toBe(2);
  });

  it('that does not answer is as good as gone, and is not asked again meanwhile', async () => {
    jest.useFakeTimers();
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { journal, asked } = journalWith({ answered });
    const readiness = new Readiness(journal, limits);
    const condition = readiness.condition();
    jest.advanceTimersByTime(5_000);
    const gone = { status: 'journal unavailable', problems: ['the journal does not answer'] };
    expect([await condition, await readiness.condition()]).toEqual([gone, gone]);
    expect(asked.times).toBe(1);
    answer();
    await jest.advanceTimersByTimeAsync(1_001);
    expect(await readiness.condition()).toMatchObject({ status: 'ok' });
  });
});
