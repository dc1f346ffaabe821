import { describe, expect, it } from '@jest/globals';
import { Pace } from './pace.js';

function after(...durations: readonly number[]): number {
  const pace = new Pace();
  for (const duration of durations) pace.record(duration);
  return pace.rounds;
}

const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

describe('how much a sink is given at a time', () => {
  it('is one delivery a call while nothing is known of it', () => {
    expect(after()).toBe(1);
  });

  it('grows for one that answers quickly, up to a bound', () => {
    expect(after(...times(100, 20))).toBe(4);
    expect(after(...times(100, 0))).toBe(8);
  });

  it('falls to one delivery a call as soon as answers take long', () => {
    expect(after(...times(100, 1), 30_000)).toBe(1);
  });
});
