import { text, type Flags } from './read.js';

/** What the vendor's numbers count. `auto`: it sends texts, or does not say; a number's size then decides. */
export type TimeUnit = 's' | 'ms' | 'us' | 'auto';

/** RFC 3339 UTC with milliseconds; spread it into a draft. */
export type ReadTime = { readonly time: string; readonly timeQuality: 'vendor' | 'assumed_utc' };

/**
 * Reads a vendor's time: a number or numeric text in the declared unit, an ISO 8601 text, or an English date with the
 * month in letters (`15th Mar 2020 10:21:00 GMT`). The same result in every time zone of ours. `now` in milliseconds.
 *
 * Flags: `assumed_utc` (no zone was sent), `time_unit_guessed` (the declared unit, if any, made no sense),
 * `time_implausible` (before 2000 or more than a day ahead), `time_unreadable`. The latter two give no time.
 */
export function timeOf(value: unknown, unit: TimeUnit, now: number, flags: Flags): ReadTime | undefined {
  const written = text(value);
  if (written === undefined) return undefined;
  if (written.length > 64) return missing('time_unreadable', flags);
  if (typeof value === 'number' || numericText.test(written)) return fromNumber(Number(written), unit, now, flags);
  if (usual.test(written) && isPlausible(Date.parse(written), now)) return { time: written, timeQuality: 'vendor' };
  const read = fromIso(written) ?? fromEnglish(written);
  if (read === undefined) return missing('time_unreadable', flags);
  if (!isPlausible(read.ms, now)) return missing('time_implausible', flags);
  if (!read.hasZone) flags.add('assumed_utc');
  return { time: rfc3339(read.ms), timeQuality: read.hasZone ? 'vendor' : 'assumed_utc' };
}

/** `timeOf` where only the time is wanted, as for `updatedTime`. */
export function timeText(value: unknown, unit: TimeUnit, now: number, flags: Flags): string | undefined {
  return timeOf(value, unit, now, flags)?.time;
}

const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));
const lastDay = { number: Number.NaN, date: '' };

/** RFC 3339 UTC with milliseconds. Keeps the last date, for `toISOString` is the dearest step of reading an alert. */
export function rfc3339(ms: number): string {
  const day = Math.floor(ms / dayMs);
  if (day !== lastDay.number) {
    lastDay.date = new Date(ms).toISOString().slice(0, 'YYYY-MM-DDT'.length);
    lastDay.number = day;
  }
  const seconds = Math.floor((ms - day * dayMs) / 1_000);
  const minutes = Math.floor(seconds / 60);
  const clock = `${twoDigits[Math.floor(minutes / 60)] ?? ''}:${twoDigits[minutes % 60] ?? ''}:${twoDigits[seconds % 60] ?? ''}`;
  const fraction = ms % 1_000;
  return `${lastDay.date}${clock}.${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}Z`;
}

/** Our own form already, as most vendors send it: nothing to take apart. Later days of a month need the calendar. */
const usual = /^\d{4}-\d\d-(?:[01]\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const numericText = /^\d{9,19}(\.\d+)?$/;
const earliest = Date.UTC(2000, 0, 1);
const dayMs = 86_400_000;

function fromNumber(count: number, unit: TimeUnit, now: number, flags: Flags): ReadTime | undefined {
  const declared = unit === 'auto' ? Number.NaN : toMs(count, unit);
  if (isPlausible(declared, now)) return { time: rfc3339(declared), timeQuality: 'vendor' };
  const guessed = toMs(count, unitOf(count));
  if (!isPlausible(guessed, now)) return missing('time_implausible', flags);
  flags.add('time_unit_guessed');
  return { time: rfc3339(guessed), timeQuality: 'vendor' };
}

function missing(flag: string, flags: Flags): ReadTime | undefined {
  flags.add(flag);
  return undefined;
}

function isPlausible(ms: number, now: number): boolean {
  return ms >= earliest && ms <= now + dayMs;
}

function unitOf(count: number): 's' | 'ms' | 'us' | 'ns' {
  if (count < 1e11) return 's';
  if (count < 1e14) return 'ms';
  return count < 1e17 ? 'us' : 'ns';
}

/** Whole milliseconds, cut rather than rounded; through microseconds, so that 0.123 s is not 122 ms. */
function toMs(count: number, unit: 's' | 'ms' | 'us' | 'ns'): number {
  switch (unit) {
    case 's':
      return Math.floor(Math.round(count * 1e6) / 1e3);
    case 'ms':
      return Math.floor(count);
    case 'us':
      return Math.floor(count / 1e3);
    case 'ns':
      return Math.floor(count / 1e6);
  }
}

type Instant = { readonly ms: number; readonly hasZone: boolean };

const iso =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?$/i;

function fromIso(written: string): Instant | undefined {
  const match = iso.exec(written);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  return instant(
    [year, month, day, hour, minute, second].map((part) => Number(part ?? 0)),
    ms,
    zone,
  );
}

const english =
  /^(?:[a-z]{3,9},? )?(\d{1,2})(?:st|nd|rd|th)? ([a-z]{3})[a-z]{0,6}\.?,? (\d{4})(?:,? (\d{1,2}):(\d\d)(?::(\d\d))? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?)?$/i;
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

function fromEnglish(written: string): Instant | undefined {
  const match = english.exec(written);
  if (match === null) return undefined;
  const [, day, name = '', year, hour, minute, second, zone] = match;
  const month = months.indexOf(name.toLowerCase()) + 1;
  return instant([Number(year), month, ...[day, hour, minute, second].map((part) => Number(part ?? 0))], 0, zone);
}

/** Year, month from 1, day, hour, minute, second; none where the calendar or the clock has no such moment. */
function instant(parts: readonly number[], ms: number, zone: string | undefined): Instant | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  const isDay = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
  // 60 is a leap second: the first of the next minute.
  if (!isDay || hour > 23 || minute > 59 || second > 60) return undefined;
  const local = midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 + ms;
  return { ms: local - offsetMs(zone), hasZone: zone !== undefined };
}

function offsetMs(zone: string | undefined): number {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? '');
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return (match[1] === '-' ? -minutes : minutes) * 60_000;
}
