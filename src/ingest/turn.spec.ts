import { describe, expect, it } from '@jest/globals';
import { Turn } from './turn.js';

describe('a turn', () => {
  it('ends for all who wait in it, in the order they came and with nothing between', async () => {
    const turn = new Turn();
    const order: string[] = [];
    const wait = async (name: string): Promise<void> => {
      await turn.end('noisy');
      order.push(name);
    };
    const all = Promise.all([wait('a'), wait('b'), wait('c')]);
    setImmediate(() => order.push('the next turn'));
    await all;
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('is followed by another', async () => {
    const turn = new Turn();
    await turn.end('noisy');
    await expect(turn.end('noisy')).resolves.toBeUndefined();
  });

  it('takes a quiet source among the first, however much a noisy one brings, and keeps the order of each', async () => {
    const turn = new Turn();
    const order: string[] = [];
    const wait = async (source: string, number: number): Promise<void> => {
      await turn.end(source);
      order.push(`${source} ${number}`);
    };
    const noisy = Array.from({ length: 1_000 }, (_, number) => wait('noisy', number));
    await Promise.all([...noisy, wait('quiet', 0), wait('quiet', 1)]);
    expect(order.indexOf('quiet 0')).toBe(64);
    expect(order.indexOf('quiet 1')).toBe(65);
    expect(order.filter((each) => each.startsWith('noisy'))).toEqual(
      Array.from({ length: 1_000 }, (_, number) => `noisy ${number}`),
    );
  });
});
