import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { WatchdogData } from './watchdog.js';

const { beats, limitMs } = workerData as WatchdogData;
const lookMs = 1_000;
const standardOutput = 1;

let last = -1;
/** Looks in a row that found it standing still. Not a time: a process that was stopped as a whole has not hung. */
let still = 0;

setInterval(() => {
  const beat = Atomics.load(beats, 0);
  const before = still;
  still = beat === last ? still + 1 : 0;
  last = beat;
  const limit = Math.ceil(limitMs / lookMs);
  if (still === limit) tell('error', still, 'the event loop stands still: some code of a plugin does not end');
  else if (still === 0 && before >= limit) tell('warn', before, 'the event loop moves again');
}, lookMs);

/** A line as those of the log, written here, since the thread that writes them is the one that hangs. */
function tell(level: string, looks: number, msg: string): void {
  const line = { level, time: new Date().toISOString(), seconds: (looks * lookMs) / 1_000, msg };
  try {
    writeSync(standardOutput, `${JSON.stringify(line)}\n`);
  } catch {
    // Nobody reads the log, or not fast enough.
  }
}
