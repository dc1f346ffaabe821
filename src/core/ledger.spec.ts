import { describe, expect, it } from '@jest/globals';
import {
  addSinkSums,
  addSourceSums,
  hourOf,
  ledgerOf,
  noSinkSums,
  noSourceSums,
  type Books,
  type SinkSums,
  type SourceSums,
} from './ledger.js';
import type { Missing } from './missing.js';

/** Every number another one, so that none can stand for another. */
const sourceSums: SourceSums = {
  received: 100,
  accepted: 60,
  duplicates: 25,
  quarantined: 12,
  probes: 3,
  routed: 51,
  unrouted: 9,
};
const sinkSums: SinkSums = { owed: 77, delivered: 40, pending: 20, dead: 10, superseded: 7 };

const noHours: Books['hours'] = { sources: [], sinks: [] };
const books: Books = {
  totals: { sources: [{ source: 'warden', ...sourceSums }], sinks: [{ sink: 'pager', ...sinkSums }] },
  hours: noHours,
  lastNumber: 60,
  parked: [],
  missing: [],
};

const withSource = (changes: Partial<SourceSums>) =>
  ledgerOf({ ...books, totals: { ...books.totals, sources: [{ source: 'warden', ...sourceSums, ...changes }] } });
const withSink = (changes: Partial<SinkSums>) =>
  ledgerOf({ ...books, totals: { ...books.totals, sinks: [{ sink: 'pager', ...sinkSums, ...changes }] } });

describe('the ledger', () => {
  it('balances where every sum does', () => {
    expect(ledgerOf(books)).toEqual({
      balanced: true,
      totals: {
        sources: [{ source: 'warden', ...sourceSums, balanced: true, difference: { received: 0, accepted: 0 } }],
        sinks: [{ sink: 'pager', ...sinkSums, parked: 0, balanced: true, difference: { owed: 0 } }],
      },
      numbers: { given: 60, accounted: 60, difference: 0 },
      hours: [],
      missing: [],
    });
  });

  it('of an empty journal balances', () => {
    const empty = ledgerOf({ ...books, totals: { sources: [], sinks: [] }, lastNumber: 0 });
    expect(empty).toMatchObject({ balanced: true, numbers: { given: 0, accounted: 0, difference: 0 } });
  });

  it.each<[keyof SourceSums, number, number]>([
    ['received', 1, 0],
    ['duplicates', -1, 0],
    ['quarantined', -1, 0],
    ['probes', -1, 0],
    ['routed', 0, -1],
    ['unrouted', 0, -1],
  ])('does not balance where one more was counted as %s, and says by how much', (name, received, accepted) => {
    const ledger = withSource({ [name]: sourceSums[name] + 1 });
    expect(ledger.balanced).toBe(false);
    expect(ledger.totals.sources[0]).toMatchObject({ balanced: false, difference: { received, accepted } });
    expect(ledger.totals.sinks[0]).toMatchObject({ balanced: true });
  });

  it('does not balance where one more was accepted than was received and routed', () => {
    const ledger = withSource({ accepted: 61 });
    expect(ledger.totals.sources[0]).toMatchObject({ balanced: false, difference: { received: -1, accepted: 1 } });
    expect(ledger.numbers).toEqual({ given: 60, accounted: 61, difference: -1 });
  });

  it.each<[keyof SinkSums, number]>([
    ['owed', 1],
    ['delivered', -1],
    ['pending', -1],
    ['dead', -1],
    ['superseded', -1],
  ])('does not balance where one more delivery was counted as %s, and says by how much', (name, owed) => {
    const ledger = withSink({ [name]: sinkSums[name] + 1 });
    expect(ledger.balanced).toBe(false);
    expect(ledger.totals.sinks[0]).toMatchObject({ balanced: false, difference: { owed } });
    expect(ledger.totals.sources[0]).toMatchObject({ balanced: true });
  });

  it('does not balance where a number was given to no accepted alert', () => {
    const ledger = ledgerOf({ ...books, lastNumber: 62 });
    expect(ledger).toMatchObject({ balanced: false, numbers: { given: 62, accounted: 60, difference: 2 } });
  });

  it('calls parked what waits for a parked sink, and only there', () => {
    const sinks = [
      { sink: 'pager', ...sinkSums },
      { sink: 'archive', ...sinkSums },
    ];
    const { totals, balanced } = ledgerOf({ ...books, totals: { ...books.totals, sinks }, parked: ['pager'] });
    expect(balanced).toBe(true);
    expect(totals.sinks).toMatchObject([
      { sink: 'pager', pending: 0, parked: 20, balanced: true },
      { sink: 'archive', pending: 20, parked: 0, balanced: true },
    ]);
  });
});

describe('the ledger of a journal that lost something', () => {
  const lost: Missing = { noticedAt: 1, writes: { from: 50, to: 59 }, requests: { from: 3, to: 4 } };
  const lostAlerts: Missing = { ...lost, alerts: { from: 61, to: 65 } };

  it('does not balance until an operator knows of it', () => {
    expect(ledgerOf({ ...books, missing: [lost] })).toMatchObject({ balanced: false, missing: [lost] });
    expect(ledgerOf({ ...books, missing: [{ ...lost, acknowledgedAt: 2 }] }).balanced).toBe(true);
  });

  it('does not balance where alerts alone are missing, of a request that is there', () => {
    const alone: Missing = { noticedAt: 1, writes: { from: 50, to: 59 }, alerts: { from: 61, to: 65 } };
    const of = (missing: Missing) => ledgerOf({ ...books, lastNumber: 65, missing: [missing] });
    expect(of(alone)).toMatchObject({ balanced: false, numbers: { difference: 0 } });
    expect(of({ ...alone, acknowledgedAt: 2 }).balanced).toBe(true);
  });

  it('does not balance while one of several is not known of', () => {
    const missing = [{ ...lost, acknowledgedAt: 2 }, lost];
    expect(ledgerOf({ ...books, missing }).balanced).toBe(false);
  });

  it('does not balance where nobody can tell what is missing, until an operator knows of that', () => {
    const unknown: Missing = { noticedAt: 1, writes: { from: 50, to: 59 }, endUnknown: { lastAlert: 60 } };
    expect(ledgerOf({ ...books, missing: [unknown] }).balanced).toBe(false);
    expect(ledgerOf({ ...books, missing: [{ ...unknown, acknowledgedAt: 2 }] }).balanced).toBe(true);
  });

  it('balances where no request is missing: such deliveries are made again', () => {
    expect(ledgerOf({ ...books, missing: [{ noticedAt: 1, writes: { from: 50, to: 59 } }] }).balanced).toBe(true);
  });

  it('accounts for the numbers that are known to be missing', () => {
    const ledger = ledgerOf({ ...books, lastNumber: 65, missing: [{ ...lostAlerts, acknowledgedAt: 2 }] });
    expect(ledger).toMatchObject({ balanced: true, numbers: { given: 65, accounted: 65, difference: 0 } });
  });
});

describe('the ledger by hour', () => {
  const one: SourceSums = { ...noSourceSums, received: 1, accepted: 1, unrouted: 1 };
  const two: SourceSums = { ...noSourceSums, received: 2, duplicates: 2 };
  const owed: SinkSums = { ...noSinkSums, owed: 3 };
  const sent: SinkSums = { ...noSinkSums, delivered: 2, dead: 1 };
  const at = (hour: number) => hourOf(Date.UTC(2026, 4, 1, hour));

  it('begins hours at the full hour', () => {
    expect(hourOf(Date.UTC(2026, 4, 1, 10))).toBe(hourOf(Date.UTC(2026, 4, 1, 10, 59, 59, 999)));
    expect(hourOf(Date.UTC(2026, 4, 1, 11))).toBe(hourOf(Date.UTC(2026, 4, 1, 10)) + 1);
  });

  it('adds up what is known of an hour, oldest hour first', () => {
    const sources = [
      { hour: at(12), source: 'warden', ...one },
      { hour: at(10), source: 'warden', ...one },
      { hour: at(10), source: 'warden', ...two },
      { hour: at(10), source: 'beacon', ...two },
    ];
    const sinks = [
      { hour: at(10), sink: 'pager', ...owed },
      { hour: at(10), sink: 'pager', ...sent },
      { hour: at(11), sink: 'pager', ...owed, pending: 3 },
    ];
    const { hours, balanced } = ledgerOf({ ...books, hours: { sources, sinks }, parked: ['pager'] });
    expect(balanced).toBe(true);
    expect(hours).toMatchObject([
      {
        hour: '2026-05-01T10:00:00.000Z',
        sources: [
          { source: 'warden', received: 3, accepted: 1, duplicates: 2, unrouted: 1, balanced: true },
          { source: 'beacon', received: 2, duplicates: 2, balanced: true },
        ],
        sinks: [{ sink: 'pager', owed: 3, delivered: 2, dead: 1, balanced: true }],
      },
      { hour: '2026-05-01T11:00:00.000Z', sources: [], sinks: [{ sink: 'pager', pending: 0, parked: 3 }] },
      { hour: '2026-05-01T12:00:00.000Z', sources: [{ source: 'warden', received: 1 }], sinks: [] },
    ]);
  });

  it('does not balance where one hour does not', () => {
    const sinks = [{ hour: at(10), sink: 'pager', ...owed }];
    const { balanced, totals, hours } = ledgerOf({ ...books, hours: { sources: [], sinks } });
    expect(balanced).toBe(false);
    expect(totals.sinks[0]).toMatchObject({ balanced: true });
    expect(hours[0]?.sinks[0]).toMatchObject({ balanced: false, difference: { owed: 3 } });
  });
});

describe('sums', () => {
  it('of a source are added one by one', () => {
    const more = { received: 1, accepted: 2, duplicates: 3, quarantined: 4, probes: 5, routed: 6, unrouted: 7 };
    expect(addSourceSums(sourceSums, more)).toEqual({
      received: 101,
      accepted: 62,
      duplicates: 28,
      quarantined: 16,
      probes: 8,
      routed: 57,
      unrouted: 16,
    });
    expect(addSourceSums(noSourceSums, sourceSums)).toEqual(sourceSums);
  });

  it('of a sink are added one by one', () => {
    const more = { owed: 1, delivered: 2, pending: 3, dead: 4, superseded: 5 };
    expect(addSinkSums(sinkSums, more)).toEqual({ owed: 78, delivered: 42, pending: 23, dead: 14, superseded: 12 });
    expect(addSinkSums(noSinkSums, sinkSums)).toEqual(sinkSums);
  });
});
