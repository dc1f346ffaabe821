import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type PostgresServer } from '../test/support/postgres.js';
import type { DatadogReport } from './datadog.js';
import { benchToken, cpuSecondsOf, end, forkTool, messageFrom, RouterProcess, runLoad } from './processes.js';
import { check, median, type Section } from './report.js';

const runs = 3;
/** Of each router: a process that was just started spends much on compiling its own code. */
const warmRequests = 4_000;
const requests = 4_000;
const connections = 64;
const path = '/v1/ingest/threat-stack';

/** One run: what was accepted and delivered a second, and the CPU time of each alert. */
type Figures = {
  readonly accepted: number;
  readonly delivered: number;
  readonly routerMicros: number;
  readonly databaseMicros: number;
};

/**
 * One, two and four routers on one PostgreSQL against one on SQLite: the same load on each router, since whoever adds one
 * has more to send. Each alert is delivered as an event. All of it shares this
 * machine's cores, so the rates say little; the CPU time of an alert does.
 */
export async function postgresCost(): Promise<Section> {
  const figures: Record<string, Figures[]> = { 'SQLite, 1': [], '1': [], '2': [], '4': [] };
  const server = await startPostgres();
  try {
    for (let run = 0; run < runs; run += 1) {
      for (const [name, list] of Object.entries(figures)) {
        list.push(await measure(name.startsWith('SQLite') ? undefined : server, Number(name.at(-1))));
      }
    }
  } finally {
    await server.stop();
  }
  const of = (name: string, figure: keyof Figures): number => median((figures[name] ?? []).map((each) => each[figure]));
  const cost = (name: string): number =>
    median((figures[name] ?? []).map((each) => each.routerMicros + each.databaseMicros));
  const row = (name: string): string[] => [
    name,
    ...(['accepted', 'delivered', 'routerMicros', 'databaseMicros'] as const).map((each) => of(name, each).toFixed(0)),
    cost(name).toFixed(0),
  ];
  return {
    title: `(f) PostgreSQL: 1, 2 and 4 routers, ${requests} alerts and ${connections} connections to each`,
    rows: [
      ['routers', 'accepted/s', 'delivered/s', 'router CPU µs', 'database CPU µs', 'CPU µs an alert'],
      ...Object.keys(figures).map(row),
    ],
    checks: [
      check('CPU an alert, 2 routers / 1', cost('2') / cost('1'), 'at most', 1.15),
      check('CPU an alert, 4 routers / 1', cost('4') / cost('1'), 'at most', 1.15),
    ],
  };
}

async function measure(server: PostgresServer | undefined, count: number): Promise<Figures> {
  const datadog = forkTool('datadog.ts');
  const datadogPort = await messageFrom<number>(datadog);
  const journal = server ? { postgres: await server.createSchema() } : 'sqlite';
  const routers: RouterProcess[] = [];
  for (let i = 0; i < count; i += 1) {
    routers.push(await RouterProcess.start({ journal, intake: 'events', datadogPort }));
  }
  const total = count * requests;
  await sendTo(routers, warmRequests);
  await delivered(datadog, count * warmRequests);

  const cpu = () => ({
    routers: routers.reduce((sum, router) => sum + router.cpuSeconds(), 0),
    database: server ? cpuSecondsOf(server.pid(), true) : 0,
  });
  const before = cpu();
  const started = performance.now();
  await sendTo(routers, requests);
  const answeredMs = performance.now() - started;
  await delivered(datadog, total);
  const deliveredMs = performance.now() - started;
  const after = cpu();
  for (const router of routers) await router.stop();
  await end(datadog);
  return {
    accepted: (total * 1_000) / answeredMs,
    delivered: (total * 1_000) / deliveredMs,
    routerMicros: ((after.routers - before.routers) * 1e6) / total,
    databaseMicros: ((after.database - before.database) * 1e6) / total,
  };
}

/** To each of them so many, on connections of its own. */
async function sendTo(routers: readonly RouterProcess[], each: number): Promise<void> {
  const job = { path, token: benchToken, connections, alertsPerBody: 1, padding: 0, seconds: 120, requests: each };
  const results = await Promise.all(routers.map(({ port }) => runLoad({ ...job, port })));
  const failed = results.reduce((sum, result) => sum + each - result.answered, 0);
  if (failed > 0) throw new Error(`${failed} requests were not answered 202`);
}

/** Until so many events arrived; a repeat would show as one too many in the next count. */
export async function delivered(datadog: ChildProcess, count: number): Promise<void> {
  for (let got = 0; got < count;) {
    await sleep(20);
    const report = messageFrom<DatadogReport>(datadog);
    datadog.send('report');
    got += (await report).received;
  }
}
