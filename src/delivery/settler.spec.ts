import { describe, expect, it } from '@jest/globals';
import type { Settlement } from '../core/journal.js';
import { Settler } from './settler.js';

const settlement = (seq: number): Settlement => ({
  sink: 'a',
  lease: { seq, token: 1 },
  attempt: { attempt: 1, at: 0, durationMs: 1, outcome: 'delivered' },
  next: { kind: 'delivered' },
});

describe('a settler', () => {
  it('writes what ends at nearly the same time in one go, and tells each when it is durable', async () => {
    const written: number[][] = [];
    const settler = new Settler((settlements) => {
      written.push(settlements.map(({ lease }) => lease.seq));
      return Promise.resolve();
    });
    await Promise.all([settler.settle([settlement(1)]), settler.settle([settlement(2), settlement(3)])]);
    await settler.settle([settlement(4)]);
    expect(written).toEqual([[1, 2, 3], [4]]);
  });

  it('tells all of them when it could not be written', async () => {
    const settler = new Settler(() => Promise.reject(new Error('the disk is full')));
    const both = [settler.settle([settlement(1)]), settler.settle([settlement(2)])];
    await expect(Promise.allSettled(both)).resolves.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  });
});
