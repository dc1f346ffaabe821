import { afterAll } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeJournal } from '../../../test/contract/journal.js';
import { openSqlite, SqliteOptions } from './journal.js';

/** The writer's thread runs what was built: jest compiles nothing for another thread. */
const workerUrl = new URL('../../../dist/journal/sqlite/worker.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'signalbox-journal-'));
let files = 0;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describeJournal('sqlite', (options, context) => {
  files += 1;
  const path = join(folder, `${String(files)}.db`);
  return openSqlite(Object.assign(new SqliteOptions(), { path }, options), context, workerUrl);
});
