import type { AlertDraft } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import type { Flags } from '../../kit/read.js';
import { timeOf, type ReadTime } from '../../kit/time.js';

/** The first of several fields that holds a time. Where Alert Logic sends a number, it counts seconds. */
export function firstTime(values: readonly unknown[], now: number, flags: Flags): ReadTime | undefined {
  for (const value of values) {
    const read = timeOf(value, 's', now, flags);
    if (read !== undefined) return read;
  }
  return undefined;
}

/** Of RFC 3339 texts in UTC, the latest. */
export function latest(...times: readonly (string | undefined)[]): string | undefined {
  return times.reduce((last, time) => (last === undefined || (time !== undefined && time > last) ? time : last));
}

/** The window of the activity. An end before its start is left out: `time_window_reversed`. */
export function windowOf(
  start: unknown,
  end: unknown,
  now: number,
  flags: Flags,
): Pick<AlertDraft, 'startTime' | 'endTime'> {
  const startTime = firstTime([start], now, flags)?.time;
  const endTime = firstTime([end], now, flags)?.time;
  const isReversed = startTime !== undefined && endTime !== undefined && endTime < startTime;
  if (isReversed) flags.add('time_window_reversed');
  return present({ startTime, endTime: isReversed ? undefined : endTime });
}
