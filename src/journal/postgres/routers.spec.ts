import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { acceptedRequest, type ReportOf } from '../../../test/support/accepted-request.js';
import { openPostgresJournal } from '../../../test/support/postgres-journal.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres.js';
import type { Delivery, Journal, JournalContext, Settlement } from '../../core/journal.js';
import type { PostgresOptions } from './options.js';

let server: PostgresServer;
let url: string;
let opened: Journal[];

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop(), 60_000);
beforeEach(async () => {
  url = await server.createSchema();
  opened = [];
});
afterEach(async () => {
  for (const journal of opened) await journal.close();
});

async function router(options: Partial<PostgresOptions> = {}, context: Partial<JournalContext> = {}): Promise<Journal> {
  const journal = await openPostgresJournal(url, options, context);
  opened.push(journal);
  return journal;
}

const request = (...reports: ReportOf[]) => acceptedRequest({ receivedAt: Date.now() }, ...reports);

async function claim(journal: Journal, count = 100): Promise<readonly Delivery[]> {
  for await (const batch of journal.claim('pager', { count }, AbortSignal.timeout(10_000))) return batch;
  return [];
}

/** What can be claimed at once, and nothing that only time will bring. */
async function claimNow(journal: Journal): Promise<readonly Delivery[]> {
  for await (const batch of journal.claim('pager', { count: 100 }, AbortSignal.timeout(700))) return batch;
  return [];
}

function delivered({ sink, lease, attempt }: Delivery): Settlement {
  return {
    sink,
    lease,
    attempt: { attempt, at: Date.now(), durationMs: 1, outcome: 'delivered' },
    next: { kind: 'delivered' },
  };
}

const titles = (deliveries: readonly Delivery[]) => deliveries.map(({ alert }) => alert.title);

describe('two routers on one database', () => {
  it('accept one alert once, whichever it is sent to, and both at a time', async () => {
    const [a, b] = [await router(), await router()];
    const same = { finding: 'f', version: '1' };
    const receipts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? a : b).append([request(same)])),
    );
    const told = receipts.flat().flatMap(({ alerts }) => alerts);
    expect(told.filter(({ status }) => status === 'accepted')).toHaveLength(1);
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    expect(await claim(a)).toHaveLength(1);
    expect((await b.ledger({ from: 0, until: Date.now() + 1_000 })).balanced).toBe(true);
  });

  it('never have the same delivery, and keep the order of a finding', async () => {
    const [a, b] = [await router(), await router()];
    await a.append([request({ finding: 'f', version: '1' }, {}, {})]);
    await b.append([request({ finding: 'f', version: '2' }, {}, {})]);
    const taken = await Promise.all([claim(a, 3), claim(b, 3)]);
    const all = taken.flat();
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(titles(all).filter((title) => title.endsWith('of f'))).toEqual(['Report 1 of f']);
    await a.settle(taken[0].map(delivered));
    await b.settle(taken[1].map(delivered));
    expect(titles(await claim(b)).filter((title) => title.endsWith('of f'))).toEqual(['Report 2 of f']);
  });

  it('find what the other one accepted without being told', async () => {
    const [a, b] = [await router(), await router()];
    const waiting = claim(b, 1);
    await a.append([request({ title: 'for whoever comes' })]);
    expect(titles(await waiting)).toEqual(['for whoever comes']);
  });

  it('take over what the other one held when its lease ends, and refuse what that one says then', async () => {
    const [a, b] = [await router({ lease: 300 }), await router({ lease: 60_000 })];
    await a.append([request({ title: 'slow' })]);
    const [slow] = await claim(a);
    const [taken] = await claim(b);
    if (!slow || !taken) throw new Error('nothing was claimed');
    expect(taken.alert.id).toBe(slow.alert.id);
    expect(await a.settle([delivered(slow)])).toBe(0);
    expect(await b.settle([delivered(taken)])).toBe(1);
    expect((await a.alert(slow.alert.id))?.deliveries).toMatchObject([{ state: 'delivered', attempts: 1 }]);
  });

  it('refuse what the other one says of a lease that is being taken over at that moment', async () => {
    const a = await router();
    await a.append([request({ title: 'slow' })]);
    const [slow] = await claim(a);
    if (!slow) throw new Error('nothing was claimed');
    const taker = new pg.Client(url);
    await taker.connect();
    try {
      await taker.query("BEGIN; UPDATE owed SET token = nextval('lease_tokens')");
      const late = a.settle([delivered(slow)]);
      await sleep(300);
      await taker.query('COMMIT');
      expect(await late).toBe(0);
    } finally {
      await taker.end();
    }
    expect((await a.alert(slow.alert.id))?.deliveries).toMatchObject([{ state: 'pending', attempts: 0 }]);
  });

  it('go by the clock of the database, whatever their own ones say', async () => {
    const hourMs = 3_600_000;
    const [a, ahead] = [await router(), await router({}, { now: () => Date.now() + hourMs })];
    await a.append([request({ title: 'held' }), request({ title: 'waits' })]);
    const [held, waits] = await claim(a);
    if (!held || !waits) throw new Error('two were accepted');
    const retry = { attempt: 1, at: Date.now(), durationMs: 1, outcome: 'retry', cause: 'network' } as const;
    await a.settle([
      { ...delivered(waits), attempt: retry, next: { kind: 'pending', dueAt: Date.now() + hourMs / 2 } },
    ]);
    expect(await claimNow(ahead)).toEqual([]);
    expect(await a.settle([delivered(held)])).toBe(1);
  });

  it('hold what is for one of them to do, one after the other', async () => {
    const [a, b] = [await router(), await router()];
    expect(await a.hold('pull', 'a', 400)).toBe(true);
    expect(await b.hold('pull', 'b', 400)).toBe(false);
    expect(await a.hold('pull', 'a', 400)).toBe(true);
    await sleep(500);
    expect(await b.hold('pull', 'b', 60_000)).toBe(true);
    expect(await a.hold('pull', 'a', 400)).toBe(false);
    await b.hold('pull', 'b', 0);
    expect(await a.hold('pull', 'a', 400)).toBe(true);
  });

  it('tell who accepted, who has a delivery out, who made which attempt, and who is there at all', async () => {
    const as = (name: string) => ({ instance: { name, version: '1.2.3' } });
    const [a, b] = [await router({}, as('a')), await router({}, as('b'))];
    const given = request({});
    await a.append([given]);
    const [first] = await claim(a);
    if (!first) throw new Error('one was accepted');
    const alert = async () => b.alert(first.alert.id);
    expect(await alert()).toMatchObject({ request: { instance: 'a' }, deliveries: [{ heldBy: 'a' }] });
    expect(await b.instances()).toMatchObject([
      { name: 'b', version: '1.2.3', claims: 0, isSelf: true },
      { name: 'a', version: '1.2.3', claims: 1 },
    ]);
    const retry = { attempt: 1, at: Date.now(), durationMs: 1, outcome: 'retry', cause: 'network' } as const;
    await a.settle([{ ...delivered(first), attempt: retry, next: { kind: 'pending', dueAt: Date.now() } }]);
    expect((await alert())?.deliveries[0]).not.toHaveProperty('heldBy');
    const [second] = await claim(b);
    if (!second) throw new Error('it is due again');
    await b.settle([delivered(second)]);
    expect(await alert()).toMatchObject({
      deliveries: [{ state: 'delivered', history: [{ instance: 'a' }, { instance: 'b' }] }],
    });
    await a.close();
    const [here, there] = await b.instances();
    expect([here, there]).toMatchObject([{ name: 'a', claims: 0 }, { name: 'b' }]);
    expect(here?.endedAt).toBe(here?.seenAt);
    expect(there).not.toHaveProperty('endedAt');
  });

  it('give a sign of life every ten seconds, though nobody asks anything of them', async () => {
    const journal = await router();
    const seenAt = async () => (await journal.instances())[0]?.seenAt ?? 0;
    const first = await seenAt();
    await sleep(11_000);
    expect((await seenAt()) - first).toBeGreaterThan(9_000);
  }, 30_000);

  it('know of what is owed in all', async () => {
    const [a, b] = [await router(), await router()];
    await a.append([request({}, {})]);
    await b.append([request({})]);
    expect(a.pending().deliveries).toBeGreaterThanOrEqual(2);
    await sleep(1_500);
    expect([a.pending('warden').deliveries, b.pending('warden').deliveries]).toEqual([3, 3]);
    await b.settle((await claim(b)).map(delivered));
    await sleep(1_500);
    expect([a.pending(), b.pending()]).toEqual([
      { deliveries: 0, bytes: 0 },
      { deliveries: 0, bytes: 0 },
    ]);
  });
});
