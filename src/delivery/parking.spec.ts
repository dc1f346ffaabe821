import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ActivityStream, type Activity } from '../core/activity.js';
import type { Journal } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { Parking } from './parking.js';

let journal: Journal;
let activity: ActivityStream;
let told: Activity[];
let stop: AbortController;
/** The waits asked for, in milliseconds, and what ends the newest of them. */
let waits: number[];
let endWait: () => void;
/** What the sink answers: to a probe (undefined: it has none), and to a delivery (undefined: nothing is due). */
let probe: boolean | undefined;
let trial: Outcome['kind'] | undefined;
let trials: number;
let resumed: number;

beforeEach(async () => {
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  activity = new ActivityStream();
  told = [];
  activity.subscribe((each) => told.push(each));
  stop = new AbortController();
  [waits, trials, resumed, probe, trial] = [[], 0, 0, true, 'delivered'];
  endWait = () => undefined;
});
afterEach(async () => {
  stop.abort();
  await journal.close();
});

function parking(): Parking {
  const hasProbe = probe !== undefined;
  const sink: Sink = {
    maxBatch: 1,
    concurrency: 1,
    keepsState: false,
    deliver: () => Promise.reject(new Error('nobody delivers here')),
    ...(hasProbe && { probe: () => Promise.resolve(probe === true) }),
  };
  const tryOne = () => {
    trials += 1;
    return Promise.resolve(trial);
  };
  const parkable = { name: 'pager', sink, holder: 'me', stop: stop.signal, tryOne, onResume: () => (resumed += 1) };
  return new Parking(
    parkable,
    journal,
    activity,
    (ms, signal) =>
      new Promise((resolve) => {
        waits.push(ms);
        endWait = resolve;
        signal.addEventListener('abort', () => {
          resolve();
        });
      }),
  );
}

const parked = async () => (await journal.counts()).sinks.find(({ sink }) => sink === 'pager')?.parked;
const kinds = () => told.map(({ kind }) => kind);

async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    if (turns > 5_000) throw new Error('it did not come true');
    await new Promise(setImmediate);
  }
}

/** Once so many waits were asked for. */
const waited = (times: number) => until(() => waits.length === times);

/** Lets the next probe happen, and whatever follows from it until the one after is waited for or none is. */
async function probeNow(): Promise<void> {
  await until(() => waits.length > 0);
  const [before, resumed] = [waits.length, kinds().filter((kind) => kind === 'resumed').length];
  endWait();
  await until(() => waits.length > before || kinds().filter((kind) => kind === 'resumed').length > resumed);
}

describe('a sink whose other side gave its place up', () => {
  it('is told of once, and waits for an operator over a restart too', async () => {
    const subject = parking();
    await Promise.all([subject.giveUp('answered 410 Gone'), subject.giveUp('answered 410 Gone')]);
    expect(await parked()).toMatchObject({ reason: 'answered 410 Gone', by: 'operator' });
    expect([kinds(), waits, trials]).toEqual([['parked'], [], 0]);

    await parking().watch();
    expect([waits, trials]).toEqual([[], 0]);
    await subject.resume();
    expect([subject.isParked, kinds()]).toEqual([false, ['parked', 'resumed']]);
    await subject.giveUp('answered 410 Gone');
    expect(subject.isParked).toBe(true);
  });

  it('is probed no longer, where the router had parked it before', async () => {
    const subject = parking();
    await subject.park('answered 403 Forbidden');
    await waited(1);
    await subject.giveUp('answered 410 Gone');
    expect(await parked()).toMatchObject({ reason: 'answered 410 Gone', by: 'operator' });
    await new Promise(setImmediate);
    expect([waits.length, trials]).toEqual([1, 0]);
  });
});

describe('a sink that the router parks', () => {
  it('goes on when the probe says yes and the first delivery is taken', async () => {
    const pager = parking();
    probe = false;
    await pager.park('status 403');
    expect(await parked()).toMatchObject({ reason: 'status 403', by: 'router' });
    await probeNow();
    expect([trials, pager.isParked]).toEqual([0, true]);
    probe = true;
    await probeNow();
    expect([trials, pager.isParked, await parked()]).toEqual([1, false, undefined]);
    expect(kinds()).toEqual(['parked', 'resumed']);
    expect(told[1]).toMatchObject({ since: (told[0] as { since: number }).since, by: 'router' });
  });

  it('stays parked, and tells nothing, while the probe says yes and a delivery is refused all the same', async () => {
    const pager = parking();
    trial = 'parked';
    await pager.park('status 403');
    for (let times = 0; times < 6; times += 1) await probeNow();
    expect([trials, pager.isParked]).toEqual([6, true]);
    expect(kinds()).toEqual(['parked']);
    const growing = [5, 10, 20, 40, 45, 45, 45].map((seconds) => seconds * 1_000);
    expect(waits).toHaveLength(growing.length);
    waits.forEach((ms, index) => {
      expect(ms).toBeLessThanOrEqual(growing[index] ?? 0);
      expect(ms).toBeGreaterThanOrEqual(0.8 * (growing[index] ?? 0));
    });
  });

  it('is tried with a delivery alone where it has no probe, and taken to work when nothing is due', async () => {
    probe = undefined;
    const pager = parking();
    trial = 'parked';
    await pager.park('status 410');
    await probeNow();
    expect(pager.isParked).toBe(true);
    trial = undefined;
    await probeNow();
    expect(pager.isParked).toBe(false);
  });

  it('waits longer when it parks again before anything went through', async () => {
    const pager = parking();
    trial = 'retry';
    await pager.park('status 403');
    await probeNow();
    await pager.park('status 403');
    await waited(2);
    expect(waits[1]).toBeGreaterThan(waits[0] ?? Infinity);
    await probeNow();
    pager.recovered();
    await pager.park('status 403');
    await waited(3);
    expect(waits[2]).toBeLessThanOrEqual(5_000);
  });

  it('is parked once, however many calls fail', async () => {
    const pager = parking();
    await Promise.all([pager.park('status 403'), pager.park('status 403')]);
    expect(kinds()).toEqual(['parked']);
    await waited(1);
    await new Promise(setImmediate);
    expect(waits).toHaveLength(1);
  });

  it('is probed at once after a restart', async () => {
    await journal.park('pager', 'status 403', 'router');
    const pager = parking();
    await pager.watch();
    await until(() => kinds().includes('resumed'));
    expect(waits).toEqual([]);
  });

  it('is not taken for parked when that could not be written', async () => {
    const pager = parking();
    journal.park = () => Promise.reject(new Error('the disk is full'));
    await expect(pager.park('status 403')).rejects.toThrow('the disk is full');
    expect(pager.isParked).toBe(false);
  });

  it('goes on being probed when the journal fails for a moment', async () => {
    const pager = parking();
    await pager.park('status 403');
    const resume = journal.resume.bind(journal);
    journal.resume = () => Promise.reject(new Error('the disk is full'));
    await probeNow();
    expect(kinds()).toEqual(['parked', 'fault']);
    journal.resume = resume;
    await probeNow();
    expect(pager.isParked).toBe(false);
  });
});

describe('a sink that an operator parks', () => {
  it('is never probed, and goes on when an operator says so', async () => {
    const pager = parking();
    await pager.park('key rotation', 'operator');
    expect([waits.length, trials, pager.isParked]).toEqual([0, 0, true]);
    await pager.resume();
    expect([pager.isParked, await parked()]).toEqual([false, undefined]);
    expect(told).toMatchObject([
      { kind: 'parked', by: 'operator' },
      { kind: 'resumed', by: 'operator' },
    ]);
  });

  it('is not probed after a restart either', async () => {
    await journal.park('pager', 'key rotation', 'operator');
    const pager = parking();
    await pager.watch();
    await new Promise(setImmediate);
    expect([waits.length, trials, pager.isParked]).toEqual([0, 0, true]);
    expect(await parked()).toMatchObject({ by: 'operator' });
  });

  it('is held although the router had parked it and a probe would say yes', async () => {
    const pager = parking();
    await pager.park('status 403');
    await pager.park('key rotation', 'operator');
    endWait();
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    expect([trials, pager.isParked]).toEqual([0, true]);
    expect(await parked()).toMatchObject({ reason: 'key rotation', by: 'operator' });
  });

  it('stays so when a delivery that was under way is refused', async () => {
    const pager = parking();
    await pager.park('key rotation', 'operator');
    await pager.park('status 403');
    expect(await parked()).toMatchObject({ reason: 'key rotation', by: 'operator' });
    expect(waits).toEqual([]);
  });
});

describe('a sink that another router parks or resumes', () => {
  const follow = async (pager: Parking) => {
    const take = pager.observe();
    take((await journal.parkings()).sinks.get('pager'));
  };

  it('is parked here too, and probed, and goes on here once it does there; nobody is told a second time', async () => {
    const pager = parking();
    await follow(pager);
    expect(pager.isParked).toBe(false);
    await journal.park('pager', 'status 403');
    await follow(pager);
    expect(pager.isParked).toBe(true);
    await waited(1);
    await journal.resume('pager', 'router');
    await follow(pager);
    expect([pager.isParked, kinds(), resumed]).toEqual([false, [], 1]);
    endWait();
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    expect([waits.length, trials]).toEqual([1, 0]);
  });

  it('is probed no longer once an operator holds it there', async () => {
    const pager = parking();
    await pager.park('status 403');
    await waited(1);
    await journal.park('pager', 'key rotation', 'operator');
    await follow(pager);
    endWait();
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    expect([trials, pager.isParked]).toEqual([0, true]);
    await journal.resume('pager');
    await follow(pager);
    expect(pager.isParked).toBe(false);
  });

  it('is not taken for resumed by a look that began before this one parked it', async () => {
    const pager = parking();
    const take = pager.observe();
    const { sinks } = await journal.parkings();
    await pager.park('status 403');
    take(sinks.get('pager'));
    expect(pager.isParked).toBe(true);
  });
});
