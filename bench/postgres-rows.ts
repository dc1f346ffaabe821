import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../test/support/postgres.js';
import { benchToken, cpuSecondsOf, end, forkTool, messageFrom, RouterProcess, runLoad } from './processes.js';
import { delivered } from './postgres.js';
import { check, median, type Section } from './report.js';

const sizes = [0, 1_000_000, 5_000_000];
const rowsAtOnce = 250_000;
const runs = 3;
const requests = 5_000;
const warmRequests = 1_000;
const explainedRequests = 300;
const job = { path: '/v1/ingest/threat-stack', token: benchToken, connections: 64, alertsPerBody: 1, padding: 0 };
const large = ['requests', 'alerts', 'findings', 'reports', 'settled', 'attempts'];

/** What is seen of statements: the indexes they used, and the large tables they read from end to end. */
type Plans = { readonly indexes: readonly string[]; readonly scanned: readonly string[] };
type Figures = { readonly acceptedPerSecond: number; readonly cpuMicros: number };

/**
 * Accepting and delivering with up to five million delivered alerts in the tables, which are copies of one that was
 * really accepted, each with keys of its own; and which indexes the statements used, as the server explains them itself.
 */
export async function postgresRows(): Promise<Section> {
  const log: string[] = [];
  const flags = ['shared_preload_libraries=auto_explain', 'auto_explain.log_format=json', 'max_wal_size=8GB'];
  const server = await startPostgres(
    flags.flatMap((flag) => ['-c', flag]),
    (line) => log.push(line),
  );
  const schema = await server.createSchema();
  const client = new pg.Client({ connectionString: schema });
  await client.connect();
  const rows: string[][] = [['alerts in the tables', 'accepted/s', 'CPU µs an alert', 'read from end to end']];
  const costs: number[] = [];
  const indexes = new Set<string>();
  const scanned: string[] = [];
  try {
    for (const size of sizes) {
      const { figures, plans } = await withRouter(schema, server, async (measure) => {
        await growTo(client, size);
        const figures: Figures[] = [];
        for (let run = 0; run < runs; run += 1) figures.push(await measure(requests));
        return { figures, plans: await explained(client, log, () => measure(explainedRequests)) };
      });
      const cost = median(figures.map(({ cpuMicros }) => cpuMicros));
      costs.push(cost);
      const rate = median(figures.map(({ acceptedPerSecond }) => acceptedPerSecond));
      rows.push([String(size), rate.toFixed(0), cost.toFixed(0), plans.scanned.join(', ') || 'none']);
      if (size > 0) scanned.push(...plans.scanned);
      if (size > 0) for (const index of plans.indexes) indexes.add(index);
    }
  } finally {
    await client.end();
    await server.stop();
  }
  const [none = Number.NaN, some = Number.NaN, most = Number.NaN] = costs;
  return {
    title:
      '(g) PostgreSQL with old alerts: one router, 64 connections, each alert delivered;\n' +
      `    indexes that were used: ${[...indexes].sort().join(', ')}`,
    rows,
    checks: [
      check('CPU an alert, 1,000,000 in the tables / none', some / none, 'at most', 1.25),
      check('CPU an alert, 5,000,000 in the tables / none', most / none, 'at most', 1.25),
      check('large tables read from end to end', scanned.length, 'at most', 0),
    ],
  };
}

async function withRouter<T>(
  schema: string,
  server: PostgresServer,
  work: (measure: (count: number) => Promise<Figures>) => Promise<T>,
): Promise<T> {
  const datadog = forkTool('datadog.ts');
  const datadogPort = await messageFrom<number>(datadog);
  const router = await RouterProcess.start({ journal: { postgres: schema }, intake: 'events', datadogPort });
  const cpuSeconds = () => router.cpuSeconds() + cpuSecondsOf(server.pid(), true);
  const measure = async (count: number): Promise<Figures> => {
    const before = cpuSeconds();
    const { perSecond } = await runLoad({ ...job, port: router.port, seconds: 300, requests: count });
    await delivered(datadog, count);
    return { acceptedPerSecond: perSecond, cpuMicros: ((cpuSeconds() - before) * 1e6) / count };
  };
  try {
    await measure(warmRequests);
    return await work(measure);
  } finally {
    await router.stop();
    await end(datadog);
  }
}

/** Copies of the first delivered alert, evenly over the last 29 days, until so many are there. */
async function growTo(client: pg.Client, size: number): Promise<void> {
  const { rows } = await client.query<{ seq: string; request: string }>(
    'SELECT a.seq, a.request FROM alerts AS a JOIN settled AS s ON s.alert = a.seq ORDER BY a.seq LIMIT 1',
  );
  const [model] = rows;
  if (!model) throw new Error('nothing was delivered yet');
  const at = `${String(Date.now())} - 29 * 86400000::bigint * (${String(size)} - n) / ${String(Math.max(1, size))}`;
  const key = (what: string) => `decode(md5('${what}' || n), 'hex')`;
  const { rows: tables } = await client.query<{ alerts: string; last: string }>(
    `SELECT (SELECT count(*) FROM alerts) AS alerts,
       greatest((SELECT max(seq) FROM alerts), (SELECT max(seq) FROM requests)) AS last`,
  );
  for (let from = Number(tables[0]?.alerts); from < size; from += rowsAtOnce) {
    const until = Math.min(size, from + rowsAtOnce);
    const each = `generate_series(${String(from + 1)}, ${String(until)}) AS n`;
    const seq = `(${tables[0]?.last ?? '0'} + n)::bigint`;
    await client.query('BEGIN');
    await client.query('SET LOCAL synchronous_commit = off');
    await client.query(
      `INSERT INTO requests SELECT ${seq}, md5('r' || n)::uuid, source, ${at}, instance, arrival, probe, bytes, body
       FROM requests, ${each} WHERE seq = ${model.request}`,
    );
    await client.query(
      `INSERT INTO alerts (seq, id, request, source, accepted_at, fingerprint, dedup_key, kind, state, severity, is_first,
         superseded, decision, bytes, json)
       SELECT ${seq}, md5('a' || n)::uuid, ${seq}, source, ${at}, ${key('f')}, ${key('d')}, kind, state, severity, true,
         false, decision, bytes, json FROM alerts, ${each} WHERE seq = ${model.seq}`,
    );
    await client.query(`INSERT INTO findings SELECT ${key('f')}, ${seq}, ${at}, false FROM ${each}`);
    await client.query(`INSERT INTO reports SELECT ${key('f')}, ${key('d')}, ${seq}, ${at} FROM ${each}`);
    await client.query(
      `INSERT INTO settled (alert, sink, state, attempts, settled_at) SELECT ${seq}, sink, state, attempts, ${at}
       FROM settled, ${each} WHERE alert = ${model.seq}`,
    );
    await client.query(
      `INSERT INTO attempts (alert, sink, number, attempt) SELECT ${seq}, sink, number, attempt
       FROM attempts, ${each} WHERE alert = ${model.seq}`,
    );
    await client.query('COMMIT');
  }
  await client.query(`SELECT setval('alert_numbers', max(seq)), setval('request_numbers', max(seq)) FROM alerts`);
  // As autovacuum would have done long ago.
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
}

/** Has the server log the plan of every statement meanwhile. */
async function explained(client: pg.Client, log: string[], work: () => Promise<unknown>): Promise<Plans> {
  await client.query('ALTER SYSTEM SET auto_explain.log_min_duration = 0');
  await client.query('SELECT pg_reload_conf()');
  await sleep(500);
  log.length = 0;
  await work();
  await client.query('ALTER SYSTEM RESET auto_explain.log_min_duration');
  await client.query('SELECT pg_reload_conf()');
  await sleep(500);
  const text = log.splice(0).join('');
  const namesIn = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort();
  const scanned = namesIn(/"Node Type": "Seq Scan"[^{}]*?"Relation Name": "(\w+)"/g);
  const indexes = namesIn(/"Index Name": "(\w+)"/g);
  if (indexes.length === 0) throw new Error('the server explained no statement');
  return { indexes, scanned: scanned.filter((name) => large.includes(name)) };
}
