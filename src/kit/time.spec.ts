import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rfc3339, timeOf, timeText, type TimeUnit } from './time.js';

const now = Date.UTC(2026, 2, 1);

function read(value: unknown, unit: TimeUnit = 'auto'): { time: string | undefined; flags: string[] } {
  const flags = new Set<string>();
  const time = timeText(value, unit, now, flags);
  return { time, flags: [...flags] };
}

describe('a time', () => {
  it.each<[unknown, TimeUnit, string]>([
    [1611733052, 's', '2021-01-27T07:37:32.000Z'],
    [1597737611.136183, 's', '2020-08-18T08:00:11.136Z'],
    ['1597737611.123', 's', '2020-08-18T08:00:11.123Z'],
    [1459447024000, 'ms', '2016-03-31T17:57:04.000Z'],
    ['1459447024000', 'ms', '2016-03-31T17:57:04.000Z'],
    [1459447024000999, 'us', '2016-03-31T17:57:04.000Z'],
    ['2016-07-13T16:43:18Z', 'ms', '2016-07-13T16:43:18.000Z'],
    ['2016-07-13t16:43:18.5z', 'auto', '2016-07-13T16:43:18.500Z'],
    ['20160713T164318Z', 'auto', '2016-07-13T16:43:18.000Z'],
    ['2016-07-13T16:43:18+02:00', 'auto', '2016-07-13T14:43:18.000Z'],
    ['2016-07-13 16:43:18 -0330', 'auto', '2016-07-13T20:13:18.000Z'],
    ['2019-01-17T21:39:03.977139+00:00', 'auto', '2019-01-17T21:39:03.977Z'],
    ['2016-12-31T23:59:60Z', 'auto', '2017-01-01T00:00:00.000Z'],
    ['15th Mar 2020 10:21:00 GMT', 'auto', '2020-03-15T10:21:00.000Z'],
    ['1st September 2020 9:05 UTC', 'auto', '2020-09-01T09:05:00.000Z'],
    ['Sun, 15 Mar 2020 10:21:00 +0530', 'auto', '2020-03-15T04:51:00.000Z'],
  ])('%j in %s is %s', (value, unit, time) => {
    expect(read(value, unit)).toEqual({ time, flags: [] });
  });

  it.each([
    ['2020-08-18 08:00:11.136183', '2020-08-18T08:00:11.136Z'],
    ['2015-04-01 20:58:54', '2015-04-01T20:58:54.000Z'],
    ['2020-03-15', '2020-03-15T00:00:00.000Z'],
    ['15th Mar 2020 10:21:00', '2020-03-15T10:21:00.000Z'],
  ])('%j has no zone and is taken as UTC, which is flagged', (value, time) => {
    expect(read(value)).toEqual({ time, flags: ['assumed_utc'] });
    expect(timeOf(value, 'auto', now, new Set())).toEqual({ time, timeQuality: 'assumed_utc' });
  });

  it.each<[unknown, TimeUnit, string]>([
    [1611733052, 'auto', '2021-01-27T07:37:32.000Z'],
    [1611733052000, 'auto', '2021-01-27T07:37:32.000Z'],
    [1611733052000000, 'auto', '2021-01-27T07:37:32.000Z'],
    ['1611733052000000000', 'auto', '2021-01-27T07:37:32.000Z'],
    [1611733052, 'ms', '2021-01-27T07:37:32.000Z'],
    [1611733052000, 's', '2021-01-27T07:37:32.000Z'],
  ])('%j declared as %s goes by its size, which is flagged', (value, unit, time) => {
    expect(read(value, unit)).toEqual({ time, flags: ['time_unit_guessed'] });
  });

  it.each<[unknown, string]>([
    ['31th Dec 1999 23:23:59 GMT', 'time_implausible'],
    [0, 'time_implausible'],
    [-5, 'time_implausible'],
    [1e300, 'time_implausible'],
    ['2026-03-02T00:00:01Z', 'time_implausible'],
    ['0099-01-01T00:00:00Z', 'time_implausible'],
    ['2020-02-30T00:00:00Z', 'time_unreadable'],
    ['31th Feb 2020', 'time_unreadable'],
    ['15th Foo 2020', 'time_unreadable'],
    ['2020-01-01T24:00:00Z', 'time_unreadable'],
    ['2020-01-01T10:00:00 EST', 'time_unreadable'],
    ['yesterday', 'time_unreadable'],
    ['12345', 'time_unreadable'],
    ['9'.repeat(100), 'time_unreadable'],
    [true, 'time_unreadable'],
  ])('%j is none: %s', (value, flag) => {
    expect(read(value)).toEqual({ time: undefined, flags: [flag] });
  });

  it.each([undefined, null, '', '  ', {}, []])('%j was not sent, which is no loss', (value) => {
    expect(read(value)).toEqual({ time: undefined, flags: [] });
  });

  it('may be a day ahead of our clock', () => {
    expect(read('2026-03-02T00:00:00Z').time).toBe('2026-03-02T00:00:00.000Z');
  });

  it('written by anyone with any zone is read to the millisecond', () => {
    const moment = fc.date({ min: new Date('2000-01-02'), max: new Date('2026-02-28'), noInvalidDate: true });
    fc.assert(
      fc.property(moment, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, offset) => {
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
        const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
        const zone = `${offset < 0 ? '-' : '+'}${hours}:${minutes}`;
        expect(read(local + zone)).toEqual({ time: date.toISOString(), flags: [] });
        expect(read(date.getTime() * 1e-3, 's').time).toBeDefined();
        expect(read(date.getTime(), 'ms').time).toBe(date.toISOString());
      }),
    );
  });

  it('of anything throws nothing, and is what JSON would print', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom<TimeUnit>('s', 'ms', 'us', 'auto'), (value, unit) => {
        const { time } = read(value, unit);
        if (time !== undefined) expect(new Date(time).toISOString()).toBe(time);
      }),
    );
  });
});

it('is read alike in every time zone that the machine may be set to', () => {
  const values = ['2020-08-18 08:00:11.136183', '15th Mar 2020 10:21:00 GMT', '2020-03-08 02:30:00', '2020-03-15'];
  // A process of its own: a zone set in this one would change nothing inside the test environment.
  const script = `
    import { timeText } from ${JSON.stringify(new URL('./time.ts', import.meta.url).href)};
    const times = ${JSON.stringify(values)}.map((value) => timeText(value, 'auto', ${now}, new Set()));
    console.log(JSON.stringify([new Date(2020, 0).getTimezoneOffset(), ...times]));`;
  const inZone = (TZ: string): unknown =>
    JSON.parse(
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
        env: { PATH: process.env['PATH'], TZ },
        encoding: 'utf8',
      }),
    );
  const times = values.map((value) => read(value).time);
  expect(inZone('America/St_Johns')).toEqual([210, ...times]);
  expect(inZone('Pacific/Kiritimati')).toEqual([-840, ...times]);
});

it('is written as RFC 3339 says, like Date does, in any order of days', () => {
  const moment = fc.integer({ min: Date.UTC(1970, 0), max: Date.UTC(9999, 0) });
  fc.assert(
    fc.property(moment, moment, (one, other) => {
      for (const ms of [one, other, one, one + 1]) expect(rfc3339(ms)).toBe(new Date(ms).toISOString());
    }),
  );
});
