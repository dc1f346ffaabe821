import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedRequest, inParts } from '../../../test/support/accepted-request.js';
import { JournalUnavailableError } from '../../core/errors.js';
import type { Journal, JournalContext } from '../../core/journal.js';
import { openSqlite, SqliteOptions } from './journal.js';

/** The writer's thread runs what was built: jest compiles nothing for another thread. */
const built = (file: string) => new URL(`../../../dist/journal/sqlite/${file}`, import.meta.url);

/** A process that appends until it ends or is killed, and prints the id of each request once it is accepted. */
const appending = `
  const [path, count] = process.argv.slice(1);
  const { openSqlite, SqliteOptions } = await import(${JSON.stringify(built('journal.js').href)});
  const { randomUUID } = await import('node:crypto');
  const journal = await openSqlite(Object.assign(new SqliteOptions(), { path }), { now: Date.now });
  console.log('open');
  for (let i = 0; i < Number(count); i += 1) {
    const request = {
      id: randomUUID(), source: 'warden', receivedAt: Date.now(), remoteAddress: '192.0.2.7',
      authentication: 'bearer', contentType: 'text/plain', body: Buffer.from('body ' + i), sha256: '', alerts: [],
      unread: [{ reason: 'not JSON' }],
    };
    const outcome = await journal.append([request]).then(() => request.id, (error) => 'refused ' + error.fatal);
    console.log(outcome);
  }
  await journal.close();
`;

const child = (path: string, count: number) => ['--input-type=module', '-e', appending, path, String(count)];
const hasStrace = spawnSync('strace', ['-V']).status === 0;
const itWithStrace = hasStrace ? it : it.skip;
if (!hasStrace) console.warn('skipped: there is no strace here to count syncs of the disk with');

describe('a journal in a file', () => {
  let folder: string;
  let path: string;
  let journals: Journal[];
  let children: ChildProcess[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-journal-'));
    path = join(folder, 'data', 'journal.db');
    journals = [];
    children = [];
  });

  afterEach(async () => {
    for (const process of children) process.kill('SIGKILL');
    for (const journal of journals) await journal.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (context: Partial<JournalContext> = {}): Promise<Journal> => {
    const options = Object.assign(new SqliteOptions(), { path });
    const journal = await openSqlite(options, { now: Date.now, ...context }, built('worker.js'));
    journals.push(journal);
    return journal;
  };

  /** Starts a process that appends for ever, and gives its lines as they come. */
  const startAppending = () => {
    const process_ = spawn(process.execPath, child(path, 1_000_000), { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(process_);
    return { process: process_, lines: createInterface({ input: process_.stdout })[Symbol.asyncIterator]() };
  };

  const take = async (lines: AsyncIterator<string>, count: number): Promise<string[]> => {
    const taken: string[] = [];
    while (taken.length < count) {
      const line = await lines.next();
      if (line.done === true) break;
      taken.push(line.value);
    }
    return taken;
  };

  it('still has everything it accepted after kill -9', async () => {
    const accepted: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { process: appender, lines } = startAppending();
      const [first, ...ids] = await take(lines, 150);
      appender.kill('SIGKILL');
      const rest = await take(lines, Number.POSITIVE_INFINITY);
      expect(first).toBe('open');
      accepted.push(...ids, ...rest);
    }
    const journal = await open();
    const found = await Promise.all(accepted.map((id) => journal.raw(id)));
    expect(accepted.length).toBeGreaterThanOrEqual(3 * 149);
    expect(found.filter((raw) => raw === undefined)).toHaveLength(0);
  });

  it('is refused to a second process at once, with the first one named, until the first is gone', async () => {
    const { process: holder, lines } = startAppending();
    await take(lines, 1);
    await expect(open()).rejects.toThrow(`in use by process ${String(holder.pid)}`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await expect((await open()).check()).resolves.toBeUndefined();
  });

  it('is refused to a second opener in the same process', async () => {
    await open();
    await expect(open()).rejects.toThrow(`in use by process ${String(process.pid)}`);
    await expect(open()).rejects.toThrow(JournalUnavailableError);
  });

  it('has what was parked, due and counted when it is opened again', async () => {
    const first = await open();
    const request = acceptedRequest({ receivedAt: Date.now() }, { finding: 'f', version: '1' }, { finding: 'f' });
    await first.append([request]);
    await first.park('pager', 'HTTP 403', 'operator');
    const before = await first.counts();
    await first.close();
    const again = await open();
    expect(await again.counts()).toEqual(before);
    await again.resume('pager');
    for await (const batch of again.claim('pager', { count: 10 }, AbortSignal.timeout(5_000))) {
      expect(batch.map(({ alert }) => alert.id)).toEqual([request.alerts[0]?.alert.id]);
      break;
    }
    expect((await again.append([acceptedRequest({ receivedAt: Date.now() }, { finding: 'f' })]))[0]?.alerts).toEqual([
      { id: request.alerts[1]?.alert.id, status: 'duplicate' },
    ]);
  });

  it('gives out again what was claimed when the process died', async () => {
    const journal = await open();
    await journal.append([acceptedRequest({ receivedAt: Date.now() }, {})]);
    for await (const claimed of journal.claim('pager', { count: 1 }, AbortSignal.timeout(5_000))) {
      expect(claimed).toHaveLength(1);
      break;
    }
    await journal.close();
    const again = await open();
    for await (const claimed of again.claim('pager', { count: 1 }, AbortSignal.timeout(5_000))) {
      expect(claimed).toMatchObject([{ attempt: 1 }]);
      return;
    }
    throw new Error('nothing was given out again');
  });

  itWithStrace('is synced to the disk before each answer, which the default of the library does not do', () => {
    const syncs = (script: readonly string[]): number => {
      const log = join(folder, 'syncs');
      execFileSync('strace', ['-f', '-o', log, '-e', 'trace=fsync,fdatasync', process.execPath, ...script]);
      return readFileSync(log, 'utf8').match(/f(data)?sync\(/g)?.length ?? 0;
    };
    const appends = 60;
    const careless = `
      import Database from 'better-sqlite3';
      const db = new Database(process.argv[1]);
      db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE t (x)');
      for (let i = 0; i < ${String(appends)}; i += 1) db.prepare('INSERT INTO t VALUES (?)').run(i);
    `;
    // One for the WAL and one for the mark beside it.
    expect(syncs(child(path, appends))).toBeGreaterThanOrEqual(2 * appends);
    expect(syncs(['--input-type=module', '-e', careless, join(folder, 'careless.db')])).toBeLessThan(appends / 2);
  });

  itWithStrace.each([20, 21])('stops for good when sync number %d fails, be it of the WAL or of the mark', (number) => {
    const fault = ['-f', '-o', join(folder, 'log'), '-e', `inject=fsync,fdatasync:error=EIO:when=${number}`];
    const { stdout } = spawnSync('strace', [...fault, process.execPath, ...child(path, 40)], { encoding: 'utf8' });
    const outcomes = stdout.trim().split('\n').slice(1);
    const failed = outcomes.findIndex((outcome) => outcome.startsWith('refused'));
    expect(failed).toBeGreaterThan(0);
    expect(outcomes.slice(failed)).toEqual(Array(outcomes.length - failed).fill('refused true'));
  });

  it.each(['', '-wal', '.mark'])(
    'is noticed within about a second when its file "%s" is deleted, and nothing more is accepted',
    async (which) => {
      const failures: JournalUnavailableError[] = [];
      const journal = await open({ onFatal: (error) => failures.push(error) });
      unlinkSync(`${path}${which}`);
      for (let waited = 0; failures.length === 0 && waited < 10_000; waited += 50) await sleep(50);
      expect(failures).toMatchObject([{ fatal: true, message: expect.stringContaining('deleted or replaced') }]);
      await expect(journal.append([acceptedRequest({ receivedAt: Date.now() }, {})])).rejects.toMatchObject({
        fatal: true,
      });
      await expect(journal.counts()).rejects.toBeInstanceOf(JournalUnavailableError);
    },
  );

  describe('whose end is gone', () => {
    const receivedAt = Date.now();
    const wal = () => `${path}-wal`;

    /** Ten alerts and the settlement of the first, killed before any of it is in the database itself. */
    const crash = (alerts = 10): void => {
      const script = `
        const { openSqlite, SqliteOptions } = await import(${JSON.stringify(built('journal.js').href)});
        const path = process.argv[1];
        const journal = await openSqlite(Object.assign(new SqliteOptions(), { path }), { now: Date.now });
        for (const request of JSON.parse(process.argv[2])) {
          await journal.append([{ ...request, body: Buffer.from('body') }]);
        }
        for await (const [{ lease }] of journal.claim('pager', { count: 1 }, new AbortController().signal)) {
          const attempt = { attempt: 1, at: 1, durationMs: 1, outcome: 'delivered' };
          await journal.settle([{ sink: 'pager', lease, attempt, next: { kind: 'delivered' } }]);
          break;
        }
        process.kill(process.pid, 'SIGKILL');
      `;
      const requests = Array.from({ length: alerts }, () => acceptedRequest({ receivedAt }, {}));
      const { signal } = spawnSync(process.execPath, [
        '--input-type=module',
        '-e',
        script,
        path,
        JSON.stringify(requests),
      ]);
      expect(signal).toBe('SIGKILL');
    };
    const reopen = async (): Promise<{ journal: Journal; gaps: string[] }> => {
      const gaps: string[] = [];
      return { journal: await open({ onGap: (gap) => gaps.push(gap) }), gaps };
    };
    const flip = (file: string, at: number): void => {
      const bytes = readFileSync(file);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
      writeFileSync(file, bytes);
    };

    it('says nothing where nothing is missing, junk in a shared-memory file included', async () => {
      crash();
      writeFileSync(`${path}-shm`, Buffer.alloc(32_768, 0xa5));
      const { journal, gaps } = await reopen();
      expect(gaps).toEqual([]);
      expect(await journal.counts()).toMatchObject({
        sources: [{ accepted: 10 }],
        sinks: [{ pending: 9, delivered: 1 }],
        missing: [],
      });
    });

    it('says nothing after a crash between the commit and the mark', async () => {
      crash(9);
      const mark = readFileSync(`${path}.mark`);
      const { journal } = await reopen();
      await journal.append([acceptedRequest({ receivedAt }, {})]);
      await journal.close();
      writeFileSync(`${path}.mark`, mark);
      const { journal: again, gaps } = await reopen();
      expect(gaps).toEqual([]);
      expect(await again.counts()).toMatchObject({ sources: [{ accepted: 10 }], missing: [] });
    });

    it.each<[string, () => void]>([
      [
        'deleted',
        () => {
          unlinkSync(wal());
        },
      ],
      [
        'emptied',
        () => {
          truncateSync(wal(), 0);
        },
      ],
      [
        'cut off in the middle',
        () => {
          truncateSync(wal(), Math.floor(statSync(wal()).size / 2));
        },
      ],
      [
        'damaged by one bit in the middle',
        () => {
          flip(wal(), Math.floor(statSync(wal()).size / 2));
        },
      ],
      [
        'damaged by one bit at its beginning',
        () => {
          flip(wal(), 20);
        },
      ],
    ])('says which alerts are missing when the WAL was %s', async (_how, damage) => {
      crash();
      damage();
      const { journal, gaps } = await reopen();
      const { sources, missing } = await journal.counts();
      const left = sources[0]?.accepted ?? 0;
      expect(left).toBeLessThan(10);
      expect(gaps).toEqual([expect.stringContaining(`accepted alerts missing: seq ${left + 1} to 10 `)]);
      expect(missing).toMatchObject([
        { requests: { from: left + 1, to: 10 }, alerts: { from: left + 1, to: 10 }, writes: { to: 11 } },
      ]);
      await expect(journal.append([acceptedRequest({ receivedAt }, {})])).resolves.toHaveLength(1);
    });

    it('says which alerts are missing of a request of which an earlier part is there', async () => {
      const [first, last] = inParts(acceptedRequest({ receivedAt }, {}, {}));
      if (!first || !last) throw new Error('there are two parts');
      const { journal } = await reopen();
      await journal.append([first]);
      await journal.close();
      const before = readFileSync(path);
      const { journal: second } = await reopen();
      await second.append([last]);
      await second.close();
      writeFileSync(path, before);
      const { journal: third, gaps } = await reopen();
      expect(gaps).toEqual([
        expect.stringContaining('accepted alerts missing: seq 2 to 2 (of requests that are there)'),
      ]);
      expect((await third.counts()).missing).toMatchObject([{ alerts: { from: 2, to: 2 } }]);
      expect(await third.ledger()).toMatchObject({ balanced: false, numbers: { given: 2, difference: 0 } });
      await third.acknowledge();
      expect((await third.ledger()).balanced).toBe(true);
    });

    it('says that only what became of deliveries is missing, where that is so', async () => {
      crash();
      truncateSync(wal(), statSync(wal()).size - 1);
      const { journal, gaps } = await reopen();
      expect(gaps).toEqual([expect.stringContaining('no accepted alert is missing, but writes 11 to 11')]);
      expect(await journal.counts()).toMatchObject({
        sinks: [{ pending: 10 }],
        missing: [{ writes: { from: 11, to: 11 } }],
      });
    });

    it('says it at every start until it is acknowledged, and lists it for ever', async () => {
      crash();
      unlinkSync(wal());
      const { journal, gaps } = await reopen();
      await journal.close();
      const { journal: second, gaps: again } = await reopen();
      expect(again).toEqual(gaps);
      await second.acknowledge();
      await second.close();
      const { journal: third, gaps: quiet } = await reopen();
      expect(quiet).toEqual([]);
      expect((await third.counts()).missing).toMatchObject([
        { alerts: { to: 10 }, acknowledgedAt: expect.any(Number) },
      ]);
    });

    it('never gives the missing numbers again', async () => {
      crash();
      unlinkSync(wal());
      const { journal } = await reopen();
      await journal.append([acceptedRequest({ receivedAt }, {})]);
      for await (const claimed of journal.claim('pager', { count: 10 }, AbortSignal.timeout(5_000))) {
        expect(claimed).toMatchObject([{ lease: { seq: 11 } }]);
        return;
      }
      throw new Error('nothing was given out');
    });

    it('whose mark is damaged says that nobody can tell', async () => {
      crash();
      flip(`${path}.mark`, 3);
      expect((await reopen()).gaps).toEqual([expect.stringContaining('nobody can tell')]);
    });

    it('takes the mark of a router before this one', async () => {
      crash();
      writeFileSync(`${path}.mark`, `${'12'.padStart(16, '0')} ${'15'.padStart(16, '0')}\n`);
      expect((await reopen()).gaps).toEqual([
        expect.stringContaining('accepted alerts missing: seq 11 to 15 (requests 11 to 12)'),
      ]);
    });
  });
});
