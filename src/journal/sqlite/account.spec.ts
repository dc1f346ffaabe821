import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
import type { Delivery, Journal } from '../../core/journal.js';
import { openSqlite, SqliteOptions } from './journal.js';
import { migrations } from './schema.js';

/** The writer's thread runs what was built: jest compiles nothing for another thread. */
const workerUrl = new URL('../../../dist/journal/sqlite/worker.js', import.meta.url);

const hourMs = 3_600_000;
const start = Date.UTC(2026, 4, 1, 10, 30);
const ever = { from: 0, until: start + 24 * hourMs };

describe('the ledger of a journal in a file', () => {
  let folder: string;
  let path: string;
  let journal: Journal;
  let now: number;

  const open = async () => {
    const options = Object.assign(new SqliteOptions(), { path, dedupWindow: hourMs, retention: hourMs });
    journal = await openSqlite(options, { now: () => now }, workerUrl);
  };
  const claim = async (): Promise<readonly Delivery[]> => {
    for await (const batch of journal.claim('pager', { count: 10 }, AbortSignal.timeout(5_000))) return batch;
    throw new Error('nothing is due');
  };
  const settle = async (delivery: Delivery | undefined, as: 'delivered' | 'dead'): Promise<void> => {
    if (!delivery) throw new Error('nothing to settle');
    const outcome = as === 'dead' ? ('rejected' as const) : as;
    const next =
      as === 'dead' ? { kind: as, fault: 'theirs' as const, reason: 'HTTP 400' } : { kind: 'delivered' as const };
    const attempt = { attempt: 1, at: now, durationMs: 1, outcome };
    await journal.settle([{ sink: 'pager', lease: delivery.lease, attempt, next }]);
  };
  /** Changes the file behind the journal's back. */
  const tamper = async (sql: string): Promise<void> => {
    await journal.close();
    const db = new Database(path);
    db.exec(sql);
    db.close();
    await open();
  };

  /** In the first hour: one of each. In the next: one more that is owed. */
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-ledger-'));
    path = join(folder, 'journal.db');
    now = start;
    await open();
    const unread = [{ index: 3, reason: 'it is odd' }];
    const reports = [{ finding: 'delivered' }, { finding: 'dead' }, { finding: 'owed' }, { sinks: [] }];
    await journal.append([
      acceptedRequest({ receivedAt: now, unread, probe: 'hello' }, ...reports),
      acceptedRequest({ receivedAt: now }, { finding: 'owed' }),
    ]);
    const [first, second, third] = await claim();
    await settle(first, 'delivered');
    await settle(second, 'dead');
    if (third) await journal.release('pager', [third.lease]);
    now += hourMs;
    await journal.append([acceptedRequest({ receivedAt: now }, { finding: 'later', sinks: ['pager', 'lake'] })]);
  });

  afterEach(async () => {
    await journal.close();
    rmSync(folder, { recursive: true });
  });

  const first = {
    source: 'warden',
    received: 7,
    accepted: 4,
    duplicates: 1,
    quarantined: 1,
    probes: 1,
    routed: 3,
    unrouted: 1,
    balanced: true,
    difference: { received: 0, accepted: 0 },
  };
  const firstOfPager = {
    sink: 'pager',
    owed: 3,
    delivered: 1,
    pending: 1,
    parked: 0,
    dead: 1,
    superseded: 0,
    balanced: true,
    difference: { owed: 0 },
  };

  it('has every item in one place, in sum and by hour', async () => {
    const ledger = await journal.ledger(ever);
    expect(ledger).toMatchObject({ balanced: true, numbers: { given: 5, accounted: 5, difference: 0 }, missing: [] });
    expect(ledger.totals.sources).toEqual([{ ...first, received: 8, accepted: 5, routed: 4 }]);
    expect(ledger.totals.sinks).toMatchObject([
      { ...firstOfPager, owed: 4, pending: 2 },
      { sink: 'lake', owed: 1, pending: 1 },
    ]);
    expect(ledger.hours).toMatchObject([
      { hour: '2026-05-01T10:00:00.000Z', sources: [first], sinks: [firstOfPager] },
      { hour: '2026-05-01T11:00:00.000Z', sources: [{ received: 1, accepted: 1 }], sinks: [{ owed: 1 }, { owed: 1 }] },
    ]);
  });

  it('has the hours that are asked for, whole ones, and none when none are', async () => {
    const { hours } = await journal.ledger({ from: now, until: now + 1 });
    expect(hours.map(({ hour }) => hour)).toEqual(['2026-05-01T11:00:00.000Z']);
    expect((await journal.ledger()).hours).toEqual([]);
  });

  it('counts as parked what a parked sink is owed', async () => {
    await journal.park('pager', 'HTTP 403');
    const { totals, hours, balanced } = await journal.ledger(ever);
    expect(balanced).toBe(true);
    expect(totals.sinks[0]).toMatchObject({ pending: 0, parked: 2, balanced: true });
    expect(hours[0]?.sinks[0]).toMatchObject({ pending: 0, parked: 1, balanced: true });
  });

  it('still has what was purged', async () => {
    now += 2 * hourMs;
    // The dead letter stays, and what is owed.
    expect(await journal.purge(now)).toBe(2);
    const ledger = await journal.ledger(ever);
    expect(ledger.balanced).toBe(true);
    expect(ledger.hours[0]).toMatchObject({ sources: [first], sinks: [firstOfPager] });
    await settle((await claim())[0], 'delivered');
    now += 90 * 24 * hourMs;
    while ((await journal.purge(now)) > 0);
    expect((await journal.ledger(ever)).hours[0]).toMatchObject({
      sources: [first],
      sinks: [{ ...firstOfPager, delivered: 2, pending: 0 }],
    });
    await journal.close();
    const db = new Database(path, { readonly: true });
    const rows = (table: string) => Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
    expect([rows('unread'), rows('settled')]).toEqual([0, 0]);
    db.close();
    await open();
  });

  it.each<[string, string, object]>([
    [
      'a delivery that is owed',
      'DELETE FROM owed WHERE alert = 3',
      { sinks: [{ sink: 'pager', difference: { owed: 1 } }] },
    ],
    ['one that was delivered', 'DELETE FROM settled WHERE state = 1', { sinks: [{ difference: { owed: 1 } }] }],
    ['an alert', 'DELETE FROM alerts WHERE seq = 4', { sources: [{ difference: { accepted: 1, received: 0 } }] }],
    [
      'an alert with deliveries',
      'DELETE FROM alerts WHERE seq = 1',
      { sources: [{ difference: { accepted: 1 } }], sinks: [{ difference: { owed: 1 } }] },
    ],
    ['a part in quarantine', 'DELETE FROM unread', { sources: [{ difference: { received: 1, accepted: 0 } }] }],
    ['a probe', 'UPDATE requests SET probe = NULL', { sources: [{ difference: { received: 1 } }] }],
    [
      'the place of a delivery',
      'INSERT INTO owed (sink, alert, finding) SELECT sink, alert, 1 FROM settled WHERE state = 2',
      { sinks: [{ difference: { owed: -1 } }] },
    ],
  ])('does not balance, and shows in which hour, when somebody takes away %s', async (_what, sql, hour) => {
    await tamper(sql);
    const ledger = await journal.ledger(ever);
    expect(ledger.balanced).toBe(false);
    expect(ledger.hours[0]).toMatchObject(hour);
    expect([...(ledger.hours[1]?.sources ?? []), ...(ledger.hours[1]?.sinks ?? [])].every((l) => l.balanced)).toBe(
      true,
    );
  });

  it.each<[string, string]>([
    ['accepted of a source', 'UPDATE sources SET accepted = accepted - 1'],
    ['duplicates of a source', 'UPDATE sources SET duplicates = duplicates - 1'],
    ['unrouted of a source', 'UPDATE sources SET unrouted = 0'],
    ['pending of a sink', 'UPDATE sinks SET pending = pending + 1'],
    ['dead of a sink', 'UPDATE sinks SET dead = 0'],
    ['received in an hour', 'UPDATE source_hours SET received = received - 1'],
  ])('does not balance when the count %s is wrong', async (_what, sql) => {
    await tamper(sql);
    expect((await journal.ledger()).balanced).toBe(false);
  });

  it('does not balance when the numbers of the alerts have a hole that nobody knows of', async () => {
    await tamper("INSERT INTO progress VALUES ('last_alert', 9)");
    expect(await journal.ledger()).toMatchObject({
      balanced: false,
      numbers: { given: 9, accounted: 5, difference: 4 },
    });
  });

  it('is made of a journal that did not keep it yet', async () => {
    now += 2 * hourMs;
    await journal.purge(now);
    await settle((await claim())[0], 'delivered');
    const before = await journal.ledger(ever);
    const made = migrations.find((migration) => migration.includes('CREATE TABLE source_hours')) ?? '';
    await tamper(`DROP TABLE source_hours; DROP TABLE sink_hours; ${made}`);
    const ledger = await journal.ledger(ever);
    expect(ledger.balanced).toBe(true);
    expect(ledger.totals).toEqual(before.totals);
    await journal.append([acceptedRequest({ receivedAt: now }, {})]);
    expect((await journal.ledger(ever)).balanced).toBe(true);
  });
});
