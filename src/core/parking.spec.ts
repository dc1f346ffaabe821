import { describe, expect, it } from '@jest/globals';
import type { Parked } from './journal.js';
import { mayEnd, parkedAgain } from './parking.js';

const byRouter: Parked = { reason: 'answered 401', since: 1_000, by: 'router' };
const byOperator: Parked = { reason: 'maintenance', since: 2_000, by: 'operator' };

describe('a sink that is parked', () => {
  it('the first time is parked as said', () => {
    expect(parkedAgain(undefined, byRouter)).toEqual(byRouter);
  });

  it('again by the router keeps its first reason and time', () => {
    expect(parkedAgain(byRouter, { reason: 'answered 403', since: 3_000, by: 'router' })).toEqual(byRouter);
  });

  it('by the router and then by an operator is held by the operator, since the first time', () => {
    expect(parkedAgain(byRouter, byOperator)).toEqual({ reason: 'maintenance', since: 1_000, by: 'operator' });
  });

  it('by an operator stays so whoever comes after', () => {
    expect(parkedAgain(byOperator, { ...byRouter, since: 3_000 })).toEqual(byOperator);
    expect(parkedAgain(byOperator, { reason: 'more of it', since: 3_000, by: 'operator' })).toEqual(byOperator);
  });

  it('is resumed by an operator in any case, and by the router only where the router parked it', () => {
    expect(mayEnd(byRouter, 'operator')).toBe(true);
    expect(mayEnd(byOperator, 'operator')).toBe(true);
    expect(mayEnd(byRouter, 'router')).toBe(true);
    expect(mayEnd(byOperator, 'router')).toBe(false);
  });
});
