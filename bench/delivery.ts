import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientResult } from './client.js';
import type { DatadogReport } from './datadog.js';
import { benchToken, end, forkTool, messageFrom, RouterProcess, runLoad } from './processes.js';
import { check, median, type Check, type Section } from './report.js';

const runs = 5;
const path = '/v1/ingest/threat-stack';
const saturateSeconds = 5;
const clientRequests = 20_000;
const clientConcurrency = 16;

type Figures = Record<string, number[]>;

/** From webhook received to Datadog received: how long, and what it costs, one event at a time and in log batches. */
export async function deliveryCost(): Promise<Section> {
  const figures: Figures = {};
  const note = (name: string, value: number): void => {
    (figures[name] ??= []).push(value);
  };
  for (let run = 0; run < runs; run += 1) {
    note('bare client, CPU µs a request', await bareClient());
    await withRouter('events', (router, datadog) => steady(router, datadog, note));
    await withRouter('logs', (router, datadog) => saturate(router, datadog, note));
  }
  const of = (name: string): number => median(figures[name] ?? []);
  return {
    title: '(c) webhook received to Datadog received',
    rows: [['what', 'median'], ...Object.keys(figures).map((name) => [name, of(name).toFixed(2)])],
    checks: checksOf(of),
  };
}

function checksOf(of: (name: string) => number): Check[] {
  const client = of('bare client, CPU µs a request');
  const accepted = of('logs, accepted a second at saturation');
  const during = of('logs, delivered a second meanwhile');
  const drained = of('logs, drained a second afterwards');
  return [
    check(
      'events: CPU per delivered alert / bare request',
      of('events, CPU µs a delivered alert') / client,
      'at most',
      5,
    ),
    check('logs: delivered / accepted at saturation', during / accepted, 'at least', 0.25),
    check('logs: drained / accepted', drained / accepted, 'at least', 0.5),
  ];
}

/** At 100 a second for the times; for the cost as fast as it goes, which is how the bare client runs too. */
async function steady(router: RouterProcess, datadog: ChildProcess, note: (name: string, value: number) => void) {
  const job = { port: router.port, path, token: benchToken, connections: 64, alertsPerBody: 1, padding: 0 };
  await runLoad({ ...job, seconds: 1 });
  await drained(datadog);
  await runLoad({ ...job, rate: 100, seconds: 3 });
  const slow = await drained(datadog);
  note('events at 100/s, p50 ms', slow.p50Ms);
  note('events at 100/s, p99 ms', slow.p99Ms);

  const before = router.cpuSeconds();
  await runLoad({ ...job, seconds: saturateSeconds });
  const full = await drained(datadog);
  note('events, CPU µs a delivered alert', ((router.cpuSeconds() - before) * 1e6) / full.received);
  note('events at saturation, p50 ms', full.p50Ms);
  note('events at saturation, p99 ms', full.p99Ms);
}

async function saturate(router: RouterProcess, datadog: ChildProcess, note: (name: string, value: number) => void) {
  const job = { port: router.port, path, token: benchToken, connections: 64, alertsPerBody: 1, padding: 0 };
  await runLoad({ ...job, seconds: 1 });
  await drained(datadog);
  const load = await runLoad({ ...job, seconds: saturateSeconds });
  const meanwhile = await ask(datadog);
  note('logs, accepted a second at saturation', load.perSecond);
  note('logs, delivered a second meanwhile', meanwhile.received / saturateSeconds);

  const started = performance.now();
  const rest = load.answered - meanwhile.received;
  let got = 0;
  while (got < rest) {
    await sleep(20);
    got += (await ask(datadog)).received;
  }
  // Where delivery kept up there is no rest to drain: it goes as fast as it went.
  const rate = rest > 0 ? (got * 1_000) / (performance.now() - started) : meanwhile.received / saturateSeconds;
  note('logs, drained a second afterwards', rate);
}

async function bareClient(): Promise<number> {
  const datadog = forkTool('datadog.ts');
  const port = await messageFrom<number>(datadog);
  const client = forkTool('client.ts', { port, requests: clientRequests, concurrency: clientConcurrency });
  const { cpuMicros } = await messageFrom<ClientResult>(client);
  await end(datadog);
  return cpuMicros;
}

async function withRouter(
  intake: 'events' | 'logs',
  measure: (router: RouterProcess, datadog: ChildProcess) => Promise<void>,
): Promise<void> {
  const datadog = forkTool('datadog.ts');
  const datadogPort = await messageFrom<number>(datadog);
  const router = await RouterProcess.start({ journal: 'sqlite', intake, datadogPort });
  await measure(router, datadog);
  await router.stop();
  await end(datadog);
}

async function ask(datadog: ChildProcess): Promise<DatadogReport> {
  const report = messageFrom<DatadogReport>(datadog);
  datadog.send('report');
  return report;
}

/** All that arrived since the last report, once nothing more arrives; times are of the report that holds most. */
async function drained(datadog: ChildProcess): Promise<DatadogReport> {
  let largest: DatadogReport = { received: 0, p50Ms: 0, p99Ms: 0 };
  let total = 0;
  for (let quiet = 0; quiet < 3;) {
    const report = await ask(datadog);
    total += report.received;
    quiet = report.received === 0 ? quiet + 1 : 0;
    if (report.received > largest.received) largest = report;
    await sleep(250);
  }
  return { ...largest, received: total };
}
