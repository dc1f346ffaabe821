import type { Pending } from './journal.js';

/** The most that may be owed before webhooks are told to come back later. */
export type PendingLimits = {
  /** Deliveries owed: an alert for two sinks counts twice. */
  readonly maxPending: number;
  /** Bytes of their alerts as JSON. */
  readonly maxPendingBytes: number;
};

/** `high`: an operator should look. `full`: nothing more is taken from whoever has more than a fair share of it. */
export type PressureLevel = 'normal' | 'high' | 'full';

/** From here on `high`, as a share of the limit: of how much is owed, and of how long it is tried. */
export const highFill = 0.8;

/** How full the backlog is, as a share of whichever limit is nearer; 1 is full. */
export function fillOf({ deliveries, bytes }: Pending, { maxPending, maxPendingBytes }: PendingLimits): number {
  return Math.max(deliveries / maxPending, bytes / maxPendingBytes);
}

export function levelOf(fill: number): PressureLevel {
  if (fill >= 1) return 'full';
  return fill >= highFill ? 'high' : 'normal';
}

/**
 * Whether what was accepted at `acceptedAt` has waited for most of the time that it is tried for. Worth an operator's look,
 * and no reason to take nothing: an old backlog needs no more room than a young one. All in milliseconds.
 */
export function isOld(acceptedAt: number, now: number, maxAge: number): boolean {
  return now - acceptedAt >= highFill * maxAge;
}
