import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityStream, type Activity } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { ClaimLimit, Delivery, Journal } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { Settler } from './settler.js';
import { SinkLoop } from './sink-loop.js';

const delivered: Outcome = { kind: 'delivered' };
const retry: Outcome = { kind: 'retry', cause: 'http', reason: 'status 503' };

let journal: Journal;
let told: Activity[];
/** What each claim asked for. */
let limits: ClaimLimit[];
/** What each call was given. */
let calls: (readonly Delivery[])[];
let closed: boolean;
let loop: SinkLoop | undefined;

async function open(options: Partial<JournalOptions> = {}): Promise<void> {
  journal = await memory.open(Object.assign(new JournalOptions(), options), { now: Date.now });
  const claim = journal.claim.bind(journal);
  journal.claim = (sink, limit, signal) => {
    limits.push(limit);
    return claim(sink, limit, signal);
  };
}

beforeEach(async () => {
  [told, limits, calls, closed] = [[], [], [], false];
  await open();
});
afterEach(async () => {
  await loop?.end(0);
  loop = undefined;
  await journal.close();
});

type Answer = (batch: readonly Delivery[], signal: AbortSignal) => Promise<Outcome> | Outcome;

function start(answer: Answer, options: Partial<Sink> = {}, maxAge = 60_000): SinkLoop {
  const sink: Sink = {
    maxBatch: 1,
    concurrency: 1,
    keepsState: false,
    deliver: async (batch, signal) => {
      calls.push(batch);
      return answer(batch, signal);
    },
    close: () => {
      closed = true;
      return Promise.resolve();
    },
    ...options,
  };
  const activity = new ActivityStream();
  activity.subscribe((each) => told.push(each));
  const settler = new Settler((settlements) => journal.settle(settlements));
  loop = new SinkLoop('pager', sink, { journal, activity, settler, holder: 'me', maxAge: () => maxAge });
  return loop;
}

const accept = (count: number) =>
  journal.append([acceptedRequest({ receivedAt: Date.now() }, ...Array.from({ length: count }, () => ({})))]);
async function claimAsStranger(): Promise<readonly Delivery[]> {
  for await (const batch of journal.claim('pager', { count: 100 }, AbortSignal.timeout(5_000))) return batch;
  return [];
}

const counts = async () => (await journal.counts()).sinks[0];
const toldOf = (kind: Activity['kind']) => told.filter((each) => each.kind === kind);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 10) {
    if (waited > 8_000) throw new Error('it did not come true in 8 s');
    await sleep(10);
  }
}

describe('the loop of a sink', () => {
  it('gives it no more at a time than it takes', async () => {
    await accept(7);
    start(() => delivered, { maxBatch: 3 });
    await until(async () => (await counts())?.delivered === 7);
    expect(calls.flat()).toHaveLength(7);
    expect(Math.max(...calls.map((batch) => batch.length))).toBe(3);
  });

  it('claims no more bytes than it takes, where it says so', async () => {
    start(() => delivered, { maxBatch: 3, maxBatchBytes: 5_000 });
    await until(() => limits.length > 0);
    expect(limits[0]).toEqual({ count: 3, bytes: 5_000 });
    await loop?.end(0);
    start(() => delivered, { concurrency: 4 });
    await until(() => limits.length > 1);
    expect(limits.at(-1)).toEqual({ count: 4 });
  });

  it('tells of each attempt when it is settled', async () => {
    await accept(1);
    const answer = { status: 202 };
    start(() => ({ ...delivered, answer }));
    await until(() => told.length === 1);
    const [{ alert, acceptedAt } = { alert: undefined, acceptedAt: 0 }] = calls[0] ?? [];
    expect(told).toEqual([
      {
        kind: 'attempted',
        at: expect.any(Number),
        sink: 'pager',
        alertId: alert?.id,
        acceptedAt,
        attempt: { attempt: 1, at: expect.any(Number), durationMs: expect.any(Number), outcome: 'delivered', answer },
        next: 'delivered',
      },
    ]);
    expect(await counts()).toMatchObject({ delivered: 1, pending: 0 });
  });

  it('delivers once what takes longer than a lease', async () => {
    await open({ lease: 100 });
    await accept(1);
    start(() => sleep(500).then(() => delivered), { concurrency: 2 });
    await until(async () => (await counts())?.delivered === 1);
    expect(calls).toHaveLength(1);
  });

  it('does not deliver what waited for its turn until somebody else took it', async () => {
    await open({ lease: 100 });
    await accept(2);
    journal.renew = () => Promise.resolve([]);
    start(() => sleep(400).then(() => delivered));
    await until(() => calls.length === 1 && limits.length === 2);
    // The lease of what waits is over: by now it is for whoever asks.
    await sleep(200);
    const taken = await claimAsStranger();
    expect(taken).toHaveLength(2);
    const attempt = { attempt: 1, at: Date.now(), durationMs: 1, outcome: 'delivered' } as const;
    await journal.settle(
      taken.map(({ sink, lease }) => ({ sink, lease, attempt, next: { kind: 'delivered' } as const })),
    );
    await sleep(500);
    expect(calls).toHaveLength(1);
  });

  it('settles what was delivered while the journal was out of reach, and delivers it once', async () => {
    await open({ lease: 300 });
    const settle = journal.settle.bind(journal);
    let failures = 0;
    journal.settle = (settlements) => {
      failures += 1;
      return failures > 2 ? settle(settlements) : Promise.reject(new JournalUnavailableError('gone', false));
    };
    await accept(1);
    start(() => delivered, { concurrency: 2 });
    await until(async () => (await counts())?.delivered === 1);
    expect(calls).toHaveLength(1);
    expect(toldOf('fault')).toHaveLength(2);
  });

  it('sends no more than a few for each call while nothing of it can be settled', async () => {
    journal.settle = () => new Promise(() => undefined);
    await accept(100);
    start(() => delivered, { concurrency: 2 });
    await until(() => calls.length === 16);
    await sleep(300);
    expect(calls).toHaveLength(16);
  });

  it('gives up what is retried past its age', async () => {
    await accept(1);
    start(() => retry, {}, 0);
    await until(() => told.length === 1);
    expect(told).toMatchObject([{ kind: 'attempted', next: 'dead', attempt: { outcome: 'retry', cause: 'http' } }]);
    expect(await counts()).toMatchObject({ dead: 1, pending: 0 });
  });

  it('tells that a delivery was one of a replay', async () => {
    const [receipt] = await accept(1);
    start(() => delivered);
    await until(() => told.length === 1);
    const replay = { mode: 'resend', select: { state: 'delivered' }, rate: 1, force: false } as const;
    await journal.startReplay('replay-1', replay);
    const owe = [{ alertId: receipt?.alerts[0]?.id ?? '', sink: 'pager' }];
    await journal.advanceReplay('replay-1', { owe, looked: 1, outdated: 0, unconfigured: 0 });
    await until(() => told.length === 2);
    expect(told.map((each) => 'isReplay' in each)).toEqual([false, true]);
    expect(told[1]).toMatchObject({ isReplay: true, next: 'delivered' });
  });

  it('holds back what it had claimed once the sink asks it to wait, and counts no attempt', async () => {
    await accept(3);
    start(() => ({ ...retry, afterMs: 60_000 }), { concurrency: 3 });
    await until(async () => calls.length > 0 && (await counts())?.pending === 3);
    await sleep(50);
    expect(calls.length).toBeLessThanOrEqual(3);
    expect(toldOf('fault')).toEqual([]);
  });

  it('parks a sink by the router, and one that gave its place up until an operator resumes it', async () => {
    await accept(1);
    start(() => ({ kind: 'parked', cause: 'http', reason: 'answered 410 Gone', isFinal: true }));
    await until(() => toldOf('parked').length === 1);
    await until(() => toldOf('attempted').length === 1);
    expect(await counts()).toMatchObject({ pending: 1, parked: { by: 'operator', reason: 'answered 410 Gone' } });
    expect(toldOf('attempted')).toMatchObject([{ next: 'pending', attempt: { outcome: 'parked' } }]);
  });

  it('says so when the journal cannot be asked, and asks again', async () => {
    const claim = journal.claim.bind(journal);
    let failures = 0;
    journal.claim = (...args) => {
      failures += 1;
      if (failures > 1) return claim(...args);
      throw new Error('the disk is full');
    };
    await accept(1);
    start(() => delivered);
    await until(() => calls.length === 1);
    expect(toldOf('fault')).toEqual([
      { kind: 'fault', at: expect.any(Number), part: 'delivery', sink: 'pager', reason: 'the disk is full' },
    ]);
  });
});

describe('a test of a sink', () => {
  it('tells all that the other side said', async () => {
    const answer = { status: 201 };
    const said = await start(() => ({ ...delivered, remoteId: 'p-7', answer })).test();
    expect(said).toEqual({ outcome: 'delivered', remoteId: 'p-7', answer, durationMs: expect.any(Number) });
    expect(told).toEqual([]);
  });

  it('tells nothing beside it', async () => {
    const said = await start(() => delivered).test();
    expect(Object.keys(said)).toEqual(['outcome', 'durationMs']);
  });
});

describe('the end of a loop', () => {
  it('lets a call end within the grace, and closes the sink', async () => {
    await accept(1);
    start(() => sleep(100).then(() => delivered));
    await until(() => calls.length === 1);
    await loop?.end(5_000);
    expect([closed, await counts()]).toEqual([true, expect.objectContaining({ delivered: 1, pending: 0 })]);
  });

  it('cuts a call off that takes longer; what it had comes due again', async () => {
    await accept(1);
    let signal: AbortSignal | undefined;
    start(async (_, given) => {
      signal = given;
      await sleep(60_000, undefined, { signal: given }).catch(() => undefined);
      return retry;
    });
    await until(() => calls.length === 1);
    expect(signal?.aborted).toBe(false);
    await loop?.end(20);
    expect([signal?.aborted, closed]).toEqual([true, true]);
    expect(await counts()).toMatchObject({ pending: 1 });
  });

  it('leaves a call behind that does not listen', async () => {
    await accept(1);
    start(() => new Promise(() => undefined));
    await until(() => calls.length === 1);
    await loop?.end(20);
    expect(closed).toBe(true);
  });

  it('claims nothing more', async () => {
    start(() => delivered);
    await until(() => limits.length > 0);
    await loop?.end(1_000);
    await accept(1);
    await sleep(50);
    expect([calls, told]).toEqual([[], []]);
  });
});
