import type { Parked, ParkedBy } from './journal.js';

/** What holds once a sink is parked (again): the first time, and an operator's word over the router's. */
export function parkedAgain(before: Parked | undefined, now: Parked): Parked {
  if (!before) return now;
  return before.by === 'router' && now.by === 'operator' ? { ...now, since: before.since } : before;
}

/** Whether somebody may end a parking: the router only one of its own. */
export function mayEnd(parked: Parked, by: ParkedBy): boolean {
  return by === 'operator' || parked.by === 'router';
}
