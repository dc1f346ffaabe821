import { describe, expect, it } from '@jest/globals';
import { backoffMs } from './backoff.js';

const hasty = { firstMs: 100, longestMs: 1_000, longestAskedMs: 2_000 };

describe('the wait after a failed attempt', () => {
  it('doubles with each, up to a bound', () => {
    const whole = [1, 2, 3, 8, 9, 10, 40, 10_000].map((attempt) => backoffMs(attempt, 1));
    expect(whole).toEqual([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000, 300_000]);
  });

  it('is anywhere below that, in whole milliseconds', () => {
    expect([0, 0.25, 0.5, 0.99999].map((random) => backoffMs(1, random))).toEqual([0, 250, 500, 1_000]);
  });

  it('is what the other side asked for where that is longer, up to 15 min', () => {
    expect(backoffMs(1, 0.5, 400)).toBe(500);
    expect(backoffMs(1, 0.5, 600)).toBe(600);
    expect(backoffMs(1, 0.5, 3_600_000)).toBe(900_000);
  });

  it('may have other bounds', () => {
    expect([1, 2, 9].map((attempt) => backoffMs(attempt, 1, 0, hasty))).toEqual([100, 200, 1_000]);
    expect(backoffMs(1, 1, 9_000, hasty)).toBe(2_000);
  });
});
