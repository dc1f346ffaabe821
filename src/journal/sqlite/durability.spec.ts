import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
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
    expect(syncs(child(path, appends))).toBeGreaterThanOrEqual(appends);
    expect(syncs(['--input-type=module', '-e', careless, join(folder, 'careless.db')])).toBeLessThan(appends / 2);
  });

  itWithStrace('stops for good at the first sync that fails', () => {
    const fault = ['-f', '-o', join(folder, 'log'), '-e', 'inject=fsync,fdatasync:error=EIO:when=20'];
    const { stdout } = spawnSync('strace', [...fault, process.execPath, ...child(path, 40)], { encoding: 'utf8' });
    const outcomes = stdout.trim().split('\n').slice(1);
    const failed = outcomes.findIndex((outcome) => outcome.startsWith('refused'));
    expect(failed).toBeGreaterThan(0);
    expect(outcomes.slice(failed)).toEqual(Array(outcomes.length - failed).fill('refused true'));
  });

  it('that is deleted while it is open is noticed within about a second, and nothing more is accepted', async () => {
    const failures: JournalUnavailableError[] = [];
    const journal = await open({ onFatal: (error) => failures.push(error) });
    unlinkSync(path);
    for (let waited = 0; failures.length === 0 && waited < 5_000; waited += 50) await sleep(50);
    expect(failures).toMatchObject([{ fatal: true, message: expect.stringContaining('deleted or replaced') }]);
    await expect(journal.append([acceptedRequest({ receivedAt: Date.now() }, {})])).rejects.toMatchObject({
      fatal: true,
    });
    await expect(journal.counts()).rejects.toBeInstanceOf(JournalUnavailableError);
  });

  it('whose WAL was cut off says what is missing', async () => {
    const { process: appender, lines } = startAppending();
    // So few that none of them is in the database yet.
    await take(lines, 20);
    appender.kill('SIGKILL');
    await once(appender, 'exit');
    truncateSync(`${path}-wal`, 0);
    const gaps: string[] = [];
    const journal = await open({ onGap: (gap) => gaps.push(gap) });
    expect(gaps).toEqual([expect.stringMatching(/^At least \d+ accepted requests are missing/)]);
    await expect(journal.append([acceptedRequest({ receivedAt: Date.now() }, {})])).resolves.toHaveLength(1);
  });
});
