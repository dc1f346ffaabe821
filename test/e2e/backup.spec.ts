import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { Acked } from '../faults/harness/ledger-client.js';
import { Scene } from '../faults/harness/scene.js';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const run = promisify(execFile);

type Readiness = { readonly status: string; readonly problems?: readonly string[] };

async function onStage(play: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = new Scene();
  try {
    await play(scene);
  } finally {
    await scene.close();
  }
}

/** A router under load whose sink takes nothing; a backup of it; more load; and its sudden end. */
async function backUpAndDie(scene: Scene) {
  const sink = await scene.sink();
  sink.server.always({ kind: 'answer', status: 503 });
  const router = await scene.start();
  const file = join(scene.folder, 'backup.db');
  const stop = new AbortController();
  const load = scene.client.load(100, stop.signal);
  await scene.until(() => scene.client.acked().length > 100);
  const before = scene.client.acked();
  const { stdout } = await run(process.execPath, [main, 'backup', '--admin', router.admin, '-o', 'json', file]);
  const { length: after } = scene.client.acked();
  await scene.until(() => scene.client.acked().length > after + 100);
  stop.abort();
  await load;
  await router.stop('SIGKILL');
  sink.server.always();
  return { sink, router, file, before, told: JSON.parse(stdout) as { readonly bytes: number } };
}

/** Puts the backup in the place of the journal, as docs/operations.md says. */
function restore(scene: Scene, file: string, { withMark }: { readonly withMark: boolean }): void {
  const folder = dirname(scene.journalPath);
  const lost = join(scene.folder, 'lost');
  renameSync(folder, lost);
  mkdirSync(folder);
  copyFileSync(file, scene.journalPath);
  if (withMark) copyFileSync(join(lost, 'journal.db.mark'), `${scene.journalPath}.mark`);
}

const namesOf = (reports: readonly Acked[]) => reports.map(({ name }) => name);

describe('a router restored from a backup that was made under load', () => {
  it(
    'delivers all that was accepted before it, and names exactly what came after',
    () =>
      onStage(async (scene) => {
        const { sink, router, file, before, told } = await backUpAndDie(scene);
        expect(statSync(file)).toMatchObject({ size: told.bytes });
        expect(statSync(file).mode & 0o777).toBe(0o600);
        const acked = scene.client.acked();

        restore(scene, file, { withMark: true });
        await router.start();
        const received = () => new Set(sink.received().map(({ name }) => name));
        await scene.until(() => namesOf(before).every((name) => received().has(name)), 60_000);

        const { status, problems = [] } = (await (await fetch(`${router.admin}/readyz`)).json()) as Readiness;
        expect(status).toBe('degraded');
        expect(problems).toHaveLength(1);
        const [, from = '', to = ''] = /accepted alerts missing: seq (\d+) to (\d+)/.exec(problems[0] ?? '') ?? [];
        // Nothing was a duplicate: each alert has a number of its own, from 1.
        const kept = Number(from) - 1;
        expect(kept).toBeGreaterThanOrEqual(before.length);
        expect(Number(to)).toBe(acked.length);
        await scene.until(() => received().size >= kept, 60_000);
        expect(received().size).toBe(kept);
        const balanced = async () =>
          ((await (await fetch(`${router.admin}/api/v1/ledger`)).json()) as { readonly balanced: boolean }).balanced;
        expect(await balanced()).toBe(false);

        await fetch(`${router.admin}/api/v1/ledger/acknowledge`, { method: 'POST' });
        await scene.until(
          async () => ((await (await fetch(`${router.admin}/readyz`)).json()) as Readiness).status === 'ok',
        );
        expect(await balanced()).toBe(true);
      }),
    120_000,
  );

  it(
    'says of when it is where the mark is lost too',
    () =>
      onStage(async (scene) => {
        const { router, file, before } = await backUpAndDie(scene);
        restore(scene, file, { withMark: false });
        await router.start();
        expect(router.output).toContain('restored from the backup of ');
        const { problems } = (await (await fetch(`${router.admin}/readyz`)).json()) as Readiness;
        expect(problems).toEqual([expect.stringMatching(/^restored from the backup of .* nobody can tell/)]);
        const { items } = (await (await fetch(`${router.admin}/api/v1/sources`)).json()) as {
          readonly items: readonly { readonly counts: { readonly accepted: number } }[];
        };
        expect(items[0]?.counts.accepted).toBeGreaterThanOrEqual(before.length);
      }),
    120_000,
  );
});
