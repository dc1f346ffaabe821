import { describe, expect, it } from '@jest/globals';
import { endWith, nextPullMs, paceMs } from './pull-pace.js';

const minuteMs = 60_000;
const retry = { kind: 'retry', reason: 'status 503' } as const;
const parked = { kind: 'parked', reason: 'status 401' } as const;
const lost = { kind: 'lost', reason: 'status 410' } as const;

describe('the next pull', () => {
  it('comes after the configured time, whether or not something is left', () => {
    expect(nextPullMs({ kind: 'done' }, 0, 5 * minuteMs, 0.5)).toBe(5 * minuteMs);
    expect(nextPullMs({ kind: 'cut' }, 0, 5 * minuteMs, 0.5)).toBe(5 * minuteMs);
  });

  it('comes later with each failure in a row, up to ten minutes', () => {
    const waits = [1, 2, 3, 20].map((failures) => nextPullMs(retry, failures, minuteMs, 1));
    expect(waits).toEqual([5_000, 10_000, 20_000, 10 * minuteMs]);
  });

  it('comes when the vendor asks, up to an hour', () => {
    expect(nextPullMs({ ...retry, afterMs: 20 * minuteMs }, 1, minuteMs, 0)).toBe(20 * minuteMs);
    expect(nextPullMs({ ...retry, afterMs: 600 * minuteMs }, 1, minuteMs, 0)).toBe(60 * minuteMs);
  });

  it('is a try after a minute and, at most, a quarter of an hour while parked', () => {
    expect([1, 2, 20].map((failures) => nextPullMs(parked, failures, minuteMs, 1))).toEqual([
      minuteMs,
      2 * minuteMs,
      15 * minuteMs,
    ]);
  });

  it('begins anew at once where the place was lost, and not all the time', () => {
    expect(nextPullMs(lost, 1, minuteMs, 1)).toBe(0);
    expect(nextPullMs(lost, 2, minuteMs, 1)).toBe(10_000);
  });
});

describe('the rate', () => {
  it('is what the new alerts of a page take', () => {
    expect(paceMs(100, 50)).toBe(2_000);
    expect(paceMs(0, 50)).toBe(0);
  });
});

describe('a pull', () => {
  const sum = { pages: 1, accepted: 1, duplicates: 0, quarantined: 0 };
  const page = { cursor: 'b', isLast: false, accepted: 1 };

  it('goes on until the last page, or as many as it may have', () => {
    expect(endWith(page, 'a', sum, 2)).toBeUndefined();
    expect(endWith({ ...page, isLast: true }, 'a', sum, 2)).toEqual({ kind: 'done' });
    expect(endWith(page, 'a', { ...sum, pages: 2 }, 2)).toEqual({ kind: 'cut' });
  });

  it('fails where a page leads to where it came from, and brings nothing', () => {
    expect(endWith({ ...page, cursor: 'a', accepted: 0 }, 'a', sum, 2)).toMatchObject({ kind: 'retry' });
    expect(endWith({ ...page, cursor: 'a' }, 'a', sum, 2)).toBeUndefined();
    expect(endWith({ ...page, cursor: 'a', accepted: 0, isLast: true }, 'a', sum, 2)).toEqual({ kind: 'done' });
  });

  it('fails where all its pages were empty and there is no end to them', () => {
    const empty = { pages: 2, accepted: 0, duplicates: 0, quarantined: 0 };
    expect(endWith({ ...page, accepted: 0 }, 'a', empty, 2)).toMatchObject({ kind: 'retry' });
    expect(endWith({ ...page, accepted: 0 }, 'a', { ...empty, duplicates: 1 }, 2)).toEqual({ kind: 'cut' });
  });
});
