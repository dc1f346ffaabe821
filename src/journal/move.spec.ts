import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import Database from 'better-sqlite3';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Comparison, modelOptions, steps, type Step } from '../../test/contract/journal-model.js';
import { acceptedRequest, type ReportOf } from '../../test/support/accepted-request.js';
import { passTo, startFront, type Fate } from '../../test/faults/harness/front.js';
import { openPostgresJournal } from '../../test/support/postgres-journal.js';
import { startPostgres, type PostgresServer } from '../../test/support/postgres.js';
import { mintId } from '../core/identity.js';
import type { AlertRecord, Attempt, Delivery, Journal, JournalContext, Settlement } from '../core/journal.js';
import type { MoveSource, MoveTarget } from '../core/move.js';
import { Secret } from '../core/secret.js';
import type { JournalOptions } from '../kit/journal-options.js';
import { moveJournal, type MoveResult } from './move.js';
import { PostgresOptions } from './postgres/options.js';
import { postgres } from './postgres/plugin.js';
import { openSqlite, sqlite, SqliteOptions } from './sqlite/journal.js';
import { migrations } from './sqlite/schema.js';

/** The writer's thread runs what was built: jest compiles nothing for another thread. */
const workerUrl = new URL('../../dist/journal/sqlite/worker.js', import.meta.url);
const fileVersion = migrations.length;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

let server: PostgresServer;
let folder: string;
let path: string;
let url: string;
let now: number;
let journal: Journal;
const context: JournalContext = { now: () => now };

beforeAll(async () => {
  server = await startPostgres(['-c', 'fsync=off']);
}, 60_000);
afterAll(() => server.stop(), 60_000);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-move-'));
  path = join(folder, 'journal.db');
  url = await server.createSchema();
  now = Date.UTC(2026, 4, 10, 12);
  journal = await openFile();
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

function openFile(options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openSqlite(Object.assign(new SqliteOptions(), { path }, options), context, workerUrl);
}

function openDatabase(options: Partial<JournalOptions> = {}, of = context): Promise<Journal> {
  return openPostgresJournal(url, { acceptWeakDurability: true, ...options }, of);
}

function target(): Promise<MoveTarget> {
  const told = { url: new Secret(url), ssl: false, acceptWeakDurability: true };
  return moveInto(Object.assign(new PostgresOptions(), told), context);
}

const moveFrom = sqlite.moveFrom?.bind(sqlite) ?? (() => undefined as never);
const moveInto = postgres.moveInto?.bind(postgres) ?? (() => undefined as never);

/** A target that dies, as far as anybody can tell, before or after it took so many stretches of rows. */
function dying(of: MoveTarget, after: number): MoveTarget {
  let taken = 0;
  return {
    ...of,
    begin: (label) => of.begin(label),
    put: async (...stretch) => {
      if (taken === after) throw new Error('killed');
      await of.put(...stretch);
      taken += 1;
    },
    counts: () => of.counts(),
    ledger: (range) => of.ledger(range),
    finish: () => of.finish(),
    close: () => of.close(),
  };
}

async function move(change = (of: MoveTarget): MoveTarget => of): Promise<MoveResult> {
  const from: MoveSource = moveFrom(path, context);
  try {
    const into = await target();
    try {
      return await moveJournal(from, change(into), path, () => undefined);
    } finally {
      await into.close();
    }
  } finally {
    from.close();
  }
}

/** Closes the file, moves it, and opens the database in its place. */
async function moveAndOpen(options: Partial<JournalOptions> = {}): Promise<void> {
  await journal.close();
  const result = await move();
  expect(result).toMatchObject({ kind: 'moved', check: { isWhole: true } });
  journal = await openDatabase(options);
}

const accept = async (...reports: readonly ReportOf[]) => {
  const request = acceptedRequest({ receivedAt: now }, ...reports);
  const [receipt] = await journal.append([request]);
  return { request, alerts: receipt?.alerts ?? [] };
};

async function claim(sink = 'pager', count = 100): Promise<readonly Delivery[]> {
  for await (const batch of journal.claim(sink, { count }, AbortSignal.timeout(5_000))) return batch;
  throw new Error('nothing is due');
}

function settlement({ sink, lease, attempt }: Delivery, as: Attempt['outcome'], next: Settlement['next']): Settlement {
  const answer = { status: as === 'delivered' ? 202 : 503, excerpt: 'so it goes\u0000' };
  return { sink, lease, attempt: { attempt, at: now, durationMs: 12, outcome: as, answer }, next };
}
const delivered = (delivery: Delivery) =>
  settlement(delivery, 'delivered', { kind: 'delivered', remoteId: `evt-${String(delivery.lease.seq)}` });
const dead = (delivery: Delivery) =>
  settlement(delivery, 'rejected', { kind: 'dead', fault: 'theirs', reason: 'HTTP 400' });
const titles = (deliveries: readonly Delivery[]) => deliveries.map(({ alert }) => alert.title);
const later = (delivery: Delivery, dueAt: number) => settlement(delivery, 'retry', { kind: 'pending', dueAt });

/** Everything that a journal tells an operator; of what is due, not since when, and else within ten seconds. */
async function storyOf(of: Journal): Promise<Readonly<Record<string, unknown>>> {
  const told = JSON.stringify(await tellAll(of), (key, value: unknown) =>
    key === 'dueAt' ? (Number(value) <= now ? 'now' : Math.round(Number(value) / 10_000)) : value,
  );
  return JSON.parse(told) as Readonly<Record<string, unknown>>;
}

async function tellAll(of: Journal): Promise<Readonly<Record<string, unknown>>> {
  const page = { limit: 500 };
  const { items: alerts } = await of.alerts({}, page);
  const records: unknown[] = [];
  for (const { id } of alerts) records.push([withoutInstance(await of.alert(id)), await of.raw(id)]);
  const { items: quarantine } = await of.quarantine(page);
  const range = { from: 0, until: now + dayMs };
  const { hours, ...ledger } = await of.ledger(range);
  return {
    alerts,
    records,
    deliveries: await of.deliveries({}, page),
    deadLetters: await of.deliveries({ state: 'dead' }, page),
    quarantine,
    quarantined: await Promise.all(quarantine.map(({ requestId }) => of.quarantined(requestId))),
    probes: (await of.probes(page)).items,
    counts: await of.counts(),
    ledger,
    hours: hours.map(({ hour, sources, sinks }) => ({ hour, sources, sinks })),
    audit: (await of.auditLog(page)).items,
    replays: (await of.replays(page)).items,
    unfinished: await of.unfinishedReplays(),
    candidates: await of.replayCandidates({}),
    reconciliation: await of.reconciliation(range),
    parkings: [...(await of.parkings()).sinks, ...(await of.parkings()).pulls].sort(),
    pending: of.pending().deliveries,
    pendingOfSource: of.pending('warden').deliveries,
  };
}

function withoutInstance(record: AlertRecord | undefined): unknown {
  if (!record) return record;
  const { instance: _, ...request } = record.request;
  return { ...record, request };
}

/** A journal in which there is something of everything. */
async function fill(): Promise<void> {
  await journal.close();
  journal = await openFile({ retention: dayMs, dedupWindow: dayMs });
  await accept({ finding: 'old', sinks: ['lake'] }, { finding: 'older', sinks: [] });
  await journal.append([acceptedRequest({ receivedAt: now, probe: 'hello', unread: [{ reason: 'gone' }] })]);
  await journal.settle((await claim('lake')).map(delivered));
  now += 3 * dayMs;
  expect(await journal.purge(now)).toBe(2);

  await accept({ finding: 'f', version: '1', description: 'x'.repeat(5_000) }, { finding: 'f', version: '2' });
  await accept(
    { finding: 'f', version: '1' },
    { finding: 'g', updatedAt: now, keepsState: true, sinks: ['pager', 'lake'] },
  );
  await accept({ finding: 'g', version: 'late', updatedAt: now - hourMs, keepsState: true, sinks: ['pager', 'lake'] });
  await accept({ sinks: [], title: 'Nobody wants it: \u0000 \ud800' }, { notBefore: now + hourMs, title: 'held' });
  now += hourMs;
  await accept(
    { title: 'refused', sinks: ['hook'] },
    { title: 'taken', sinks: ['hook'] },
    { title: 'late', sinks: ['hook'] },
  );
  const [refused, taken, late] = await claim('hook');
  if (!refused || !taken || !late) throw new Error('three are due');
  await journal.settle([dead(refused), delivered(taken), later(late, now + 10 * minuteMs)]);
  const [first] = await claim('pager', 1);
  if (!first) throw new Error('f is due');
  await journal.settle([later(first, now)]);

  const body = Buffer.from('not JSON '.repeat(1_000));
  const unread = [{ reason: 'line 1: "\u0000"' }, { index: 3, reason: 'no title' }];
  const odd = acceptedRequest({ receivedAt: now, body, unread });
  await journal.append([odd, acceptedRequest({ receivedAt: now, probe: 'ping' })]);
  const [part] = (await journal.quarantined(odd.id))?.parts ?? [];
  const again = acceptedRequest({ receivedAt: now }, { finding: 'read again' }).alerts;
  await journal.reread({ requestId: odd.id, parts: [part?.number ?? 0], alerts: again, unread: [] });

  await journal.beginPull('scanner', now - dayMs);
  const page = {
    receivedAt: now,
    source: 'scanner',
    pull: { cursor: 'c\u00001', isLast: true, totals: { '2026-05-13': 7 } },
  };
  await journal.append([
    acceptedRequest({ receivedAt: now, source: 'scanner' }, { finding: 'both', title: 'By webhook', time: now }),
    acceptedRequest(
      { ...page, unread: [{ reason: 'odd' }] },
      { finding: 'both', time: now },
      { finding: 'pulled', time: now },
    ),
  ]);
  await journal.parkPull('scanner', 'HTTP 401');
  await journal.park('hook', 'we move', 'operator');
  await journal.park('lake', 'HTTP 403');

  const held = await accept({ notBefore: now + hourMs, sinks: ['lake'] });
  const [routed] = held.request.alerts;
  if (!routed) throw new Error('no alert');
  const lookup = { at: now, durationMs: 5, outcome: 'known', added: ['title'] } as const;
  await journal.amend(routed.alert.id, { ...routed, alert: { ...routed.alert, title: 'Amended' }, lookup });

  const nothing = { looked: 0, outdated: 0, unconfigured: 0, owe: [] };
  const select = { state: 'dead' } as const;
  const done = await journal.startReplay(mintId(), { mode: 'resend', select, rate: 5, force: false, key: 'k' });
  const { items } = await journal.replayCandidates(select);
  const owe = items.map(({ alert }) => ({ alertId: alert.id, sink: 'hook' }));
  await journal.advanceReplay(done.id, { ...nothing, looked: items.length, owe });
  const going = await journal.startReplay(mintId(), { mode: 'reroute', select: {}, rate: 9, force: true });
  await journal.advanceReplay(going.id, { ...nothing, looked: 2, place: '4' });
  for (const outcome of ['done', 'refused'] as const) {
    const entry = { at: now, who: 'ann', remoteAddress: '192.0.2.9', action: 'POST /x', outcome, status: 204 } as const;
    await journal.audit(outcome === 'done' ? { ...entry, role: 'operator', detail: '{"a":1}' } : entry);
  }
}

describe('a journal that is moved into PostgreSQL', () => {
  it('tells there all that it told before', async () => {
    await fill();
    const before = await storyOf(journal);
    await moveAndOpen();
    const after = await storyOf(journal);
    for (const [what, told] of Object.entries(before)) expect({ [what]: after[what] }).toEqual({ [what]: told });
    expect((await journal.ledger({ from: 0, until: now + dayMs })).balanced).toBe(true);
  });

  it('goes on there: repetitions, order, attempts and due times are as they would have been', async () => {
    const first = await accept({ finding: 'f', version: '1' }, { finding: 'f', version: '2' });
    await accept({ finding: 'g', version: '1', updatedAt: now }, { notBefore: now + hourMs, title: 'held' });
    const [f, g] = await claim();
    if (!f || !g) throw new Error('f and g are due');
    await journal.settle([later(g, now + hourMs)]);
    // Somebody has f, and dies with it.
    await moveAndOpen();
    expect((await accept({ finding: 'f', version: '1' })).alerts).toEqual([
      { id: first.alerts[0]?.id, status: 'duplicate' },
    ]);
    expect((await accept({ finding: 'f', version: '2' })).alerts[0]?.status).toBe('duplicate');
    await accept({ finding: 'g', version: '0', updatedAt: now - hourMs, keepsState: true });
    await accept({ finding: 'f', version: '3' }, { finding: 'new' });
    expect(titles(await claim())).toEqual(['Report 1 of f', 'Report v1 of new']);
    now += 2 * hourMs;
    const due = await claim();
    expect(due.map(({ alert, attempt }) => [alert.title, attempt])).toEqual([
      ['Report 1 of g', 2],
      ['held', 1],
    ]);
    const { deliveries } = (await journal.alert(due[0]?.alert.id ?? '')) ?? { deliveries: [] };
    expect(deliveries).toMatchObject([{ attempts: 1, history: [{ outcome: 'retry' }] }]);
    const { items } = await journal.alerts({ fingerprint: due[0]?.alert.fingerprint ?? '' }, { limit: 5 });
    expect(items.map(({ superseded }) => superseded)).toEqual([true, false]);
    now += 7 * dayMs;
    expect((await accept({ finding: 'f', version: '1' })).alerts[0]?.status).toBe('accepted');
  });

  it('is not changed there by what came too late for it here', async () => {
    await journal.beginPull('warden', now - dayMs);
    const bare = { finding: 'due', time: now };
    const held = { finding: 'held', time: now, notBefore: now + hourMs };
    await accept(bare, held);
    await claim();
    await moveAndOpen();
    const fuller = [bare, held].map((report) => ({ ...report, description: 'what it is' }));
    await journal.append([acceptedRequest({ receivedAt: now, pull: { cursor: 'c', isLast: true } }, ...fuller)]);
    const { items } = await journal.alerts({}, { limit: 5 });
    const again = await Promise.all(items.map(async ({ id }) => (await journal.alert(id))?.again));
    expect(again).toEqual([
      { by: 'pull', at: now, added: { description: 'what it is' } },
      { by: 'pull', at: now, added: { description: 'what it is' }, isLate: true },
    ]);
  });

  it('agrees there with its rules, whatever was done with it before and is done then', async () => {
    await journal.close();
    const isNoReopening = ({ do: what }: Step) => what !== 'restart' && what !== 'crash';
    // A finding whose newest report was purged is known again, by an older one, to whoever opens the file then.
    const isKept = ({ do: what }: Step) => what !== 'purge';
    // Of what the model has of amendments, that old alerts cannot be amended twice is of SQLite alone.
    const isForBoth = ({ do: what }: Step) => what !== 'amend';
    const property = fc.asyncProperty(steps, steps, async (before, after) => {
      const clock = { now: Date.UTC(2026, 4, 1, 12) };
      const of: JournalContext = { now: () => clock.now };
      path = join(folder, `${mintId()}.db`);
      url = await server.createSchema();
      const fresh = await openSqlite(Object.assign(new SqliteOptions(), { path }, modelOptions), of, workerUrl);
      const comparison = new Comparison(fresh, clock, async (file) => {
        await file.close();
        now = clock.now;
        expect(await move()).toMatchObject({ kind: 'moved', check: { isWhole: true, isBalanced: true } });
        return openDatabase(modelOptions, of);
      });
      try {
        for (const step of [
          ...before.filter(isNoReopening).filter(isKept),
          { do: 'restart' } as const,
          ...after.filter(isNoReopening).filter(isForBoth),
        ])
          await comparison.take(step);
        await comparison.compareAll();
      } finally {
        await comparison.close();
      }
    });
    await fc.assert(property, { numRuns: 12, endOnFailure: true });
  }, 120_000);
});

describe('a move', () => {
  it('that dies at any point goes on when it is begun again, and brings nothing twice', async () => {
    await fill();
    const before = await storyOf(journal);
    await journal.close();
    let kills = 0;
    for (;;) {
      const ended = await move((into) => dying(into, 3)).catch((error: unknown) => error);
      if (!(ended instanceof Error)) break;
      expect(ended.message).toBe('killed');
      kills += 1;
    }
    expect(kills).toBeGreaterThan(5);
    journal = await openDatabase();
    expect(await storyOf(journal)).toEqual(before);
  });

  it('on a connection that breaks at every other commit, before it or after, brings nothing twice', async () => {
    await fill();
    const before = await storyOf(journal);
    await journal.close();
    let commits = 0;
    const fates: readonly Fate[] = ['refused', 'passed', 'unanswered', 'passed'];
    const fateOf = (chunk: Buffer): Fate =>
      chunk.includes('COMMIT') ? (fates[(commits += 1) % 4] ?? 'passed') : 'passed';
    const front = await startFront(passTo(server.port, fateOf));
    const direct = url;
    url = url.replace(`:${String(server.port)}/`, `:${String(front.port)}/`);
    expect(await move()).toMatchObject({ kind: 'moved', check: { isWhole: true } });
    expect(commits).toBeGreaterThan(20);
    await front.close();
    url = direct;
    journal = await openDatabase();
    expect(await storyOf(journal)).toEqual(before);
  }, 60_000);

  it('of more than goes at once keeps the order of a finding, and misses none of it', async () => {
    const versions = Array.from({ length: 2_300 }, (_, version) => ({ finding: 'f', version: String(version) }));
    await accept(...versions);
    await accept({ finding: 'g' });
    await moveAndOpen();
    expect(titles(await claim())).toEqual(['Report 0 of f', 'Report v1 of g']);
    expect((await accept(...versions)).alerts.every(({ status }) => status === 'duplicate')).toBe(true);
    expect(journal.pending().deliveries).toBe(2_301);
  }, 60_000);

  it('done again does nothing, and says when it was done', async () => {
    await fill();
    await moveAndOpen();
    await accept({});
    await journal.settle((await claim()).map(delivered));
    const before = await storyOf(journal);
    const again = await move();
    expect(again).toMatchObject({ kind: 'done before', at: expect.any(Number) });
    expect(await storyOf(journal)).toEqual(before);
  });

  it('lets no router have the database before it is finished', async () => {
    await accept({}, {});
    await journal.close();
    await expect(move((into) => dying(into, 2))).rejects.toThrow('killed');
    await expect(openDatabase()).rejects.toThrow(/is being moved into the database/);
    await move();
    journal = await openDatabase();
    expect(await claim()).toHaveLength(2);
  });

  it('is refused while a router has the file, and where there is none', async () => {
    await expect(move()).rejects.toThrow(/is in use by process/);
    await expect(Promise.resolve().then(() => moveFrom(join(folder, 'nothing.db'), context))).rejects.toThrow(
      /There is no journal/,
    );
    expect(existsSync(join(folder, 'nothing.db'))).toBe(false);
  });

  it('is refused for a file of a newer router', async () => {
    await journal.close();
    const db = new Database(path);
    db.pragma('user_version = 99');
    db.close();
    await expect(move()).rejects.toThrow(/written by a newer router/);
    const mended = new Database(path);
    mended.pragma(`user_version = ${String(fileVersion)}`);
    mended.close();
  });

  it('is refused for a database in which there is something, or at which a router works', async () => {
    await accept({});
    await journal.close();
    journal = await openDatabase();
    await expect(move()).rejects.toThrow(/router .* is at work on the database/);
    await accept({});
    await expect(move()).rejects.toThrow(/is not empty: there are rows in sources/);
    expect((await journal.counts()).sources).toMatchObject([{ accepted: 1 }]);
  });

  it('is refused once the file was used again, unless it is begun anew', async () => {
    await accept({}, {});
    await journal.close();
    await expect(move((into) => dying(into, 7))).rejects.toThrow('killed');
    journal = await openFile();
    await accept({ title: 'meanwhile' });
    await journal.close();
    await expect(move()).rejects.toThrow(/a router has used it since. Give --restart/);
    const into = await target();
    await into.abandon();
    await into.close();
    await moveAndOpen();
    expect(await claim()).toHaveLength(3);
    await expect(target().then(async (of) => of.abandon().finally(() => of.close()))).rejects.toThrow(/was finished/);
  });

  it('of another file into the same database is refused', async () => {
    await accept({});
    await moveAndOpen();
    path = join(folder, 'other.db');
    const other = await openFile();
    await other.close();
    await expect(move()).rejects.toThrow(/is another journal/);
  });

  it('brings what was found missing, and who knows of it', async () => {
    await accept({});
    await accept({}, {});
    await journal.close();
    const mark = readFileSync(`${path}.mark`);
    for (const which of ['', '.mark']) rmSync(path + which);
    journal = await openFile();
    await accept({});
    await journal.close();
    writeFileSync(`${path}.mark`, mark);
    const { check } = (await move()) as Extract<MoveResult, { kind: 'moved' }>;
    expect(check).toMatchObject({ isWhole: true, isBalanced: false });
    journal = await openDatabase();
    const [missing, ...others] = (await journal.counts()).missing;
    expect([missing?.alerts, others]).toEqual([{ from: 2, to: 3 }, []]);
    expect((await journal.ledger()).balanced).toBe(false);
    await journal.acknowledge();
    expect((await journal.counts()).missing).toEqual([{ ...missing, acknowledgedAt: now }]);
    expect(await journal.ledger()).toMatchObject({ balanced: true, numbers: { given: 3, difference: 0 } });
  });

  it('that does not bring all is not finished, and says what differs', async () => {
    await accept({}, {});
    await journal.close();
    const forgetful = (into: MoveTarget): MoveTarget => ({
      ...dying(into, Number.POSITIVE_INFINITY),
      put: (part, rows, from, to) => into.put(part, part === 'owed' ? rows.slice(1) : rows, from, to),
    });
    const { check } = (await move(forgetful)) as Extract<MoveResult, { kind: 'moved' }>;
    expect(check).toMatchObject({ isWhole: false, isBalanced: false });
    expect(check.counts).toContainEqual({ what: 'owed', source: 2, target: 1 });
    await expect(openDatabase()).rejects.toThrow(/is being moved/);
  });

  it('of an empty journal is one, too', async () => {
    await moveAndOpen();
    await accept({});
    expect(await claim()).toHaveLength(1);
  });
});
