import { parentPort, workerData } from 'node:worker_threads';
import { asUnavailable } from './errors.js';
import type { Failure, Started, WriterData } from './protocol.js';
import { Store } from './store.js';
import { FileWatch } from './watch.js';
import { toFailure, Writer } from './writer.js';

/** The entry of the writer's thread: the only place that touches the database. */

const restMs = 1_000;

function start({ options, openedAt, appends, calls }: WriterData): Started {
  const store = new Store(options, openedAt);
  const watch = new FileWatch(options.path);
  const writer = new Writer(store, appends, calls, (failure: Failure) => parentPort?.postMessage(failure));
  const resting = setInterval(() => {
    writer.rest(() => {
      watch.check();
    });
  }, restMs);
  parentPort?.once('message', () => {
    clearInterval(resting);
    writer.close();
    appends.close();
    calls.close();
  });
  const { gaps, pending } = store;
  return {
    ok: true,
    missing: gaps.all(),
    pending: pending.memory,
    sources: pending.takeNewSources(),
  };
}

function tell(started: Started): void {
  parentPort?.postMessage(started);
}

try {
  tell(start(workerData as WriterData));
} catch (error) {
  tell({ ok: false, failure: toFailure(asUnavailable(error)) });
}
