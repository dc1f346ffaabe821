import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { asHolder } from './hold.js';

const times = { forMs: 90, everyMs: 20 };

/** Whose turn it is, by this process's clock: what every journal of many routers does with a row. */
class Holds {
  #held: { readonly holder: string; readonly until: number } | undefined;
  /** Throws instead, as a journal that cannot be reached. */
  isLost = false;
  asked = 0;

  hold(_name: string, holder: string, forMs: number): Promise<boolean> {
    this.asked += 1;
    if (this.isLost) return Promise.reject(new Error('the database is gone'));
    const now = performance.now();
    if (this.#held && this.#held.holder !== holder && this.#held.until > now) return Promise.resolve(false);
    this.#held = { holder, until: now + forMs };
    return Promise.resolve(true);
  }
}

const none = new AbortController().signal;
const held = (holder: string, signal = none) => ({ name: 'replay', holder, signal });

/** Works until it is told to stop, or done; says what it did. */
function worker(said: string[], name: string, doneAfterMs = 60_000) {
  return async (signal: AbortSignal): Promise<void> => {
    said.push(`${name} begins`);
    await sleep(doneAfterMs, undefined, { signal }).catch(() => undefined);
    said.push(`${name} ${signal.aborted ? 'stops' : 'is done'}`);
  };
}

describe('what is done by one router at a time', () => {
  it('is begun by the next one when the one before is done, however long that takes', async () => {
    const [holds, said] = [new Holds(), [] as string[]];
    const first = asHolder(holds, held('a'), worker(said, 'a', 4 * times.forMs), times);
    const second = asHolder(holds, held('b'), worker(said, 'b', 1), times);
    await Promise.all([first, second]);
    expect(said).toEqual(['a begins', 'a is done', 'b begins', 'b is done']);
  });

  it('is taken over when the holder is heard of no more', async () => {
    const [holds, said] = [new Holds(), [] as string[]];
    await holds.hold('replay', 'killed', times.forMs);
    await asHolder(holds, held('b'), worker(said, 'b', 1), times);
    expect(said).toEqual(['b begins', 'b is done']);
  });

  it('stops before another may begin when the journal cannot be reached, and goes on when it can', async () => {
    const [holds, said] = [new Holds(), [] as string[]];
    const stop = new AbortController();
    const running = asHolder(holds, held('a', stop.signal), worker(said, 'a'), times);
    await sleep(30);
    holds.isLost = true;
    const lostAt = performance.now();
    while (!said.includes('a stops')) await sleep(1);
    expect(performance.now() - lostAt).toBeLessThan(times.forMs);
    holds.isLost = false;
    while (said.length < 3) await sleep(1);
    stop.abort();
    await running;
    expect(said).toEqual(['a begins', 'a stops', 'a begins', 'a stops']);
  });

  it('stops at once when it turns out that another one does it', async () => {
    const [holds, said] = [new Holds(), [] as string[]];
    const stop = new AbortController();
    const running = asHolder(holds, held('a', stop.signal), worker(said, 'a'), { forMs: 5, everyMs: 20 });
    await sleep(10);
    await holds.hold('replay', 'b', 60_000);
    while (!said.includes('a stops')) await sleep(1);
    stop.abort();
    await running;
    expect(said).toEqual(['a begins', 'a stops']);
  });

  it('gives it back at the end, and when the work fails, and asks no more', async () => {
    const holds = new Holds();
    const failing = asHolder(holds, held('a'), () => Promise.reject(new Error('out of luck')), times);
    await expect(failing).rejects.toThrow('out of luck');
    expect(await holds.hold('replay', 'b', 0)).toBe(true);
    const { asked } = holds;
    await sleep(3 * times.everyMs);
    expect(holds.asked).toBe(asked);
  });
});
