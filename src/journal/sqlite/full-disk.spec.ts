import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
import type { JournalUnavailableError } from '../../core/errors.js';
import type { Journal } from '../../core/journal.js';
import { openSqlite, SqliteOptions } from './journal.js';

const workerUrl = new URL('../../../dist/journal/sqlite/worker.js', import.meta.url);

/** A disk of sixteen megabytes, where this user may have one. */
function mountSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-disk-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder]).status === 0) return folder;
  rmdirSync(folder);
  return undefined;
}

const trial = mountSmallDisk();
const describeWithDisk = trial === undefined ? describe.skip : describe;
if (trial === undefined) console.warn('skipped: this user may not mount a disk small enough to fill');
else unmount(trial);

function unmount(folder: string): void {
  spawnSync('umount', [folder]);
  rmdirSync(folder);
}

describeWithDisk('a journal on a disk that is full', () => {
  let disk: string;
  let journal: Journal;

  beforeEach(async () => {
    disk = mountSmallDisk() ?? '';
    const options = Object.assign(new SqliteOptions(), { path: join(disk, 'journal.db') });
    journal = await openSqlite(options, { now: Date.now }, workerUrl);
  });

  afterEach(async () => {
    await journal.close();
    unmount(disk);
  });

  const append = () =>
    journal.append([acceptedRequest({ receivedAt: Date.now(), body: Buffer.alloc(1_500, 'x') }, {})]);

  /** Fills the disk with requests, many at once; returns the ids of those that were accepted. */
  const fill = async (): Promise<{ accepted: string[]; refusal: JournalUnavailableError }> => {
    const accepted: string[] = [];
    for (;;) {
      const outcomes = await Promise.allSettled(Array.from({ length: 32 }, append));
      const receipts = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
      accepted.push(...receipts.flatMap(({ alerts }) => alerts.map(({ id }) => id)));
      const refused = outcomes.find((outcome) => outcome.status === 'rejected');
      if (refused) return { accepted, refusal: refused.reason as JournalUnavailableError };
    }
  };

  it('says no without being broken, and keeps what it accepted', async () => {
    const { accepted, refusal } = await fill();
    expect(accepted.length).toBeGreaterThan(100);
    expect(refusal).toMatchObject({ name: 'JournalUnavailableError', fatal: false });
    expect(refusal.message).toContain('full');
    await expect(append()).rejects.toMatchObject({ fatal: false });
    await expect(journal.check()).rejects.toMatchObject({ fatal: false });
    const records = await Promise.all(accepted.map((id) => journal.alert(id)));
    expect(records.filter((record) => record === undefined)).toHaveLength(0);
    expect((await journal.counts()).sources).toMatchObject([{ accepted: accepted.length }]);
  });

  it('goes on settling what it accepted', async () => {
    const { accepted } = await fill();
    let settled = 0;
    for await (const batch of journal.claim('pager', { count: 50 }, AbortSignal.timeout(15_000))) {
      settled += await journal.settle(
        batch.map(({ sink, lease, attempt }) => ({
          sink,
          lease,
          attempt: { attempt, at: Date.now(), durationMs: 1, outcome: 'delivered' },
          next: { kind: 'delivered' },
        })),
      );
      if (settled === accepted.length) break;
    }
    expect(settled).toBe(accepted.length);
  });

  it('accepts again by itself once there is room', async () => {
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(3_000_000));
    await fill();
    rmSync(ballast);
    for (let waited = 0; waited < 5_000; waited += 100) {
      const isAccepted = await append().then(
        () => true,
        () => false,
      );
      if (isAccepted) return;
      await sleep(100);
    }
    throw new Error('nothing was accepted again');
  });
});
