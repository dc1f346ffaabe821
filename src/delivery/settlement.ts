import type { Attempt, Delivery, Settlement } from '../core/journal.js';
import type { Outcome } from '../core/sink.js';
import { backoffMs } from '../kit/backoff.js';

/** When and how the call went, in milliseconds. */
export type Timing = { readonly startedAt: number; readonly durationMs: number };

/**
 * What an outcome makes of a delivery. Pure: `now` in milliseconds since the epoch, `random` in [0, 1). Retries end by
 * age, not by count: a sink that is down for a night must not cost alerts. A parked delivery is due at once, since its
 * sink is what waits.
 */
export function settle(
  delivery: Delivery,
  outcome: Outcome,
  timing: Timing,
  policy: { readonly now: number; readonly maxAge: number; readonly random: number },
): Settlement {
  return {
    sink: delivery.sink,
    lease: delivery.lease,
    attempt: attemptOf(delivery, outcome, timing),
    next: nextOf(delivery, outcome, policy),
  };
}

function attemptOf(delivery: Delivery, outcome: Outcome, timing: Timing): Attempt {
  return {
    attempt: delivery.attempt,
    at: timing.startedAt,
    durationMs: timing.durationMs,
    outcome: outcome.kind,
    ...(outcome.kind !== 'delivered' && { cause: outcome.cause, reason: outcome.reason }),
    ...(outcome.answer && { answer: outcome.answer }),
  };
}

function nextOf(
  delivery: Delivery,
  outcome: Outcome,
  { now, maxAge, random }: { readonly now: number; readonly maxAge: number; readonly random: number },
): Settlement['next'] {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'delivered', ...(outcome.remoteId !== undefined && { remoteId: outcome.remoteId }) };
    case 'parked':
      return { kind: 'pending', dueAt: now };
    case 'rejected':
      return { kind: 'dead', fault: outcome.cause === 'plugin' ? 'ours' : 'theirs', reason: outcome.reason };
    case 'retry':
      if (now - (delivery.replay?.at ?? delivery.acceptedAt) >= maxAge) {
        return { kind: 'dead', fault: 'age', reason: `retried until its age limit; last: ${outcome.reason}` };
      }
      return { kind: 'pending', dueAt: now + backoffMs(triesOf(delivery), random, outcome.afterMs) };
  }
}

/** A replay begins anew: what was tried before it was asked for does not count. */
function triesOf({ attempt, replay }: Delivery): number {
  return attempt - (replay?.attemptsBefore ?? 0);
}
