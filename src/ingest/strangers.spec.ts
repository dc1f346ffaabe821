import { beforeEach, describe, expect, it } from '@jest/globals';
import { Strangers } from './strangers.js';

let now: number;
let strangers: Strangers;

beforeEach(() => {
  now = 1_000;
  strangers = new Strangers(() => now);
});

const turnAway = (address: string, times: number): number => {
  let wait = 0;
  for (let i = 0; i < times; i += 1) wait = strangers.turnedAway(address);
  return wait;
};

describe('an address that nobody recognises', () => {
  it('is answered in full for a while, then one request a second', () => {
    expect(turnAway('192.0.2.1', 60)).toBe(0);
    expect(strangers.isSpent('192.0.2.1')).toBe(true);
    expect(turnAway('192.0.2.1', 1)).toBe(1);
    now += 500;
    expect(turnAway('192.0.2.1', 1)).toBe(1);
    now += 500;
    expect(turnAway('192.0.2.1', 1)).toBe(0);
    expect(turnAway('192.0.2.1', 1)).toBe(1);
  });

  it('does not use up what others have', () => {
    turnAway('192.0.2.1', 100);
    expect(strangers.isSpent('192.0.2.2')).toBe(false);
    expect(turnAway('192.0.2.2', 60)).toBe(0);
  });

  it('of IPv6 is the network that one sender gets', () => {
    for (let i = 1; i <= 60; i += 1) strangers.turnedAway(`2001:db8:0:7::${i.toString(16)}`);
    expect(strangers.isSpent('2001:db8:0:7:ffff::1')).toBe(true);
    expect(strangers.isSpent('2001:db8:0:8::1')).toBe(false);
  });

  it('is forgotten once it was quiet for long enough', () => {
    turnAway('192.0.2.1', 60);
    turnAway('192.0.2.2', 1);
    now += 2_000;
    strangers.forget();
    expect(strangers.size).toBe(2);
    now += 60_000;
    strangers.forget();
    expect(strangers.size).toBe(0);
    expect(strangers.knows('192.0.2.1')).toBe(false);
  });

  it('is one of ten thousand at most: beyond that the one that was quiet for longest goes', () => {
    turnAway('192.0.2.1', 100);
    turnAway('192.0.2.2', 100);
    for (let i = 0; i < 9_998; i += 1) strangers.turnedAway(`10.0.${i >> 8}.${i & 255}`);
    turnAway('192.0.2.1', 1);
    strangers.turnedAway('198.51.100.1');
    expect(strangers.size).toBe(10_000);
    expect(strangers.isSpent('192.0.2.1')).toBe(true);
    expect(strangers.knows('192.0.2.2')).toBe(false);
  });
});

describe('an address that proved itself', () => {
  it('is remembered for a day', () => {
    strangers.proved('2001:db8:0:7::1');
    now += 24 * 3_600_000 - 1;
    expect(strangers.hasProved('2001:db8:0:7::2')).toBe(true);
    now += 1;
    expect(strangers.hasProved('2001:db8:0:7::2')).toBe(false);
    expect(strangers.hasProved('192.0.2.1')).toBe(false);
  });
});
