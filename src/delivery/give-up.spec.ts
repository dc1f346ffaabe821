import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Journal } from '../core/journal.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { giveUpOwed } from './give-up.js';

let journal: Journal;

beforeEach(async () => {
  journal = await memory.open(new JournalOptions(), { now: Date.now });
});
afterEach(async () => {
  await journal.close();
});

const accept = (count: number, sinks: readonly string[], finding?: string) =>
  journal.append([
    acceptedRequest(
      { receivedAt: Date.now() },
      ...Array.from({ length: count }, (_, at) => ({
        sinks,
        version: `v${at}`,
        ...(finding !== undefined && { finding }),
      })),
    ),
  ]);

describe('what a sink that is gone was owed', () => {
  it('becomes dead letters by an operator, untried, with the reason and the time', async () => {
    await accept(1, ['gone']);
    expect(await giveUpOwed(journal, 'gone', () => 4_711)).toBe(1);
    const { items } = await journal.deliveries({ state: 'dead' }, { limit: 10 });
    expect(items).toMatchObject([{ sink: 'gone', fault: 'operator', attempts: 1 }]);
    expect(items[0]?.reason).toContain('given up by an operator');
    const record = await journal.alert(items[0]?.alertId ?? '');
    expect(record?.deliveries[0]?.history).toMatchObject([
      { attempt: 1, at: 4_711, durationMs: 0, outcome: 'rejected', reason: items[0]?.reason },
    ]);
  });

  it('is given up also where it comes due one after the other, and where the sink is parked', async () => {
    await journal.park('gone', 'answered 401');
    await accept(3, ['gone', 'pager'], 'one finding');
    expect(await giveUpOwed(journal, 'gone', Date.now)).toBe(3);
    expect((await journal.counts()).sinks).toMatchObject([
      { sink: 'gone', pending: 0, dead: 3 },
      { sink: 'pager', pending: 3, dead: 0 },
    ]);
  });

  it('may be nothing', async () => {
    expect(await giveUpOwed(journal, 'gone', Date.now)).toBe(0);
  });
});
