import { describe, expect, it } from '@jest/globals';
import { Lanes } from './lanes.js';

/** A call that ends when it is told to. */
function call() {
  let end: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { promise, end };
}

/** Whether a promise has come true by the time that nothing else is left to do. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const state = { done: false };
  void promise.then(() => {
    state.done = true;
  });
  await new Promise(setImmediate);
  return state.done;
}

describe('lanes', () => {
  it('start calls at once up to the bound, and the next one when one ends', async () => {
    const lanes = new Lanes();
    const [first, second, third] = [call(), call(), call()];
    let started = 0;
    const start = (each: { promise: Promise<void> }) =>
      lanes.start(
        () => 2,
        () => {
          started += 1;
          return each.promise;
        },
      );
    await start(first);
    await start(second);
    const waiting = start(third);
    expect([await isDone(waiting), started]).toEqual([false, 2]);
    second.end();
    expect([await isDone(waiting), started]).toEqual([true, 3]);
    first.end();
    third.end();
  });

  it('heed a bound that changes while a call waits', async () => {
    const lanes = new Lanes();
    const [first, second, third] = [call(), call(), call()];
    let bound = 2;
    const start = (each: { promise: Promise<void> }) =>
      lanes.start(
        () => bound,
        () => each.promise,
      );
    await start(first);
    await start(second);
    bound = 1;
    const waiting = start(third);
    first.end();
    expect(await isDone(waiting)).toBe(false);
    second.end();
    expect(await isDone(waiting)).toBe(true);
    third.end();
  });

  it('are idle when no call runs, counted ones too', async () => {
    const lanes = new Lanes();
    expect(await isDone(lanes.idle())).toBe(true);
    const [started, taken] = [call(), call()];
    await lanes.start(
      () => 1,
      () => started.promise,
    );
    lanes.take(taken.promise);
    const idle = lanes.idle();
    started.end();
    expect(await isDone(idle)).toBe(false);
    taken.end();
    expect(await isDone(idle)).toBe(true);
  });
});
