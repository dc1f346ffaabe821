import { Log } from '../admin/log.js';
import { createApp } from '../app.js';
import { readConfig } from '../config/read.js';
import { ActivityStream } from '../core/activity.js';
import { describeProblem } from '../core/errors.js';
import { Reload } from '../core/reload.js';
import { IngestListener } from '../ingest/ingest.listener.js';
import { clockProblem } from '../kit/clock.js';
import { version } from '../version.js';
import { surviveUncaught } from './uncaught.js';
import { watchEventLoop } from './watchdog.js';

/** Starts the router of a config file, and ends it on SIGTERM or SIGINT. Resolves once it listens, with what reloads it. */
export async function runRouter(file: string): Promise<() => void> {
  const config = await readConfig(file);
  for (const warning of config.warnings) process.stderr.write(`${describeProblem(warning)}\n`);

  const app = await createApp(config, endAtOnce);
  endOnSignals(() => app.close());
  surviveUncaught(app.get(ActivityStream), endOfStorm);
  watchEventLoop(stillMs);
  await app.listen(config.admin.port, config.admin.host);
  const ingest = await app.get(IngestListener).listen();
  const admin = await app.getUrl();
  const log = app.get(Log);
  const problem = clockProblem(Date.now());
  if (problem !== undefined) log.warn({ problem }, 'the clock is wrong');
  log.info({ ingest: `http://${ingest.address}:${ingest.port}`, admin, version }, 'listening');
  return () => {
    app
      .get(Reload)
      .reload('signal')
      .catch((error: unknown) => {
        log.error({ reason: String(error) }, 'config not reloaded: the one before goes on');
      });
  };
}

/** An event loop that stands still for longer is told of. */
const stillMs = 5_000;

function endOfStorm(): void {
  process.stderr.write('one error after the other that nobody caught, so the router ends\n');
  process.exit(1);
}

/** What cannot be written any more cannot be drained either; a supervisor starts it again, and it recovers. */
function endAtOnce(error: Error): void {
  process.stderr.write(`the journal failed, so the router ends: ${error.message}\n`);
  process.exit(1);
}

/** Exits 0 once drained; on a second signal, 1 without waiting. */
function endOnSignals(close: () => Promise<void>): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) process.exit(1);
    isEnding = true;
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
