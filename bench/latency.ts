import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchToken, RouterProcess, runLoad } from './processes.js';
import { freePort } from '../test/support/free-port.js';
import { check, median, percentile, type LoadResult, type Section } from './report.js';

const runs = 5;
const seconds = 5;
const rate = 1_000;
const syncs = 500;

/** Answer times at a fixed 1,000 requests a second, beside what one fdatasync of the same disk takes. */
export async function answerTimes(): Promise<Section> {
  const disk: number[] = [];
  const results: LoadResult[] = [];
  for (let run = 0; run < runs; run += 1) {
    disk.push(fdatasyncP50());
    const router = await RouterProcess.start({ journal: 'sqlite', intake: 'events', datadogPort: await freePort() });
    const job = { port: router.port, path: '/v1/ingest/threat-stack', token: benchToken, connections: 64 };
    const steady = { ...job, alertsPerBody: 1, padding: 0, rate };
    await runLoad({ ...steady, seconds: 2 });
    results.push(await runLoad({ ...steady, seconds }));
    await router.stop();
  }
  const sync = median(disk);
  const p99 = median(results.map((result) => result.p99Ms));
  return {
    title: '(b) answer times at 1,000 requests a second, one alert each',
    rows: [
      ['what', 'p50 ms', 'p99 ms'],
      ['fdatasync of 4 kB', sync.toFixed(3), ''],
      ['answer', median(results.map((result) => result.p50Ms)).toFixed(2), p99.toFixed(2)],
    ],
    checks: [check('answer p99 / fdatasync p50', p99 / sync, 'at most', 30)],
  };
}

/** Milliseconds that an appended page takes to be on this disk. */
function fdatasyncP50(): number {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sync-'));
  const file = openSync(join(folder, 'f'), 'a');
  const page = Buffer.alloc(4_096, 1);
  const times: number[] = [];
  for (let i = 0; i < syncs; i += 1) {
    writeSync(file, page);
    const started = performance.now();
    fdatasyncSync(file);
    times.push(performance.now() - started);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  return percentile(times, 0.5);
}
