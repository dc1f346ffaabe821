import { describe, expect, it } from '@jest/globals';
import { byDay, dayAccount, dayOf, daysOf, noDaySums, sight, wholeDays } from './reconciliation.js';

const none = { webhook: 0, recovered: 0, changes: 0 };

describe('a report of a finding', () => {
  it.each([
    ['first, by the pull', undefined, 'pull', true, true, 'pull', { ...none, recovered: 1 }],
    ['known by a webhook, again by the pull', undefined, 'pull', false, false, 'webhook', { ...none, webhook: 1 }],
    [
      'changed, which only the pull tells',
      undefined,
      'pull',
      false,
      true,
      'webhook',
      { webhook: 1, recovered: 0, changes: 1 },
    ],
    ['seen by a pull, again', 'pull', 'pull', false, false, 'pull', none],
    ['seen by a pull, changed', 'webhook', 'pull', false, true, 'webhook', { ...none, changes: 1 }],
    [
      'recovered, and then by a webhook after all',
      'pull',
      'webhook',
      false,
      false,
      'webhook',
      { webhook: 1, recovered: -1, changes: 0 },
    ],
    ['by both, and again by a webhook', 'webhook', 'webhook', false, true, 'webhook', none],
    ['seen by no pull, by a webhook', undefined, 'webhook', true, true, undefined, none],
  ] as const)('%s', (_what, before, by, isFirst, isNew, mark, add) => {
    expect(sight(before, { by, isFirst, isNew })).toEqual({ mark, add });
  });
});

describe('the account of a day', () => {
  const sums = { webhook: 3, recovered: 2, changes: 1, unread: 1 };

  it('is what the pull saw, where the vendor says no number', () => {
    expect(dayAccount('warden', '2026-03-01', sums, 4)).toEqual({
      source: 'warden',
      day: '2026-03-01',
      vendor: 6,
      vendorBy: 'pull',
      webhook: 7,
      recovered: 2,
      changes: 1,
      missing: 1,
    });
  });

  it("is held against the vendor's number where it says one", () => {
    const account = dayAccount('warden', '2026-03-01', { ...sums, total: 12 }, 4);
    expect(account).toMatchObject({ vendor: 12, vendorBy: 'vendor', webhook: 7, recovered: 2, missing: 3 });
    expect(dayAccount('warden', '2026-03-01', { ...sums, total: 2 }, 4)).toMatchObject({ vendor: 2, missing: 0 });
  });
});

describe('days', () => {
  const noon = Date.UTC(2026, 2, 1, 12);
  const midnight = Date.UTC(2026, 2, 2);

  it('are those of UTC; the end of a range is not in it', () => {
    expect(dayOf(midnight - 1)).toBe('2026-03-01');
    expect(daysOf({ from: noon, until: midnight })).toEqual({ first: '2026-03-01', last: '2026-03-01' });
    expect(daysOf({ from: noon, until: midnight + 1 })).toEqual({ first: '2026-03-01', last: '2026-03-02' });
    expect(wholeDays({ from: noon, until: midnight })).toEqual({ from: Date.UTC(2026, 2, 1), until: midnight });
  });

  it('come newest first, then by name', () => {
    const days = [
      ['b', '2026-03-01'],
      ['b', '2026-03-02'],
      ['a', '2026-03-01'],
    ].map(([source = '', day = '']) => dayAccount(source, day, noDaySums, 0));
    expect(days.sort(byDay).map(({ source, day }) => `${day} ${source}`)).toEqual([
      '2026-03-02 b',
      '2026-03-01 a',
      '2026-03-01 b',
    ]);
  });
});
