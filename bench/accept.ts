import { benchToken, end, forkTool, messageFrom, RouterProcess, runLoad } from './processes.js';
import { freePort } from '../test/support/free-port.js';
import { check, median, type LoadResult, type Section } from './report.js';

const runs = 5;
const seconds = 4;
const warmSeconds = 1;
const connections = 64;
const path = '/v1/ingest/threat-stack';

type Server = { readonly port: number; stop(): Promise<void> };

/**
 * Requests answered a second at 1 and 20 alerts a body: a bare server, the router on a memory journal, the router on
 * SQLite at synchronous=FULL. Both routers authenticate, read, route and journal for a sink that cannot be reached, so
 * that this is the price of accepting alone.
 */
export async function acceptRates(): Promise<Section> {
  const rows: string[][] = [['alerts a body', 'server', 'req/s', 'p50 ms', 'p99 ms', 'of baseline']];
  const checks = [];
  for (const alertsPerBody of [1, 20]) {
    const results = await alternate(alertsPerBody);
    const rate = (name: string): number => median((results[name] ?? []).map((result) => result.perSecond));
    const base = rate('node:http');
    for (const [name, each] of Object.entries(results)) {
      const p50 = median(each.map((result) => result.p50Ms));
      const p99 = median(each.map((result) => result.p99Ms));
      const cells = [rate(name).toFixed(0), p50.toFixed(2), p99.toFixed(2), (rate(name) / base).toFixed(2)];
      rows.push([String(alertsPerBody), name, ...cells]);
    }
    const least = alertsPerBody === 1 ? 0.45 : 0.1;
    checks.push(check(`sqlite / bare server, ${alertsPerBody} a body`, rate('sqlite') / base, 'at least', least));
    checks.push(check(`sqlite / memory, ${alertsPerBody} a body`, rate('sqlite') / rate('memory'), 'at least', 0.85));
  }
  return { title: '(a) accepting: 64 connections, bearer authentication', rows, checks };
}

async function alternate(alertsPerBody: number): Promise<Record<string, LoadResult[]>> {
  const results: Record<string, LoadResult[]> = { 'node:http': [], memory: [], sqlite: [] };
  const job = { path, token: benchToken, connections, alertsPerBody, padding: 0 };
  for (let run = 0; run < runs; run += 1) {
    for (const [name, list] of Object.entries(results)) {
      const server = await startServer(name);
      await runLoad({ ...job, port: server.port, seconds: warmSeconds });
      list.push(await runLoad({ ...job, port: server.port, seconds }));
      await server.stop();
    }
  }
  return results;
}

async function startServer(name: string): Promise<Server> {
  if (name === 'memory' || name === 'sqlite') {
    return RouterProcess.start({ journal: name, intake: 'events', datadogPort: await freePort() });
  }
  const child = forkTool('baseline.ts');
  return { port: await messageFrom<number>(child), stop: () => end(child) };
}
