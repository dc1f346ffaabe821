export type TimeWindow = { readonly startMs: number; readonly endMs: number };

/** The longest span that `incidents_by_time` takes. */
export const longestWindowMs = 7 * 86_400_000;

/** Cuts a span into windows that the vendor takes, the oldest first; each begins where the one before ends. */
export function* windowsOf({ startMs, endMs }: TimeWindow, longestMs = longestWindowMs): Generator<TimeWindow> {
  for (let at = startMs; at < endMs; at += longestMs) yield { startMs: at, endMs: Math.min(at + longestMs, endMs) };
}

/** A moment as the client is given it: a date, or ISO 8601 text, which without a zone is UTC. */
export function momentMs(moment: Date | string): number {
  const ms = typeof moment === 'string' ? Date.parse(hasZone.test(moment) ? moment : `${moment}Z`) : moment.getTime();
  if (Number.isNaN(ms)) throw new TypeError('a time must be a Date or a text such as 2026-02-16T10:40:00Z');
  return ms;
}

/** A date alone is UTC by itself. */
const hasZone = /(?:Z|[+-]\d\d:?\d\d)$|^\d{4}-\d\d-\d\d$/i;
