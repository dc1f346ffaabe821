import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { memory } from './memory/journal.js';
import { keepRetention } from './retention.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe('the retention', () => {
  it('purges once a minute, and step by step while there is something old', async () => {
    const journal = await memory.open(new memory.options(), { now: Date.now });
    const left = [2, 1, 0, 0];
    const at: number[] = [];
    journal.purge = (now) => {
      at.push(now);
      return Promise.resolve(left.shift() ?? 0);
    };
    const start = Date.now();
    const stop = keepRetention(journal, () => undefined);
    await jest.advanceTimersByTimeAsync(121_000);
    expect(at.map((time) => time - start)).toEqual([60_000, 60_200, 60_400, 120_400]);
    stop();
    await jest.advanceTimersByTimeAsync(200_000);
    expect(at).toHaveLength(4);
  });

  it('tells a failure and goes on', async () => {
    const journal = await memory.open(new memory.options(), { now: Date.now });
    journal.purge = () => Promise.reject(new Error('the disk is full'));
    const failures: unknown[] = [];
    const stop = keepRetention(journal, (error) => failures.push(error));
    await jest.advanceTimersByTimeAsync(121_000);
    expect(failures).toHaveLength(2);
    stop();
  });
});
