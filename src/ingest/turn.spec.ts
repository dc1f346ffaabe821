import { describe, expect, it } from '@jest/globals';
import { Turn } from './turn.js';

describe('a turn', () => {
  it('ends for all who wait in it, in the order they came and with nothing between', async () => {
    const turn = new Turn();
    const order: string[] = [];
    const wait = async (name: string): Promise<void> => {
      await turn.end();
      order.push(name);
    };
    const all = Promise.all([wait('a'), wait('b'), wait('c')]);
    setImmediate(() => order.push('the next turn'));
    await all;
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('is followed by another', async () => {
    const turn = new Turn();
    await turn.end();
    await expect(turn.end()).resolves.toBeUndefined();
  });
});
