import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { passTo, startFront, type Fate } from '../../../test/faults/harness/front.js';
import { acceptedRequest, inParts, type ReportOf } from '../../../test/support/accepted-request.js';
import { freePort } from '../../../test/support/free-port.js';
import { openPostgresJournal } from '../../../test/support/postgres-journal.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres.js';
import { JournalUnavailableError } from '../../core/errors.js';
import type { Delivery, Journal, JournalContext, Settlement } from '../../core/journal.js';
import type { PostgresOptions } from './options.js';

let server: PostgresServer;
let url: string;
let cleanups: (() => Promise<unknown>)[];

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop(), 60_000);
beforeEach(async () => {
  url = await server.createSchema();
  cleanups = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function open(
  options: Partial<PostgresOptions> = {},
  context: Partial<JournalContext> = {},
  at = url,
): Promise<Journal> {
  const journal = await openPostgresJournal(at, options, context);
  cleanups.push(() => journal.close());
  return journal;
}

/** The URL of the same by way of another port. */
const through = (port: number) => url.replace(`:${String(server.port)}/`, `:${String(port)}/`);

/** What an operator would do. */
async function sql(text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/**
 * A way to the server on which the connection is lost between a COMMIT and its answer, as often as `cuts` says, or before
 * the COMMIT where it `isEarly`; and on which nothing gets through while it `isSilent`.
 */
async function startWay() {
  const way = { cuts: 0, isEarly: false, isSilent: false, url: '' };
  const fateOf = (chunk: Buffer): Fate => {
    if (way.isSilent) return 'swallowed';
    if (way.cuts === 0 || !chunk.includes('COMMIT')) return 'passed';
    way.cuts -= 1;
    return way.isEarly ? 'refused' : 'unanswered';
  };
  const front = await startFront(passTo(server.port, fateOf));
  cleanups.push(() => front.close());
  way.url = through(front.port);
  return way;
}

const request = (...reports: ReportOf[]) => acceptedRequest({ receivedAt: Date.now() }, ...reports);

async function claim(journal: Journal, sink = 'pager'): Promise<readonly Delivery[]> {
  for await (const batch of journal.claim(sink, { count: 100 }, AbortSignal.timeout(10_000))) return batch;
  return [];
}

function delivered({ sink, lease, attempt }: Delivery): Settlement {
  const done = { attempt, at: Date.now(), durationMs: 1, outcome: 'delivered' } as const;
  return { sink, lease, attempt: done, next: { kind: 'delivered' } };
}

const idle = { deliveries: 0, bytes: 0 };

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 50) {
    if (waited > 10_000) throw new Error(`not within 10 s: ${holds.toString()}`);
    await sleep(50);
  }
}

describe('a database that cannot be reached', () => {
  it('at the start is said, nothing is promised, and it is joined when it is there', async () => {
    const port = await freePort();
    const warnings: string[] = [];
    const onWarning = (warning: string) => warnings.push(warning);
    const journal = await open({ timeout: 1_000 }, { onWarning }, through(port));
    expect(warnings).toEqual([expect.stringContaining('ECONNREFUSED')]);
    const lost = journal.append([request({})]);
    await expect(lost).rejects.toThrow(JournalUnavailableError);
    await expect(lost).rejects.toMatchObject({ fatal: false });
    await expect(journal.check()).rejects.toThrow('ECONNREFUSED');

    const front = await startFront(passTo(server.port), port);
    cleanups.push(() => front.close());
    await expect(journal.append([request({ title: 'later' })])).resolves.toHaveLength(1);
    expect((await claim(journal)).map(({ alert }) => alert.title)).toEqual(['later']);
  });

  it('at the start, and says no when it is there, ends the router', async () => {
    const port = await freePort();
    const ends: string[] = [];
    const onFatal = (error: JournalUnavailableError) => ends.push(error.message);
    const stranger = through(port).replace('postgres:postgres@', 'postgres:wrong@');
    const journal = await open({}, { onFatal }, stranger);
    const front = await startFront(passTo(server.port), port);
    cleanups.push(() => front.close());
    await expect(journal.check()).rejects.toThrow('password authentication failed');
    expect(ends).toEqual([expect.stringContaining('password authentication failed')]);
  });

  it('because it says no is an error at the start', async () => {
    url = url.replace('postgres:postgres@', 'postgres:wrong@');
    await expect(open()).rejects.toThrow('password authentication failed');
  });

  it('and is killed and started again is used again, and nothing that was accepted is gone', async () => {
    const journal = await open();
    await journal.append([request({ title: 'kept' })]);
    server.kill();
    const lost = journal.append([request({ title: 'lost' })]);
    await expect(lost).rejects.toThrow(JournalUnavailableError);
    await expect(lost).rejects.toMatchObject({ fatal: false });
    await server.restart();
    await journal.append([request({ title: 'later' })]);
    const alerts = (await journal.alerts({}, { limit: 10 })).items.map(({ title }) => title);
    expect(alerts).toEqual(expect.arrayContaining(['kept', 'later']));
    expect((await journal.ledger({ from: 0, until: Date.now() + 1_000 })).balanced).toBe(true);
  }, 60_000);

  it('when it answers a commit has kept it once, and says so when it is asked again', async () => {
    const way = await startWay();
    const journal = await open({}, {}, way.url);
    const known = request({ finding: 'f' });
    await journal.append([known]);
    way.cuts = 1;
    const given = request({ title: 'once' }, { finding: 'f' });
    const [receipt] = await journal.append([given]);
    expect(way.cuts).toBe(0);
    expect(receipt?.alerts).toEqual([
      { id: given.alerts[0]?.alert.id, status: 'accepted' },
      { id: known.alerts[0]?.alert.id, status: 'duplicate' },
    ]);
    expect((await claim(journal)).filter(({ alert }) => alert.title === 'once')).toHaveLength(1);
    expect((await journal.counts()).sources).toMatchObject([{ requests: 2, accepted: 2, duplicates: 1 }]);
  });

  it.each([true, false])(
    'when it answers a commit has kept each part of a request once (early: %s)',
    async (isEarly) => {
      const way = await startWay();
      const journal = await open({}, {}, way.url);
      way.isEarly = isEarly;
      for (const part of inParts({ ...request({}, {}, {}), unread: [{ reason: 'odd' }] })) {
        way.cuts = 1;
        expect(await journal.append([part])).toEqual([
          { alerts: [{ id: part.alerts[0]?.alert.id, status: 'accepted' }] },
        ]);
        expect(way.cuts).toBe(0);
      }
      expect((await journal.alerts({}, { limit: 10 })).items).toHaveLength(3);
      expect((await journal.counts()).sources).toMatchObject([{ requests: 1, accepted: 3, quarantined: 1 }]);
      expect((await journal.ledger({ from: 0, until: Date.now() + 1_000 })).balanced).toBe(true);
    },
  );

  it('when it answers a commit leaves the router with a right idea of what is owed', async () => {
    const way = await startWay();
    const journal = await open({}, {}, way.url);
    way.cuts = 1;
    await journal.append([request({}, {})]);
    await until(() => journal.pending().deliveries === 2);
    const claimed = await claim(journal);
    way.cuts = 1;
    await journal.settle(claimed.map(delivered));
    await until(() => journal.pending().deliveries === 0);
    expect(journal.pending()).toEqual(idle);
  });

  it('and says nothing at all holds up nobody for longer than a webhook may wait', async () => {
    const way = await startWay();
    const journal = await open({ timeout: 1_000 }, {}, way.url);
    await journal.append([request({})]);
    way.isSilent = true;
    const began = performance.now();
    const waiting = Array.from({ length: 600 }, () => journal.append([request({})]));
    const ended = await Promise.allSettled(waiting);
    expect(ended.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(performance.now() - began).toBeLessThan(2_500);
    way.isSilent = false;
    // What was under way is given up, and the next goes by another connection.
    await sleep(2_500);
    await expect(journal.append([request({})])).resolves.toHaveLength(1);
  });

  it('for want of connections turns webhooks away, and takes them again', async () => {
    const journal = await open({ pool: 2, timeout: 1_000 });
    await journal.append([request({})]);
    const many = Array.from({ length: 6_000 }, () => journal.append([request({ sinks: [] })]));
    const ended = await Promise.allSettled(many);
    const refused = ended.filter((each) => each.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const each of refused) expect(each.reason).toBeInstanceOf(JournalUnavailableError);
    await expect(journal.append([request({})])).resolves.toHaveLength(1);
  }, 60_000);
});

describe('a few connections', () => {
  it('are enough for many sinks whose first deliveries another router decided', async () => {
    const sinks = Array.from({ length: 8 }, (_, index) => `sink-${String(index)}`);
    const [one, other] = [await open(), await open({ pool: 2 })];
    for (const sink of sinks) await one.append([request({ sinks: [sink] })]);
    const began = performance.now();
    const claimed = await Promise.all(sinks.map((sink) => claim(other, sink)));
    expect(claimed.flat()).toHaveLength(sinks.length);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('to a server that became a standby are given up, and others made', async () => {
    const journal = await open({ pool: 2, timeout: 1_000 });
    await journal.append([request({})]);
    await sql('ALTER ROLE postgres SET default_transaction_read_only = on');
    try {
      await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signalbox'");
      await expect(journal.append([request({})])).rejects.toThrow('read-only');
    } finally {
      await sql('BEGIN READ WRITE; ALTER ROLE postgres RESET default_transaction_read_only; COMMIT');
    }
    await expect(journal.append([request({})])).resolves.toHaveLength(1);
  });

  it('to a standby are none to start with, until it takes writes', async () => {
    await sql('ALTER ROLE postgres SET default_transaction_read_only = on');
    const warnings: string[] = [];
    let journal: Journal;
    try {
      journal = await open({ pool: 2, timeout: 1_000 }, { onWarning: (warning) => warnings.push(warning) });
    } finally {
      await sql('BEGIN READ WRITE; ALTER ROLE postgres RESET default_transaction_read_only; COMMIT');
    }
    expect(warnings).toEqual([expect.stringContaining('read-only')]);
    await expect(journal.append([request({})])).resolves.toHaveLength(1);
  });
});

describe('a server that answers before it has written', () => {
  it('gets nothing, though it came later to the place of a better one', async () => {
    const journal = await open({ pool: 2, timeout: 1_000 });
    await sql('ALTER SYSTEM SET fsync = off');
    try {
      await sql('SELECT pg_reload_conf()');
      await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signalbox'");
      await expect(journal.append([request({})])).rejects.toThrow('fsync = off');
    } finally {
      await sql('ALTER SYSTEM RESET fsync');
      await sql('SELECT pg_reload_conf()');
    }
    await expect(journal.append([request({})])).resolves.toHaveLength(1);
  });

  it('is refused, unless that is accepted, and then it is said', async () => {
    await sql('ALTER SYSTEM SET synchronous_commit = off');
    try {
      await sql('SELECT pg_reload_conf()');
      await expect(open()).rejects.toThrow(/synchronous_commit = off.*acceptWeakDurability: true/s);
      const warnings: string[] = [];
      const journal = await open({ acceptWeakDurability: true }, { onWarning: (warning) => warnings.push(warning) });
      await expect(journal.check()).resolves.toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining('synchronous_commit = off')]);
    } finally {
      await sql('ALTER SYSTEM RESET synchronous_commit');
      await sql('SELECT pg_reload_conf()');
    }
  });
});
