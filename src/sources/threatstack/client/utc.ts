import { ThreatStackClientError } from './errors.js';
import type { Time } from './records.js';

/** `2026-03-01 08:00`, `2026-03-01T08:00:00.123+01:00`, `20260301T080000Z`. */
const moment =
  /^(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d)(?::?(\d\d)(?:\.(\d{1,9}))?)? ?(?:(?:Z|UTC|GMT)|([+-]\d\d):?(\d\d)?)?$/i;
const day = /^\d{4}-\d\d-\d\d$/;

/**
 * A time in the form that both APIs take, always in UTC: the predecessor sent the caller's local time as if it were.
 * A day stays a day, for what its end is, the vendor knows.
 */
export function utc(time: Time | undefined): string | undefined {
  if (time === undefined) return undefined;
  const written = typeof time === 'string' ? time.trim() : '';
  const ms = typeof time === 'string' ? msOf(written) : time.getTime();
  if (Number.isNaN(ms)) {
    throw new ThreatStackClientError(
      `${typeof time === 'string' ? JSON.stringify(time) : 'an invalid Date'} is no time: write 2026-03-01, 2026-03-01 08:00:00 (UTC) or 2026-03-01T08:00:00+01:00`,
    );
  }
  return day.test(written) ? written : new Date(ms).toISOString();
}

/** Milliseconds since the epoch; NaN for what the calendar does not have, which `Date.parse` would move on by a day. */
function msOf(written: string): number {
  if (day.test(written)) return isDay(written) ? Date.parse(written) : Number.NaN;
  const match = moment.exec(written);
  if (match === null) return Number.NaN;
  const [, year, month, date, hour, minute, second = '00', fraction = '0', zoneHour, zoneMinute = '00'] = match;
  const calendarDay = `${year}-${month}-${date}`;
  const zone = zoneHour === undefined ? 'Z' : `${zoneHour}:${zoneMinute}`;
  const ms = fraction.slice(0, 3).padEnd(3, '0');
  return isDay(calendarDay) ? Date.parse(`${calendarDay}T${hour}:${minute}:${second}.${ms}${zone}`) : Number.NaN;
}

function isDay(written: string): boolean {
  const ms = Date.parse(`${written}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(written);
}
