import { describe, expect, it } from '@jest/globals';
import { Newcomers } from './newcomers.js';

describe('the connections of an address', () => {
  it('are at most half of all until something on them is accepted', () => {
    const newcomers = new Newcomers(4);
    expect([1, 2, 3].map(() => newcomers.add('192.0.2.1'))).toEqual([true, true, false]);
    expect(newcomers.add('192.0.2.2')).toBe(true);
    newcomers.remove('192.0.2.1');
    expect(newcomers.add('192.0.2.1')).toBe(true);
  });

  it('may be one, however few there are in all', () => {
    expect(new Newcomers(1).add('192.0.2.1')).toBe(true);
  });

  it('leave nothing behind', () => {
    const newcomers = new Newcomers(8);
    newcomers.add('192.0.2.1');
    newcomers.add('192.0.2.1');
    newcomers.remove('192.0.2.1');
    expect(newcomers.size).toBe(1);
    newcomers.remove('192.0.2.1');
    expect(newcomers.size).toBe(0);
  });
});
