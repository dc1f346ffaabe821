import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeJournal } from '../../../test/contract/journal.js';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
import type { Journal } from '../../core/journal.js';
import { openSqlite, SqliteOptions } from './journal.js';

/** The writer's thread runs what was built: jest compiles nothing for another thread. */
const workerUrl = new URL('../../../dist/journal/sqlite/worker.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'signalbox-journal-'));
let files = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const newPath = (): string => {
  files += 1;
  return join(folder, `${String(files)}.db`);
};

describeJournal('sqlite', (options, context) =>
  openSqlite(Object.assign(new SqliteOptions(), { path: newPath() }, options), context, workerUrl),
);

describe('the sqlite journal, opened again', () => {
  it('knows what is pending, and takes off what is settled then', async () => {
    const path = newPath();
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
