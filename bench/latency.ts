import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchToken, RouterProcess, runLoad } from './processes.js';
import { freePort } from '../test/support/free-port.js';
import { check, median, percentile, type LoadResult, type Section } from './report.js';

const runs = 5;
const seconds = 5;
/** A process that was just started spends its first seconds on compiling its own code. */
const warmSeconds = 8;
const rate = 1_000;
const syncs = 500;

/**
 * Answer times at a fixed 1,000 requests a second, beside what one fdatasync of the same disk takes; and what the disk
 * alone would make of that rate, one fdatasync each: where it stalls, no journal can answer.
 */
export async function answerTimes(): Promise<Section> {
  const disk: number[] = [];
  const diskAlone: number[] = [];
  const results: LoadResult[] = [];
  for (let run = 0; run < runs; run += 1) {
    disk.push(percentile(syncTimes(syncs), 0.5));
    diskAlone.push(percentile(syncTimes(rate * seconds, rate), 0.99));
    const router = await RouterProcess.start({ journal: 'sqlite', intake: 'events', datadogPort: await freePort() });
    const job = { port: router.port, path: '/v1/ingest/threat-stack', token: benchToken, connections: 64 };
    const steady = { ...job, alertsPerBody: 1, padding: 0, rate };
    await runLoad({ ...steady, seconds: warmSeconds });
    results.push(await runLoad({ ...steady, seconds }));
    await router.stop();
  }
  const sync = median(disk);
  const p99 = median(results.map((result) => result.p99Ms));
  return {
    title: '(b) answer times at 1,000 requests a second, one alert each',
    rows: [
      ['what', 'p50 ms', 'p99 ms'],
      ['fdatasync of 4 kB, back to back', sync.toFixed(3), ''],
      ['fdatasync of 4 kB, 1,000 a second', '', median(diskAlone).toFixed(2)],
      ['answer', median(results.map((result) => result.p50Ms)).toFixed(2), p99.toFixed(2)],
    ],
    checks: [check('answer p99 / fdatasync p50', p99 / sync, 'at most', 30)],
  };
}

/** Milliseconds that each of `count` appended pages takes to be on this disk; with a rate, from when it was due. */
function syncTimes(count: number, perSecond = Number.POSITIVE_INFINITY): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sync-'));
  const file = openSync(join(folder, 'f'), 'a');
  const page = Buffer.alloc(4_096, 1);
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const times: number[] = [];
  const started = performance.now();
  for (let i = 0; i < count; i += 1) {
    const dueAt = started + (i * 1_000) / perSecond;
    const early = dueAt - performance.now();
    if (early > 0) Atomics.wait(bell, 0, 0, early);
    const from = early > 0 ? performance.now() : Number.isFinite(perSecond) ? dueAt : performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    times.push(performance.now() - from);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  return times;
}
