import { describe, expect, it } from '@jest/globals';
import { sampleDelivery } from '../../test/support/deliveries.js';
import type { Delivery } from '../core/journal.js';
import type { Sink } from '../core/sink.js';
import { attempt } from './attempt.js';

describe('an attempt', () => {
  it('tells a sink by a tag which deliveries are of a replay, and leaves the rest as it is', async () => {
    const given: Delivery[] = [];
    const sink: Sink = {
      maxBatch: 2,
      concurrency: 1,
      keepsState: false,
      deliver: (batch) => {
        given.push(...batch);
        return Promise.resolve({ kind: 'delivered' });
      },
    };
    const usual = sampleDelivery();
    const again = sampleDelivery({ replay: { id: 'r', at: 1, attemptsBefore: 2 } });
    const attempted = await attempt(sink, [usual, again], new AbortController().signal);
    expect(given).toEqual([usual, { ...again, alert: { ...again.alert, tags: ['replay:true', ...again.alert.tags] } }]);
    expect(attempted.map(({ delivery }) => delivery)).toEqual([usual, again]);
  });
});
