/**
 * `npm run demo`: the real router on config/demo.yaml beside local stand-ins for Datadog and for two vendors' APIs.
 * Posts one body of each vendor, of which one is looked up before it is sent on, then has a violation that no webhook
 * tells of, and tells the story as it happens; then it keeps running for the reader's own steps (`--once` ends it).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, execPath, exit, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startDatadog, type Datadog } from '../test/support/datadog.js';
import { startDataTheoremApi } from '../test/support/datatheorem-api.js';
import { startThreatStackApi } from '../test/support/threatstack-api.js';
import { freePort } from '../test/support/free-port.js';
import {
  dataTheoremRecords,
  threatStackOrganization,
  threatStackRecords,
  untoldAsset,
  vendorPosts,
  type VendorPost,
} from './bodies.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const tokens = { threatStack: 'demo-threat-stack', dataTheorem: 'demo-data-theorem', alertLogic: 'demo-alert-logic' };
const adminToken = 'demo-admin';
const readyWithinMs = 60_000;
const deliveredWithinMs = 20_000;
const lookupMs = 1_500;
const pulledWithinMs = 60_000;

type Answer = { readonly alerts: readonly { readonly id: string; readonly status: string }[] };
type Explained = {
  readonly alert: Readonly<
    Record<'kind' | 'severity' | 'state' | 'title' | 'time' | 'fingerprint' | 'dedupKey', string>
  > & {
    readonly resources: readonly Readonly<Record<string, unknown>>[];
    readonly quality: readonly string[];
    readonly rule?: { readonly name?: string };
    readonly count?: number;
    readonly enrichment?: Readonly<Record<string, unknown>>;
  };
  readonly reasons: readonly { readonly route: string; readonly matched: boolean; readonly reason: string }[];
  readonly deliveries: readonly { readonly sink: string; readonly state: string; readonly attempts: number }[];
};

type Day = Readonly<Record<'vendor' | 'webhook' | 'recovered' | 'missing', number>>;

function say(...lines: readonly string[]): void {
  stdout.write(`${lines.join('\n')}\n`);
}

async function tell(post: VendorPost, ingest: string, admin: string, datadog: Datadog): Promise<void> {
  const path = `/v1/ingest/${post.source}`;
  const body = JSON.stringify(post.body);
  say(
    '',
    `── ${post.vendor} posts ${'─'.repeat(60 - post.vendor.length)}`,
    `   POST ${path}  (${Buffer.byteLength(body)} bytes)`,
  );
  say(`   ${body.length > 300 ? `${body.slice(0, 300)}…` : body}`);

  const started = performance.now();
  const headers = { 'content-type': 'application/json', ...post.headers };
  const answer = await fetch(ingest + path, { method: 'POST', headers, body });
  const answered = (await answer.json()) as Answer;
  say(
    `   answered ${answer.status} in ${(performance.now() - started).toFixed(1)} ms, on disk: ${JSON.stringify(answered)}`,
  );

  for (const { id } of answered.alerts) {
    await tellBefore(id, admin);
    await tellAlert(id, admin, datadog);
  }
}

/** What the webhook alone says of an alert, where the vendor's API is being asked for more. */
async function tellBefore(id: string, admin: string): Promise<void> {
  const { alert } = await getJson<Explained>(`${admin}/api/v1/alerts/${id}`);
  if (!alert.quality.includes('enrichment_pending')) return;
  say('', `   before enrichment: nothing is sent yet, the vendor's API is asked first`);
  for (const resource of alert.resources) say(`     ${JSON.stringify(resource)}`);
  for (const line of detailsOf(alert)) say(`     ${line}`);
  say(`     flagged: ${alert.quality.join(', ')}`);
}

/** What a webhook leaves out. */
function detailsOf({ rule, count, enrichment }: Explained['alert']): readonly string[] {
  const seen = count === undefined ? 'not said how often' : `seen ${count} times`;
  const more = Object.entries(enrichment ?? {}).map(
    ([name, value]) => `${name} ${JSON.stringify(value).slice(0, 200)}`,
  );
  return [`rule ${rule?.name ?? 'not named'}, ${seen}`, ...more];
}

async function tellAlert(id: string, admin: string, datadog: Datadog): Promise<void> {
  const explained = await explainedOnceDelivered(`${admin}/api/v1/alerts/${id}`);
  const { alert, reasons, deliveries } = explained;
  say('', `   the alert it became: ${id}`);
  say(`     ${alert.kind}, severity ${alert.severity}, ${alert.state}: ${alert.title}`);
  for (const resource of alert.resources) say(`     ${JSON.stringify(resource)}`);
  if (alert.rule?.name !== undefined) for (const line of detailsOf(alert)) say(`     ${line}`);
  say(
    `     time ${alert.time}, finding ${alert.fingerprint.slice(0, 12)}…, guessed: ${alert.quality.join(', ') || 'nothing'}`,
  );
  say('', '   the routes, and why');
  for (const { route, matched, reason } of reasons) {
    say(`     ${matched ? '✓' : '·'} ${route.padEnd(20)} ${reason}`);
  }
  say('', '   its deliveries');
  for (const { sink, state, attempts } of deliveries) say(`     ${sink.padEnd(20)} ${state}, attempts: ${attempts}`);
  for (const event of datadog.events.filter((each) => each['aggregation_key'] === alert.fingerprint)) {
    say('', '   Datadog received (POST /api/v1/events)', indent(JSON.stringify(event, null, 2)));
  }
}

/** A violation that Data Theorem has and never posts. */
async function tellPulled(untold: Date, admin: string, datadog: Datadog): Promise<void> {
  say(
    '',
    '── Data Theorem posts nothing ────────────────────────────────────────',
    `   its API has one more violation since ${untold.toISOString()}: a webhook that got lost`,
  );
  const started = performance.now();
  const alert = await pulledAlert(`${admin}/api/v1/alerts?source=data-theorem&limit=5`, untoldAsset);
  say(`   the router asked the API and found it, ${((performance.now() - started) / 1_000).toFixed(1)} s later`);
  await tellAlert(alert.id, admin, datadog);
  const days = await getJson<{ days: readonly Day[] }>(`${admin}/api/v1/reconciliation`);
  const [day] = days.days;
  say(
    '',
    '   the account of the day (GET /api/v1/reconciliation)',
    `     Data Theorem has ${day?.vendor}, webhooks brought ${day?.webhook}, the pull recovered ${day?.recovered}, missing ${day?.missing}`,
  );
}

async function pulledAlert(url: string, asset: string): Promise<{ readonly id: string }> {
  for (const started = Date.now(); Date.now() - started < pulledWithinMs;) {
    const { items } = await getJson<{ items: readonly { id: string; title: string }[] }>(url);
    const found = items.find(({ title }) => title.includes(asset));
    if (found) return found;
    await sleep(50);
  }
  throw new Error('the router did not find what the API has; what it said is above');
}

async function getJson<Body>(url: string): Promise<Body> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${adminToken}` } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Body;
}

async function explainedOnceDelivered(url: string): Promise<Explained> {
  for (const started = Date.now(); ;) {
    const explained = await getJson<Explained>(url);
    const isDone = explained.deliveries.every(({ state }) => state === 'delivered');
    if (isDone || Date.now() - started > deliveredWithinMs) return explained;
    await sleep(20);
  }
}

async function untilReady(url: string, router: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline && router.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error('the router did not become ready; what it said is above');
}

function indent(text: string): string {
  return text.replace(/^/gm, '     ');
}

function sayNextSteps(ingest: string, admin: string, archive: string): void {
  const bearer = `-H 'authorization: Bearer ${adminToken}'`;
  const flat = `{"id":"your-own-1","title":"My first alert","severity":"2","created_at":"'$(date +%s000)'","source":"Host","server_or_region":"laptop"}`;
  say(
    '',
    'Your turn, in another terminal:',
    '',
    '  # post an alert of your own; send it twice and the second is a duplicate',
    `  curl -sS ${ingest}/v1/ingest/threat-stack -H 'authorization: Bearer ${tokens.threatStack}' -d '${flat}'`,
    '  # what became of it: put in the id you were answered',
    `  curl -sS ${bearer} ${admin}/api/v1/alerts/ID`,
    '  # the latest alerts, the sinks, the routes',
    `  curl -sS ${bearer} '${admin}/api/v1/alerts?limit=5'`,
    `  curl -sS ${bearer} ${admin}/api/v1/sinks`,
    `  curl -sS ${bearer} ${admin}/api/v1/routes`,
    '  # watch it happen',
    `  curl -sSN ${bearer} ${admin}/api/v1/tail`,
    '  # bytes that nobody can read are kept, not refused',
    `  curl -sS ${ingest}/v1/ingest/threat-stack -H 'authorization: Bearer ${tokens.threatStack}' -d '{"alerts": [oops'`,
    `  curl -sS ${bearer} ${admin}/api/v1/quarantine`,
    '  # everything that was delivered to the file sink',
    `  cat ${archive}`,
    '',
    'Ctrl-C ends it.',
  );
}

const folder = mkdtempSync(join(tmpdir(), 'signalbox-demo-'));
const datadog = await startDatadog({ apiKey: 'demo-datadog-key' });
const threatStack = await startThreatStackApi({ apiKey: 'demo-threat-stack-api', orgId: threatStackOrganization });
const dataTheorem = await startDataTheoremApi({ apiKey: 'demo-data-theorem-results' });
const [port, adminPort] = [await freePort(), await freePort()];
const [ingest, admin] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`];
const router = spawn(execPath, [join(root, 'dist/main.js'), 'serve', '-c', join(root, 'config/demo.yaml')], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: {
    ...env,
    SIGNALBOX_DATA: folder,
    SIGNALBOX_INGEST_PORT: String(port),
    SIGNALBOX_ADMIN_PORT: String(adminPort),
    DATADOG_ENDPOINT: datadog.url,
    THREATSTACK_ENDPOINT: threatStack.url,
    DATATHEOREM_ENDPOINT: dataTheorem.url,
  },
});

let isEnding = false;
async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  if (router.exitCode === null && router.signalCode === null) {
    const gone = new Promise((resolve) => router.once('exit', resolve));
    router.kill('SIGTERM');
    await gone;
  }
  await datadog.close();
  await Promise.all([threatStack.close(), dataTheorem.close()]);
  rmSync(folder, { recursive: true, force: true });
  exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(0));

try {
  await untilReady(`${ingest}/readyz`, router);
  say(
    'Signalbox demo: the real router, local stand-ins for Datadog and the vendors’ APIs, and nothing else.',
    `   config    config/demo.yaml`,
    `   ingest    ${ingest}`,
    `   admin     ${admin}`,
    `   journal   ${folder}`,
    `   Datadog   ${datadog.url} (the stand-in)`,
    `   APIs      ${threatStack.url}, ${dataTheorem.url} (the stand-ins)`,
  );
  const now = new Date();
  const known = threatStackRecords(now);
  threatStack.have(known);
  // Late, so that there is time to look at the alert before.
  threatStack.answerNext({ status: 200, body: JSON.stringify(known.alerts[0]), delayMs: lookupMs });
  for (const post of vendorPosts(now, tokens)) await tell(post, ingest, admin, datadog);
  const untold = new Date();
  dataTheorem.have(dataTheoremRecords(now, untold));
  await tellPulled(untold, admin, datadog);
  if (argv.includes('--once')) await end(0);
  else sayNextSteps(ingest, admin, join(folder, 'archive.ndjson'));
} catch (error) {
  stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  await end(1);
}
