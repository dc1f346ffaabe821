import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
import { JournalUnavailableError } from '../../core/errors.js';
import type { BackupCopy, Journal } from '../../core/journal.js';
import { describeMissing } from '../../core/missing.js';
import { openSqlite, SqliteOptions } from './journal.js';
import { Store } from './store.js';

const workerUrl = new URL('../../../dist/journal/sqlite/worker.js', import.meta.url);
const receivedAt = Date.parse('2026-03-01T12:00:00Z');
const takenAt = Date.parse('2026-03-01T13:00:00Z');

/** Keeps what it is given; `onChunk` may do something while more is to come. */
class Kept implements BackupCopy {
  bytes = -1;
  readonly chunks: Buffer[] = [];

  constructor(private readonly onChunk: (count: number) => Promise<void> = () => Promise.resolve()) {}

  begin(bytes: number): void {
    this.bytes = bytes;
  }

  async take(chunk: Buffer): Promise<void> {
    this.chunks.push(chunk);
    await this.onChunk(this.chunks.length);
  }
}

describe('a backup of a journal in a file', () => {
  let folder: string;
  let journals: Journal[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-backup-'));
    journals = [];
  });
  afterEach(async () => {
    for (const journal of journals) await journal.close();
    rmSync(folder, { recursive: true });
  });

  const pathOf = (name: string) => join(folder, name, 'journal.db');
  const open = async (name: string): Promise<Journal> => {
    const options = Object.assign(new SqliteOptions(), { path: pathOf(name) });
    const journal = await openSqlite(options, { now: () => takenAt }, workerUrl);
    journals.push(journal);
    return journal;
  };
  /** So many requests with a body of their own that does not deflate. */
  const append = (journal: Journal, count: number) => {
    const body = Buffer.from(Array.from({ length: 4_000 }, () => Math.floor(Math.random() * 256)));
    return journal.append(Array.from({ length: count }, () => acceptedRequest({ receivedAt, body }, {})));
  };
  const restore = (name: string, { chunks }: Kept) => {
    mkdirSync(join(folder, name));
    writeFileSync(pathOf(name), Buffer.concat(chunks));
  };
  const accepted = async (journal: Journal) => (await journal.counts()).sources[0]?.accepted ?? 0;
  const troubles = async (journal: Journal) => (await journal.counts()).missing.map(describeMissing);

  it('has all that was accepted before it began, and is sound, though more is accepted meanwhile', async () => {
    const journal = await open('live');
    await append(journal, 300);
    const kept = new Kept(async () => {
      await append(journal, 20);
    });
    expect(await journal.backup(kept)).toBe(true);
    expect(kept.chunks.length).toBeGreaterThan(4);
    expect(Buffer.concat(kept.chunks)).toHaveLength(kept.bytes);
    expect(await accepted(journal)).toBe(300 + 20 * kept.chunks.length);

    restore('copy', kept);
    const db = new Database(pathOf('copy'));
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
    const copy = await open('copy');
    expect(await accepted(copy)).toBe(300);
    for await (const batch of copy.claim('pager', { count: 1_000 }, AbortSignal.timeout(10_000))) {
      expect(batch).toHaveLength(300);
      break;
    }
  });

  it('restored without the mark says from when it is, and that nobody knows of more', async () => {
    const journal = await open('live');
    await append(journal, 10);
    const kept = new Kept();
    await journal.backup(kept);
    await append(journal, 5);
    restore('copy', kept);
    const copy = await open('copy');
    expect(await troubles(copy)).toEqual([
      'restored from the backup of 2026-03-01T13:00:00.000Z, without the mark: what was accepted after that is not here, ' +
        'and nobody can tell whether accepted alerts after seq 10 are missing',
    ]);
    await copy.acknowledge();
    await append(copy, 1);
    await copy.close();
    expect((await (await open('copy')).counts()).missing).toMatchObject([{ acknowledgedAt: takenAt }]);
  });

  it('restored beside the mark of the journal it replaces names exactly what is missing', async () => {
    const journal = await open('live');
    await append(journal, 10);
    const kept = new Kept();
    await journal.backup(kept);
    await append(journal, 5);
    await journal.close();
    restore('copy', kept);
    copyFileSync(`${pathOf('live')}.mark`, `${pathOf('copy')}.mark`);
    const copy = await open('copy');
    expect(await troubles(copy)).toEqual([
      expect.stringContaining('accepted alerts missing: seq 11 to 15 (requests 11 to 15)'),
    ]);
    expect((await append(copy, 1)).length).toBe(1);
  });

  it('restored beside that mark when nothing came after it makes no noise', async () => {
    const journal = await open('live');
    await append(journal, 10);
    const kept = new Kept();
    await journal.backup(kept);
    await journal.close();
    restore('copy', kept);
    copyFileSync(`${pathOf('live')}.mark`, `${pathOf('copy')}.mark`);
    expect(await troubles(await open('copy'))).toEqual([]);
  });

  it('leaves the journal locked, and one that goes on as before', async () => {
    const journal = await open('live');
    await append(journal, 10);
    await journal.backup(new Kept());
    await expect(open('live')).rejects.toThrow('is in use by process');
    await append(journal, 10);
    await journal.close();
    const again = await open('live');
    expect(await accepted(again)).toBe(20);
    expect(await troubles(again)).toEqual([]);
  });

  it('is made once at a time, and again after one that was not taken', async () => {
    const journal = await open('live');
    await append(journal, 300);
    const during: unknown[] = [];
    const kept = new Kept(async (count) => {
      if (count > 1) return;
      during.push(await journal.backup(new Kept()).catch((error: unknown) => error));
    });
    await journal.backup(kept);
    expect(during).toEqual([expect.any(JournalUnavailableError)]);
    const gone = new Kept(() => Promise.reject(new Error('gone')));
    await expect(journal.backup(gone)).rejects.toThrow('gone');
    expect(await journal.backup(new Kept())).toBe(true);
  });

  it('that the journal is closed under is not whole', async () => {
    const journal = await open('live');
    await append(journal, 300);
    const kept = new Kept((count) => (count === 2 ? journal.close() : Promise.resolve()));
    await expect(journal.backup(kept)).rejects.toThrow('is closed');
    expect(Buffer.concat(kept.chunks).length).toBeLessThan(kept.bytes);
  });
});

describe('a store that is read for a backup', () => {
  const options = { dedupWindow: 1, retention: 1, deadLetterRetention: 1, auditRetention: 1, lease: 1_000 };
  let folder: string;
  let store: Store;
  const fill = (rows: number) => {
    for (let row = 0; row < rows; row += 1) {
      store.write([
        () => {
          store.audit.add({
            at: row,
            who: 'ann',
            remoteAddress: '::1',
            action: 'x'.repeat(8_000),
            outcome: 'done',
            status: 200,
          });
        },
      ]);
      store.checkpointWhenDue();
    }
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-backup-'));
    store = new Store({ ...options, path: join(folder, 'journal.db') }, receivedAt, 700);
  });
  afterEach(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });

  it('leaves the file alone meanwhile, in quiet times too', () => {
    store.beginBackup(takenAt);
    fill(50);
    expect(store.checkpoint()).toBe(false);
    expect(store.endBackup()).toBe(true);
    expect(store.checkpoint()).toBe(true);
  });

  it('does so only until the WAL has grown long, and then says that the copy is worth nothing', () => {
    store.beginBackup(takenAt);
    fill(600);
    expect(store.endBackup()).toBe(false);
  });
});
