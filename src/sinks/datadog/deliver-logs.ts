import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Delivery } from '../../core/journal.js';
import type { Outcome } from '../../core/sink.js';
import type { HttpResult } from '../../kit/exchange.js';
import { judge } from './judge.js';
import { toLog, type LogSettings } from './log.js';
import type { Manner } from './time-window.js';

/** Datadog takes 1,000 logs and 5 MB a request. */
export const maxLogs = 1_000;
const goalBytes = 4_250_000;
/** It cuts a longer one without a word. */
const maxLogBytes = 1_000_000;

/** The most alert JSON for which a request stays within its size: a log is up to twice its alert. */
export const maxAlertBytes = 2_000_000;

const gzipAsync = promisify(gzip);

/**
 * Sends alerts as one request. Each log is written once and the texts joined. What is too much for one request is
 * rejected whole, so that the caller halves it; a single log that is too much goes again shorter, once.
 */
export async function deliverLogs(
  batch: readonly Delivery[],
  settings: LogSettings,
  post: (body: Buffer) => Promise<HttpResult>,
  now: () => number,
): Promise<Outcome> {
  const manner = { now: now() };
  const logs = batch.map((delivery) => write(delivery, settings, manner));
  const bytes = logs.reduce((sum, log) => sum + Buffer.byteLength(log) + 1, 1);
  if (bytes > goalBytes) return tooLarge(`${batch.length} logs are ${bytes} bytes, more than one request takes`);

  const outcome = judge(await post(await packed(logs)), now());
  const [only] = batch;
  if (outcome.kind !== 'rejected' || outcome.cause !== 'size' || !only || batch.length > 1) return outcome;
  const short = JSON.stringify(toLog(only, settings, { ...manner, isShort: true }));
  return judge(await post(await packed([short])), now());
}

function write(delivery: Delivery, settings: LogSettings, manner: Manner): string {
  const log = JSON.stringify(toLog(delivery, settings, manner));
  // A UTF-16 unit is three bytes at most.
  if (log.length * 3 <= maxLogBytes || Buffer.byteLength(log) <= maxLogBytes) return log;
  return JSON.stringify(toLog(delivery, settings, { ...manner, isShort: true }));
}

function packed(logs: readonly string[]): Promise<Buffer> {
  // Level 6 takes twice the time for 6 % fewer bytes.
  return gzipAsync(`[${logs.join(',')}]`, { level: 1 });
}

function tooLarge(reason: string): Outcome {
  return { kind: 'rejected', cause: 'size', reason };
}
