import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Outcome } from '../core/sink.js';
import { sampleDelivery } from '../../test/support/deliveries.js';
import { backoffMs } from '../kit/backoff.js';
import { Breaker } from './breaker.js';
import { settle } from './settlement.js';

const now = Date.parse('2026-03-01T12:00:00Z');
const delivery = sampleDelivery({ attempt: 3, acceptedAt: now - 60_000 });
const timing = { startedAt: now - 40, durationMs: 40 };
const policy = { now, maxAge: 7 * 86_400_000, random: 0.5 };
const next = (outcome: Outcome, changed: object = {}) =>
  settle(delivery, outcome, timing, { ...policy, ...changed }).next;

describe('a settlement', () => {
  it('ends a delivery that arrived, and keeps what the other side calls it', () => {
    const answer = { status: 202 };
    expect(settle(delivery, { kind: 'delivered', remoteId: '7', answer }, timing, policy)).toEqual({
      sink: delivery.sink,
      lease: delivery.lease,
      attempt: { attempt: 3, at: timing.startedAt, durationMs: 40, outcome: 'delivered', answer },
      next: { kind: 'delivered', remoteId: '7' },
    });
  });

  it('keeps no more of one that arrived than was said', () => {
    const { attempt, next: then } = settle(delivery, { kind: 'delivered' }, timing, policy);
    expect(Object.keys(attempt)).toEqual(['attempt', 'at', 'durationMs', 'outcome']);
    expect(Object.keys(then)).toEqual(['kind']);
  });

  it('keeps why one did not arrive, and what the other side said', () => {
    const answer = { status: 503, excerpt: 'busy' };
    const { attempt } = settle(
      delivery,
      { kind: 'retry', cause: 'http', reason: 'status 503', answer },
      timing,
      policy,
    );
    expect(attempt).toMatchObject({ outcome: 'retry', cause: 'http', reason: 'status 503', answer });
  });

  it('is given up for the reason that the other side gave', () => {
    expect(next({ kind: 'rejected', cause: 'http', reason: 'bad title' })).toEqual({
      kind: 'dead',
      fault: 'theirs',
      reason: 'bad title',
    });
  });

  it('puts a retry off by the backoff of its attempt', () => {
    const retry: Outcome = { kind: 'retry', cause: 'network', reason: 'connection reset' };
    expect(next(retry)).toEqual({ kind: 'pending', dueAt: now + 2_000 });
    expect(next({ ...retry, afterMs: 90_000 })).toEqual({ kind: 'pending', dueAt: now + 90_000 });
  });

  it('gives up by age, and says what the last trouble was', () => {
    const retry: Outcome = { kind: 'retry', cause: 'http', reason: 'status 503' };
    const ended = next(retry, { now: delivery.acceptedAt + policy.maxAge });
    expect(ended).toMatchObject({ kind: 'dead', fault: 'age' });
    expect(JSON.stringify(ended)).toContain('status 503');
  });

  it('counts age and tries of a replay from when it was asked for', () => {
    const retry: Outcome = { kind: 'retry', cause: 'http', reason: 'status 503' };
    const old = { attempt: 31, acceptedAt: now - 30 * policy.maxAge };
    const replay = { id: 'r', at: now - 1_000, attemptsBefore: 30 };
    const again = (at: number) =>
      settle(sampleDelivery({ ...old, replay: { ...replay, at } }), retry, timing, policy).next;
    expect(again(now - 1_000)).toEqual({ kind: 'pending', dueAt: now + 500 });
    expect(again(now - policy.maxAge)).toMatchObject({ kind: 'dead', fault: 'age' });
  });

  it('keeps a parked delivery due, whatever its age: its sink is what waits', () => {
    const parked: Outcome = { kind: 'parked', cause: 'http', reason: 'status 403' };
    expect(next(parked, { maxAge: 0 })).toEqual({ kind: 'pending', dueAt: now });
  });

  it('keeps the faults of others apart from ours', () => {
    expect(next({ kind: 'rejected', cause: 'http', reason: 'bad title' })).toMatchObject({ fault: 'theirs' });
    expect(next({ kind: 'rejected', cause: 'plugin', reason: 'boom' })).toMatchObject({ fault: 'ours' });
  });
});

describe('a backoff', () => {
  it('grows from 1 s to 5 min with full jitter, and heeds a longer wish up to 15 min', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (attempt, random) => {
          const wait = backoffMs(attempt, random);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(Math.min(300_000, 1_000 * 2 ** (attempt - 1)));
          expect(backoffMs(attempt, random, 1e9)).toBe(900_000);
          expect(backoffMs(attempt, random, 1)).toBe(Math.max(wait, 1));
        },
      ),
    );
  });
});

describe('a breaker', () => {
  const failure: Outcome = { kind: 'retry', cause: 'http', reason: 'status 500' };
  const success: Outcome = { kind: 'delivered' };
  const fail = (breaker: Breaker, times: number): void => {
    for (let i = 0; i < times; i += 1) breaker.record(failure, now);
  };

  it('halves the lanes with each failure and adds one with each success', () => {
    const breaker = new Breaker(8, () => 0.5);
    fail(breaker, 2);
    expect(breaker.lanes).toBe(2);
    breaker.record(success, now);
    breaker.record({ kind: 'rejected', cause: 'http', reason: 'status 400' }, now);
    expect(breaker.lanes).toBe(4);
    for (let i = 0; i < 20; i += 1) breaker.record(success, now);
    expect(breaker.lanes).toBe(8);
  });

  it('opens after five failures in a row, with one lane and a growing wait', () => {
    const breaker = new Breaker(8, () => 0.5);
    fail(breaker, 4);
    expect([breaker.isOpen, breaker.waitMs(now)]).toEqual([false, 0]);
    fail(breaker, 1);
    expect([breaker.isOpen, breaker.lanes, breaker.waitMs(now)]).toEqual([true, 1, 500]);
    fail(breaker, 1);
    expect(breaker.waitMs(now)).toBe(1_000);
    breaker.record(success, now);
    expect(breaker.isOpen).toBe(false);
  });

  it('counts calls that fail together once it is open as one', () => {
    const breaker = new Breaker(16, () => 0.5);
    for (let i = 0; i < 16; i += 1) breaker.record(failure, now + i, now - 10);
    expect([breaker.isOpen, breaker.waitMs(now + 4)]).toEqual([true, 500]);
    breaker.record(failure, now + 600, now + 510);
    expect(breaker.waitMs(now + 600)).toBe(1_000);
  });

  it('holds every call back for as long as the other side asked', () => {
    const breaker = new Breaker(8);
    breaker.record({ ...failure, afterMs: 3_000 }, now);
    expect(breaker.waitMs(now)).toBe(3_000);
    expect(breaker.waitMs(now + 3_000)).toBe(0);
  });

  it('never grants fewer lanes than one, nor more than the sink has', () => {
    const breaker = new Breaker(3, () => 0.5);
    expect(breaker.lanes).toBe(3);
    fail(breaker, 1);
    expect(breaker.lanes).toBe(1);
    fail(breaker, 1);
    expect(breaker.lanes).toBe(1);
    for (let i = 0; i < 9; i += 1) breaker.record(success, now);
    expect(breaker.lanes).toBe(3);
  });

  it('counts failures in a row only: a success or a refusal of one alert begins anew', () => {
    const breaker = new Breaker(8, () => 0.5);
    fail(breaker, 4);
    breaker.record({ kind: 'rejected', cause: 'http', reason: 'status 400' }, now);
    fail(breaker, 4);
    expect([breaker.isOpen, breaker.waitMs(now)]).toEqual([false, 0]);
  });

  it('counts a parked call as a failure, which asks for no time of its own', () => {
    const breaker = new Breaker(8, () => 0.5);
    for (let i = 0; i < 5; i += 1) breaker.record({ kind: 'parked', cause: 'http', reason: 'status 403' }, now);
    expect([breaker.isOpen, breaker.waitMs(now)]).toEqual([true, 500]);
  });

  it('keeps the longest wait that was asked for', () => {
    const breaker = new Breaker(8, () => 0.5);
    breaker.record({ ...failure, afterMs: 9_000 }, now);
    breaker.record({ ...failure, afterMs: 3_000 }, now);
    expect(breaker.waitMs(now)).toBe(9_000);
  });

  it('that is closed again waits no longer than from the start when it opens the next time', () => {
    const breaker = new Breaker(8, () => 0.5);
    fail(breaker, 8);
    breaker.record(success, now);
    breaker.halfOpen();
    expect([breaker.isOpen, breaker.lanes, breaker.waitMs(now)]).toEqual([true, 1, 0]);
    breaker.record(failure, now + 1);
    expect(breaker.waitMs(now + 1)).toBe(1_000);
  });

  it('half open is closed by one success', () => {
    const breaker = new Breaker(8, () => 0.5);
    breaker.halfOpen();
    breaker.record(success, now);
    expect([breaker.isOpen, breaker.lanes]).toEqual([false, 2]);
  });
});
