import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDatadog, type Datadog } from '../support/datadog.js';
import { RouterProcess } from '../support/router-process.js';

const secrets = {
  THREAT_STACK_TOKEN: 'SEKRET_threat_stack',
  DATADOG_KEY: 'SEKRET_datadog',
  ADMIN_TOKEN: 'SEKRET_admin_0123456789',
  PATH_KEY: 'SEKRET_path',
};

let folder: string;
let datadog: Datadog;
let router: RouterProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-e2e-'));
  datadog = await startDatadog({ apiKey: secrets.DATADOG_KEY });
  const config = `
journal: { type: sqlite, path: ${join(folder, 'journal.db')} }
sources:
  threat-stack:
    type: threatstack
    auth:
      - { type: bearer, secret: '\${THREAT_STACK_TOKEN}' }
      - { type: path, secret: '\${PATH_KEY}' }
    paths: [/api/v1/datadog/event]
  data-theorem: { type: datatheorem, auth: { type: bearer, secret: '\${THREAT_STACK_TOKEN}' } }
sinks:
  datadog:
    type: datadog
    apiKey: '\${DATADOG_KEY}'
    endpoint: ${datadog.url}
    allowCidrs: [127.0.0.0/8]
  archive: { type: file, path: ${join(folder, 'archive.ndjson')} }
routes:
  - { name: archive-all, to: archive }
  - { name: serious, match: { severity: '>=medium' }, to: datadog }
`;
  router = await RouterProcess.prepare(folder, config, {
    env: { ...secrets, DD_UNUSED: 'x' },
    adminTokens: ['${ADMIN_TOKEN}'],
  });
});

afterEach(async () => {
  await router.stop('SIGKILL');
  await datadog.close();
  rmSync(folder, { recursive: true, force: true });
});

const alertOf = (id: string, severity: unknown = 1) => ({
  id,
  title: `Alert ${id}`,
  created_at: Date.now(),
  severity,
  organization_id: 'org-9',
  server_or_region: 'web-9',
  source: 'Host',
});

const post = (body: unknown, path = '/v1/ingest/threat-stack', token: string = secrets.THREAT_STACK_TOKEN) =>
  fetch(router.ingest + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const ask = (path: string, token: string = secrets.ADMIN_TOKEN) =>
  fetch(router.admin + path, { headers: { authorization: `Bearer ${token}` } });

async function until(holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 25) {
    if (waited > withinMs) throw new Error(`it did not come true; the router said:\n${router.output}`);
    await sleep(25);
  }
}

const archived = () => {
  const lines = readFileSync(join(folder, 'archive.ndjson'), 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { title: string }).title);
};

describe('the router', () => {
  it('takes a webhook to every sink that a route names, and tells what became of it', async () => {
    await router.start();
    const answer = await post({ alerts: [alertOf('a1'), alertOf('a2', 3)] });
    expect(answer.status).toBe(202);
    const { alerts } = (await answer.json()) as { alerts: { id: string; status: string }[] };
    await until(() => datadog.events.length === 1);
    await until(() => archived().length === 2);
    expect(datadog.events).toMatchObject([
      { text: 'Alert a1', host: 'web-9', alert_type: 'error', priority: 'normal' },
    ]);

    await until(async () => (await (await ask(`/api/v1/alerts/${alerts[0]?.id ?? ''}`)).text()).includes('remoteId'));
    const told = (await (await ask(`/api/v1/alerts/${alerts[0]?.id ?? ''}`)).json()) as object;
    expect(told).toMatchObject({
      alert: { title: 'Alert a1', action: 'create', source: { sourceId: 'threat-stack', accountId: 'org-9' } },
      routes: ['archive-all', 'serious'],
      request: { authentication: 'bearer' },
      reasons: [{ matched: true }, { matched: true, reason: 'severity is >=medium' }],
    });
    const raw = await ask(`/api/v1/alerts/${alerts[1]?.id ?? ''}/raw`);
    expect(await raw.json()).toMatchObject({ alerts: [{ id: 'a1' }, { id: 'a2' }] });
  });

  it('explains by the routes of now, and says what was decided otherwise before a reload', async () => {
    await router.start();
    const before = Date.now();
    const answer = await post({ alerts: [alertOf('old', 3)] });
    const { alerts } = (await answer.json()) as { alerts: { id: string }[] };
    const tell = async () =>
      (await (await ask(`/api/v1/alerts/${alerts[0]?.id ?? ''}`)).json()) as Record<string, unknown>;
    const told = await tell();
    expect(told).toMatchObject({
      routes: ['archive-all'],
      goneRoutes: [],
      reasons: [
        { route: 'archive-all', matched: true },
        { route: 'serious', matched: false },
      ],
    });
    expect(JSON.stringify(told)).not.toContain('tookIt');
    expect(told['routesSince']).toBeLessThan(before);

    const config = readFileSync(router.configFile, 'utf8');
    writeFileSync(router.configFile, config.replace('archive-all', 'keep').replace('>=medium', '>=low'));
    router.signal('SIGHUP');
    await until(() => router.output.includes('config reloaded'));
    const since = (await tell())['routesSince'];
    expect(await tell()).toMatchObject({
      routes: ['archive-all'],
      goneRoutes: ['archive-all'],
      reasons: [
        { route: 'keep', matched: true, tookIt: false },
        { route: 'serious', matched: true, tookIt: false },
      ],
    });
    expect(since).toBeGreaterThanOrEqual(before);
  });

  it('keeps the predecessor’s path and answers its status', async () => {
    await router.start();
    expect((await post({ alerts: [alertOf('a1')] }, '/api/v1/datadog/event')).status).toBe(202);
    await until(() => datadog.events.length === 1);
    const status = await fetch(`${router.ingest}/api/v1/datadog/status`);
    expect(await status.json()).toEqual({ success: true, datadog: { success: true }, threatstack: { success: true } });
  });

  it('delivers after a kill -9 what it had answered 202 for, and nothing twice that was settled', async () => {
    await router.start();
    datadog.always({ kind: 'answer', status: 503 });
    for (let i = 0; i < 20; i += 1) expect((await post({ alerts: [alertOf(`k${i}`)] })).status).toBe(202);
    await router.stop('SIGKILL');
    datadog.always();
    await router.start();
    await until(() => datadog.events.length >= 20, 30_000);
    const texts = datadog.events.map((event) => event['text']);
    expect(new Set(texts)).toEqual(new Set(Array.from({ length: 20 }, (_, i) => `Alert k${i}`)));
    const again = await post({ alerts: [alertOf('k3')] });
    expect(await again.json()).toMatchObject({ accepted: 0, duplicates: 1 });
  }, 60_000);

  it('keeps what it cannot read, with the exact bytes', async () => {
    await router.start();
    const answer = await post('{"alerts": [oops');
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: 0, quarantined: 1 });
    const { items } = (await (await ask('/api/v1/quarantine')).json()) as { items: { requestId: string }[] };
    const raw = await ask(`/api/v1/alerts/${items[0]?.requestId ?? ''}/raw`);
    expect(await raw.text()).toBe('{"alerts": [oops');
  });

  it('parks Datadog on a revoked key, keeps the archive going, and resumes by itself', async () => {
    await router.start();
    datadog.acceptKey('another');
    await post({ alerts: [alertOf('p1')] });
    await until(async () => (await (await ask('/api/v1/sinks')).text()).includes('parked'));
    await post({ alerts: [alertOf('p2')] });
    const ofOurs = (title: string): boolean => title.startsWith('The sink datadog is');
    await until(() => archived().filter((title) => !ofOurs(title)).length === 2);
    expect((await fetch(`${router.ingest}/readyz`)).status).toBe(200);
    datadog.acceptKey(secrets.DATADOG_KEY);
    await until(() => datadog.events.length === 2, 30_000);
    await until(() => archived().filter(ofOurs).length === 2);
    expect(archived().filter(ofOurs)).toEqual([
      'The sink datadog is parked: it waits for an operator',
      'The sink datadog is resumed',
    ]);
  }, 60_000);

  it('drains on SIGTERM and exits 0; a second signal ends it at once', async () => {
    await router.start();
    datadog.always({ kind: 'usual', delayMs: 500 });
    await post({ alerts: [alertOf('t1')] });
    await until(() => datadog.requests.length > 0);
    expect(await router.stop()).toBe(0);
    expect(datadog.events).toHaveLength(1);

    await router.start();
    datadog.always({ kind: 'hang' });
    await post({ alerts: [alertOf('t2')] });
    await until(() => datadog.requests.length > 1);
    router.signal('SIGTERM');
    await sleep(200);
    expect(await router.stop()).toBe(1);
  }, 30_000);

  it('never shows a secret, whatever happens', async () => {
    await router.start();
    const seen: string[] = [];
    const see = async (answer: Response): Promise<void> => {
      seen.push(JSON.stringify([...answer.headers]), await answer.text());
    };
    await see(await post({ alerts: [alertOf('s1')] }));
    await see(await post('{broken'));
    await see(await post('x', `/v1/ingest/threat-stack/${secrets.PATH_KEY}`, ''));
    await see(await post('x', `/v1/ingest/threat-stack/${secrets.PATH_KEY}x`, ''));
    await see(await post('x', undefined, 'SEKRET_wrong'));
    datadog.acceptKey('another');
    await see(await post({ alerts: [alertOf('s2')] }));
    await until(async () => (await (await ask('/api/v1/sinks')).text()).includes('parked'));
    for (const path of [
      '/metrics',
      '/version',
      '/openapi.json',
      '/api/v1/sources',
      '/api/v1/sinks',
      '/api/v1/routes',
    ]) {
      await see(await ask(path));
    }
    await see(await ask('/api/v1/alerts'));
    await see(await ask('/api/v1/alerts', 'SEKRET_wrong'));
    await see(await ask('/api/v1/quarantine'));
    await see(await ask('/api/v1/nothing'));
    await router.stop();
    seen.push(router.output);
    expect(seen.join('\n')).not.toContain('SEKRET');
    writeFileSync(join(folder, 'seen.txt'), seen.join('\n'));
  }, 30_000);
});
