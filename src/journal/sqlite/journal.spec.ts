import { afterAll, describe, expect, it } from '@jest/globals';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeAmendments } from '../../../test/contract/amendments.js';
import { describeJournal, type OpenJournal, type ReopenJournal } from '../../../test/contract/journal.js';
import { describeParts } from '../../../test/contract/parts.js';
import { describePulls } from '../../../test/contract/pulls.js';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
import type { Journal, JournalContext } from '../../core/journal.js';
import type { JournalOptions } from '../../kit/journal-options.js';
import { openSqlite, SqliteOptions } from './journal.js';

/** The writer's thread runs what was built: jest compiles nothing for another thread. */
const workerUrl = new URL('../../../dist/journal/sqlite/worker.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'signalbox-journal-'));
const paths = new WeakMap<Journal, string>();
let files = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function nextPath(): string {
  files += 1;
  return join(folder, `${String(files)}.db`);
}

async function openAt(path: string, options: Partial<JournalOptions>, context: JournalContext): Promise<Journal> {
  const journal = await openSqlite(Object.assign(new SqliteOptions(), { path }, options), context, workerUrl);
  paths.set(journal, path);
  return journal;
}

/**
 * What a kill would leave: the files as the kernel has them, in the order in which they are written backwards, so that
 * a checkpoint meanwhile does no harm.
 */
function copyAsKilled(from: string): string {
  const to = nextPath();
  for (const which of ['.mark', '-wal', '']) if (existsSync(from + which)) copyFileSync(from + which, to + which);
  return to;
}

const open: OpenJournal = (options, context) => openAt(nextPath(), options, context);
const reopen: ReopenJournal = async (journal, how, options, context) => {
  const path = paths.get(journal) ?? '';
  const next = how === 'crash' ? copyAsKilled(path) : path;
  await journal.close();
  return openAt(next, options, context);
};

describeJournal('sqlite', open, { reopen });
describePulls('sqlite', open, reopen);
describeParts('sqlite', open, reopen);
describeAmendments('sqlite', open, reopen);

describe('the sqlite journal, opened again', () => {
  it('knows what is pending, and takes off what is settled then', async () => {
    const path = nextPath();
    const open = (): Promise<Journal> =>
      openSqlite(Object.assign(new SqliteOptions(), { path }), { now: Date.now }, workerUrl);
    const first = await open();
    await first.append([acceptedRequest({ source: 'warden', receivedAt: Date.now() }, {}, {})]);
    const before = first.pending('warden');
    await first.close();
    const second = await open();
    expect(before.deliveries).toBe(2);
    expect(second.pending('warden')).toEqual(before);
    expect(second.pending()).toEqual(before);
    for await (const claimed of second.claim('pager', { count: 2 }, AbortSignal.timeout(5_000))) {
      const attempt = { attempt: 1, at: Date.now(), durationMs: 1, outcome: 'delivered' } as const;
      await second.settle(
        claimed.map(({ sink, lease }) => ({ sink, lease, attempt, next: { kind: 'delivered' } as const })),
      );
      break;
    }
    expect(second.pending()).toEqual({ deliveries: 0, bytes: 0 });
    await second.close();
  });
});
