import { describe, expect, it } from '@jest/globals';
import { InFlight } from './in-flight.js';

describe('the bytes in flight', () => {
  it('of one source are at most half of all: then 429, and others go on', () => {
    const inFlight = new InFlight(1_000);
    inFlight.add('noisy', 501);
    expect(inFlight.refusal('noisy')).toBe(429);
    expect(inFlight.refusal('quiet')).toBeUndefined();
  });

  it('of all together are bounded: then 503, until answers free them', () => {
    const inFlight = new InFlight(1_000);
    for (const source of ['a', 'b', 'c']) inFlight.add(source, 334);
    expect(inFlight.refusal('d')).toBe(503);
    inFlight.add('a', -334);
    expect(inFlight.refusal('d')).toBeUndefined();
  });
});
