import { describe, expect, it } from '@jest/globals';
import { fillOf, levelOf } from './pressure.js';

describe('the backlog', () => {
  const limits = { maxPending: 200, maxPendingBytes: 1_000 };

  it('is as full as whichever limit is nearer', () => {
    expect(fillOf({ deliveries: 50, bytes: 100 }, limits)).toBe(0.25);
    expect(fillOf({ deliveries: 50, bytes: 900 }, limits)).toBe(0.9);
    expect(fillOf({ deliveries: 0, bytes: 0 }, limits)).toBe(0);
  });

  it('may be fuller than full: what is owed is owed', () => {
    expect(fillOf({ deliveries: 300, bytes: 0 }, limits)).toBe(1.5);
  });

  it.each([
    [0, 'normal'],
    [0.799, 'normal'],
    [0.8, 'high'],
    [0.999, 'high'],
    [1, 'full'],
    [1.5, 'full'],
  ])('filled to %d is %s', (fill, level) => {
    expect(levelOf(fill)).toBe(level);
  });
});
