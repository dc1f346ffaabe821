/** The bare HTTP client: posts the same event as often as told over an undici pool; sends its CPU time a request. */
import { argv } from 'node:process';
import { Pool } from 'undici';

export type ClientJob = { readonly port: number; readonly requests: number; readonly concurrency: number };
export type ClientResult = { readonly cpuMicros: number; readonly perSecond: number };

const job = JSON.parse(argv[2] ?? '{}') as ClientJob;
const pool = new Pool(`http://127.0.0.1:${job.port}`, { connections: job.concurrency });
const body = JSON.stringify({
  title: 'Threat Stack alert: Netcat listener',
  text: 'Netcat listener started by deploy on web-17.prod.example.net',
  date_happened: Math.floor(Date.now() / 1_000),
  alert_type: 'error',
  priority: 'normal',
  source_type_name: 'threatstack',
  host: 'web-17.prod.example.net',
  aggregation_key: 'a'.repeat(64),
  tags: ['source:threatstack', 'severity:high', 'alert_kind:detection', 'alert_state:open', 'route:everything'],
});

async function post(): Promise<void> {
  const answer = await pool.request({
    method: 'POST',
    path: '/api/v1/events',
    headers: { 'content-type': 'application/json', 'dd-api-key': 'bench' },
    body,
  });
  await answer.body.text();
}

let left = job.requests;
async function lane(): Promise<void> {
  while (left > 0) {
    left -= 1;
    await post();
  }
}
for (let warm = 0; warm < 500; warm += 1) await post();
const cpu = process.cpuUsage();
const started = performance.now();
await Promise.all(Array.from({ length: job.concurrency }, lane));
const used = process.cpuUsage(cpu);
const result: ClientResult = {
  cpuMicros: (used.user + used.system) / job.requests,
  perSecond: (job.requests * 1_000) / (performance.now() - started),
};
await pool.close();
process.send?.(result);
