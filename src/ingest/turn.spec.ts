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

  it('has room for one large body of a source, and for others beside it', async () => {
    const turn = new Turn();
    const order: string[] = [];
    const wait = async (source: string, name: string, share?: number): Promise<void> => {
      await turn.end(source, share);
      order.push(name);
    };
    const all = [wait('noisy', 'large 1', 64), wait('noisy', 'large 2', 64), wait('noisy', 'large 3', 64)];
    all.push(wait('noisy', 'small'), wait('quiet', 'quiet'));
    for (const name of ['turn 1', 'turn 2', 'turn 3']) {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
    }
    await Promise.all(all);
    expect(order).toEqual(['large 1', 'quiet', 'turn 1', 'large 2', 'turn 2', 'large 3', 'turn 3', 'small']);
  });
});
