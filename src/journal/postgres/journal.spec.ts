import { afterAll, beforeAll } from '@jest/globals';
import { describeAmendments } from '../../../test/contract/amendments.js';
import { describeJournal } from '../../../test/contract/journal.js';
import { describeParts } from '../../../test/contract/parts.js';
import { describePulls } from '../../../test/contract/pulls.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres.js';
import type { Journal, JournalContext } from '../../core/journal.js';
import { Secret } from '../../core/secret.js';
import type { JournalOptions } from '../../kit/journal-options.js';
import { postgres } from './plugin.js';
import { PostgresOptions } from './options.js';

let server: PostgresServer;
const urls = new WeakMap<Journal, string>();

beforeAll(async () => {
  server = await startPostgres(['-c', 'fsync=off']);
}, 60_000);

afterAll(() => server.stop());

async function openAt(url: string, options: Partial<JournalOptions>, context: JournalContext): Promise<Journal> {
  const told = Object.assign(
    new PostgresOptions(),
    { url: new Secret(url), ssl: false, pool: 4, acceptWeakDurability: true },
    options,
  );
  const journal = await postgres.open(told, context);
  urls.set(journal, url);
  return journal;
}

const open = async (options: Partial<JournalOptions>, context: JournalContext): Promise<Journal> =>
  openAt(await server.createSchema(), options, context);

/** A router that is killed leaves its leases behind: whoever comes after it waits for them to end. */
const reopen = async (
  journal: Journal,
  _how: string,
  options: Partial<JournalOptions>,
  context: JournalContext,
): Promise<Journal> => {
  await journal.close();
  return openAt(urls.get(journal) ?? '', options, context);
};

describeJournal('postgres', open, { isShared: true });
describePulls('postgres', open, reopen);
describeParts('postgres', open, reopen);
describeAmendments('postgres', open, reopen, { remembersClaims: true });
