import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hook } from '../faults/harness/hook.js';
import { askAdmin, checkInvariant } from '../faults/harness/invariant.js';
import { newFinding, reportOf } from '../faults/harness/report.js';
import { Scene } from '../faults/harness/scene.js';
import { startPostgres, type PostgresServer } from '../support/postgres.js';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let server: PostgresServer;
let scene: Scene;

beforeAll(async () => {
  server = await startPostgres(['-c', 'fsync=off']);
}, 60_000);
afterAll(() => server.stop(), 60_000);
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

/** `migrate` as an operator runs it; with a number, killed with SIGKILL once it has told of so many parts. */
function migrate(config: string, killAfter = Number.POSITIVE_INFINITY, ...args: string[]): Promise<Ended> {
  const { journalPath } = scene;
  const child = spawn(process.execPath, [main, 'migrate', 'sqlite-to-postgres', journalPath, '-c', config, ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
    if (err.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, out, err });
    });
  });
}

const ledgerPath = '/api/v1/ledger?from=1970-01-01T00:00:00Z';
type Ledger = { readonly balanced: boolean; readonly totals: object };

describe('a router that has outgrown SQLite', () => {
  it('goes on with PostgreSQL, though it died and its move was killed again and again', async () => {
    const pager = await scene.sink({ kind: hook });
    const lake = await scene.sink({ name: 'lake', kind: hook });
    const before = await scene.start();
    const url = await server.createSchema();
    const journal = { type: 'postgres', url, ssl: false, lease: '3s', acceptWeakDurability: true };
    const after = await scene.prepare({ config: { journal } });

    const findings = Array.from({ length: 3_000 }, () => newFinding());
    for (let at = 0; at < findings.length; at += 250)
      await scene.client.insist(findings.slice(at, at + 250).map((finding) => reportOf(finding, 1)));
    await scene.until(() => pager.received().length > 500);
    for (const sink of [pager, lake]) sink.server.always({ kind: 'answer', status: 503 });
    await scene.client.insist(findings.slice(0, 500).map((finding) => reportOf(finding, 2)));
    expect((await migrate(after.configFile)).err).toContain('is in use by process');
    await before.stop('SIGKILL');

    const tried: number[] = [];
    for (const parts of [4, 1, 1, 1]) {
      const { code, err } = await migrate(after.configFile, parts);
      tried.push(err.split('\n').length - 1);
      expect([code, err]).toEqual([null, expect.any(String)]);
    }
    after.launch();
    expect(await after.exited()).toBe(1);
    expect(after.output).toContain('is being moved into the database');

    const { code, out } = await migrate(after.configFile, Number.POSITIVE_INFINITY, '-o', 'json');
    expect({ tried, code, out }).toMatchObject({ code: 0 });
    const told = JSON.parse(out) as {
      kind: string;
      check: { isWhole: boolean; counts: readonly { what: string; target: number }[] };
    };
    expect(told).toMatchObject({ kind: 'moved', check: { isWhole: true, isBalanced: true } });
    expect(told.check.counts).toContainEqual({ what: 'alerts', source: 3_500, target: 3_500 });
    const again = await migrate(after.configFile);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('already: nothing is to be done')]);

    for (const sink of [pager, lake]) sink.server.always();
    await after.start();
    const account = await checkInvariant(
      { router: after, client: scene.client, sinks: scene.sinks },
      { idleWithinMs: 60_000 },
    );
    expect(account.acked).toBe(3_500);
    // What the old router had under way when it was killed is sent again, and nothing else.
    for (const { received, duplicates } of Object.values(account.sinks)) {
      expect(received).toBe(3_500);
      expect(duplicates).toBeLessThan(200);
    }
    const { balanced } = await askAdmin<Ledger>(after, ledgerPath);
    expect(balanced).toBe(true);
  }, 180_000);

  it('is told what is wrong with how it is moved', async () => {
    const router = await scene.prepare();
    const noJournal = await migrate(router.configFile);
    expect([noJournal.code, noJournal.err]).toEqual([
      78,
      expect.stringContaining('journal.type is sqlite: it must be postgres'),
    ]);
    const journal = { type: 'postgres', url: await server.createSchema(), ssl: false, acceptWeakDurability: true };
    const after = await scene.prepare({ config: { journal } });
    const nothing = await migrate(after.configFile);
    expect([nothing.code, nothing.err]).toEqual([
      1,
      expect.stringContaining(`There is no journal ${scene.journalPath}`),
    ]);
    const child = spawn(process.execPath, [main, 'migrate', 'sqlite-to-postgres', '-c', join(scene.folder, 'no.yaml')]);
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(64);
  }, 60_000);
});
