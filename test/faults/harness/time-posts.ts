import { Worker } from 'node:worker_threads';
import { sourceToken } from './ledger-client.js';
import { percentile } from './raw.js';
import { alertOf, newFinding, reportOf } from './report.js';
import type { Scene } from './scene.js';

export type TimedPosts = {
  readonly forMs: number;
  /** Between an answer and the next request; none, unless told. */
  readonly pauseMs?: number;
  readonly source?: string;
  readonly token?: string;
};

/** How long the answers took, in milliseconds. */
export type AnswerTimes = { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number };

type Told = { readonly times: readonly number[]; readonly statuses: readonly number[] };

const mostPosts = 2_000;

/**
 * Posts one small webhook after the other, and takes the time of each. On a thread of its own: what this process does
 * meanwhile, such as an attack, is not counted as the router's.
 */
export async function timePosts(
  scene: Scene,
  { forMs, pauseMs = 0, source = 'vendor', token = sourceToken }: TimedPosts,
): Promise<AnswerTimes> {
  const reports = Array.from({ length: mostPosts }, () => reportOf(newFinding()));
  const bodies = reports.map((report) => JSON.stringify({ alerts: [alertOf(report)] }));
  scene.client.noteSent(reports);
  const workerData = { url: `${scene.router.ingest}/v1/ingest/${source}`, token, bodies, forMs, pauseMs };
  const worker = new Worker(poster, { eval: true, workerData });
  const { times, statuses } = await new Promise<Told>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  const wrong = statuses.filter((status) => status !== 202);
  if (wrong.length > 0) throw new Error(`${String(wrong.length)} of ${String(times.length)} posts got ${wrong.join()}`);
  return {
    count: times.length,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: Math.max(...times),
  };
}

export function describeTimes({ count, p50, p99, max }: AnswerTimes): string {
  return `p99 ${p99.toFixed(1)} ms (p50 ${p50.toFixed(1)}, max ${max.toFixed(1)}, of ${String(count)})`;
}

const poster = `
  const { request, Agent } = require('node:http');
  const { parentPort, workerData: { url, token, bodies, forMs, pauseMs } } = require('node:worker_threads');
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' };
  const post = (body) =>
    new Promise((resolve, reject) => {
      const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode));
      });
      sent.once('error', reject);
      sent.end(body);
    });
  (async () => {
    const [times, statuses] = [[], []];
    for (const end = performance.now() + forMs; performance.now() < end && bodies.length > 0; ) {
      const from = performance.now();
      statuses.push(await post(bodies.pop()));
      times.push(performance.now() - from);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    agent.destroy();
    parentPort.postMessage({ times, statuses });
  })();
`;
