import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchToken, RouterProcess, runLoad } from './processes.js';
import { freePort } from '../test/support/free-port.js';
import { check, median, type Section } from './report.js';

const runs = 5;
const backlog = 200_000;
const alertsPerBody = 20;
const requests = 40_000;
const job = { path: '/v1/ingest/threat-stack', token: benchToken, connections: 64, alertsPerBody: 1, padding: 0 };

/** Accept rate and memory with 200,000 undelivered alerts against an empty journal, after the same load. */
export async function backlogCost(): Promise<Section> {
  const folders = { empty: '', full: newFolder() };
  await fill(folders.full);
  const rate: Record<string, number[]> = { empty: [], full: [] };
  const memory: Record<string, number[]> = { empty: [], full: [] };
  for (let run = 0; run < runs; run += 1) {
    for (const name of ['empty', 'full'] as const) {
      const folder = name === 'full' ? folders.full : newFolder();
      const router = await start(folder);
      await runLoad({ ...job, port: router.port, seconds: 1 });
      const { perSecond } = await runLoad({ ...job, port: router.port, seconds: 60, requests });
      rate[name]?.push(perSecond);
      memory[name]?.push(router.residentMb());
      await router.stop();
      if (name === 'empty') rmSync(folder, { recursive: true });
    }
  }
  rmSync(folders.full, { recursive: true });
  const of = (figures: Record<string, number[]>, name: string): number => median(figures[name] ?? []);
  const row = (name: string): string[] => [name, of(rate, name).toFixed(0), of(memory, name).toFixed(0)];
  return {
    title: `(e) with ${backlog} undelivered alerts`,
    rows: [['journal', 'req/s', 'resident MB'], row('empty'), row('full')],
    checks: [
      check('accept rate with backlog / empty', of(rate, 'full') / of(rate, 'empty'), 'at least', 0.9),
      check('MB more memory with backlog', of(memory, 'full') - of(memory, 'empty'), 'at most', 64),
    ],
  };
}

async function fill(folder: string): Promise<void> {
  const router = await start(folder);
  await runLoad({ ...job, port: router.port, alertsPerBody, seconds: 300, requests: backlog / alertsPerBody });
  await router.stop();
}

async function start(folder: string): Promise<RouterProcess> {
  return RouterProcess.start({ journal: 'sqlite', intake: 'events', datadogPort: await freePort(), folder });
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'signalbox-backlog-'));
}
