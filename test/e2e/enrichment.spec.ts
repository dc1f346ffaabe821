import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alert } from '../../src/core/alert.js';
import type { LookupRecord } from '../../src/core/journal.js';
import type { Ledger } from '../../src/core/ledger.js';
import { RouterProcess } from '../support/router-process.js';

const known = '9c1b7e64-2a35-4d8f-b0e1-6f7a8c9d3303';
const fixture = new URL(
  '../../src/sources/datatheorem/fixtures/policy-violation-opened.inferred.json',
  import.meta.url,
);

/** All that the vendor has: one violation, and what it refers to. */
const results = {
  policy_violations: [
    {
      id: known,
      violated_policy_rule_id: 'rule-1',
      affected_network_service_id: 'service-1',
      exception_type: null,
      date_created: '2026-02-03T09:26:31.604127+00:00',
    },
  ],
  policy_rules: [{ id: 'rule-1', relevance: 'URGENT', policy_rule_type_id: 'type-1' }],
  policy_rule_types: [{ id: 'type-1', title: 'TLS 1.0 Accepted', description: 'It has known weaknesses.' }],
  network_services: [{ id: 'service-1', url: 'https://pay.northwind.example' }],
  pagination_information: { next_cursor: null, total_count: 1 },
};

jest.setTimeout(60_000);

let folder: string;
let vendor: Server;
let calls: number;
let isSilent: boolean;
let router: RouterProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-enrichment-'));
  [calls, isSilent] = [0, false];
  vendor = createServer((_request, response) => {
    calls += 1;
    if (isSilent) return;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(results));
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await router.stop('SIGKILL');
  vendor.closeAllConnections();
  await new Promise((resolve) => vendor.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: string): Promise<void> {
  const { port } = vendor.address() as AddressInfo;
  const config = `
journal: { type: sqlite, path: ${join(folder, 'journal.db')} }
sources:
  data-theorem:
    type: datatheorem
    auth: none
    api: { apiKey: results-key-1, baseUrl: 'http://127.0.0.1:${port}/apis', allowCidrs: 127.0.0.0/8, perMinute: 10000 }
${options}
sinks:
  genuine: { type: file, path: ${join(folder, 'genuine.ndjson')} }
  doubtful: { type: file, path: ${join(folder, 'doubtful.ndjson')} }
routes:
  - { name: doubts, match: { quality: [unverified, 'verification_*'] }, to: doubtful, final: true }
  - { name: everything, to: genuine }
`;
  router = await RouterProcess.prepare(folder, config);
  await router.start();
}

/** Posts a violation, and returns the id of its alert. */
async function post(id = known): Promise<string> {
  const body = readFileSync(fixture, 'utf8').replace(known, id);
  const answer = await fetch(`${router.ingest}/v1/ingest/data-theorem`, { method: 'POST', body });
  expect(answer.status).toBe(202);
  const { alerts } = (await answer.json()) as { alerts: { id: string }[] };
  return alerts[0]?.id ?? '';
}

/** A violation that the vendor does not have. */
const forgery = (number = 0) => `deadbeef-2a35-4d8f-b0e1-${String(number).padStart(12, '0')}`;

function sent(sink: 'genuine' | 'doubtful'): readonly Alert[] {
  const file = join(folder, `${sink}.ndjson`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Alert);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 25) {
    if (waited > 20_000) throw new Error(`it did not come true; the router said:\n${router.output}`);
    await sleep(25);
  }
}

async function ask<Body>(path: string): Promise<Body> {
  return (await (await fetch(router.admin + path)).json()) as Body;
}
const story = (id: string) => ask<{ alert: Alert; lookup?: LookupRecord; routes: string[] }>(`/api/v1/alerts/${id}`);
const isBalanced = async () =>
  (await ask<Ledger>('/api/v1/ledger?from=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z')).balanced;

describe('an alert that the vendor is asked for', () => {
  it('is sent with its details, once, and the story of it tells so', async () => {
    await start('    enrich: true');
    const id = await post();
    await until(() => sent('genuine').length > 0);
    const [alert] = sent('genuine');
    expect(alert).toMatchObject({ id, title: 'TLS 1.0 Accepted (pay.northwind.example)' });
    expect(alert?.quality).not.toContain('enrichment_pending');
    const { lookup } = await story(id);
    expect(lookup).toMatchObject({ outcome: 'known' });
    expect(lookup?.added).toContain('title');
    expect(await isBalanced()).toBe(true);
    const metrics = await (await fetch(`${router.admin}/metrics`)).text();
    expect(metrics).toContain('signalbox_lookups_total{source="data-theorem",outcome="known"} 1');
    const { items } = await ask<{ items: unknown[] }>('/api/v1/sources');
    expect(items[0]).toMatchObject({ lookups: { state: 'asking', running: 0, waiting: 0 } });
  });

  it('is sent when the wait is over, flagged, where the vendor does not answer', async () => {
    isSilent = true;
    await start('    enrich: { maxWait: 2s }');
    const id = await post();
    await until(() => sent('genuine').length > 0);
    const [alert] = sent('genuine');
    expect(alert?.quality).toContain('enrichment_timeout');
    const { lookup } = await story(id);
    expect(lookup).toMatchObject({ outcome: 'timeout', added: [] });
    expect(lookup?.isLate).toBeUndefined();
    expect(await isBalanced()).toBe(true);
  });

  it('is sent elsewhere, flagged, where the vendor does not know it', async () => {
    await start('    verify: callback');
    const [genuine, forged] = [await post(), await post(forgery())];
    await until(() => sent('genuine').length > 0 && sent('doubtful').length > 0);
    expect(sent('genuine').map(({ id }) => id)).toEqual([genuine]);
    expect(sent('doubtful').map(({ id }) => id)).toEqual([forged]);
    expect(sent('doubtful')[0]?.quality).toContain('unverified');
    expect((await story(forged)).routes).toEqual(['doubts']);
    expect(await isBalanced()).toBe(true);
  });

  it('makes no flood on the vendor out of a flood of forgeries', async () => {
    await start('    verify: { maxPerMinute: 3 }');
    for (let number = 0; number < 40; number += 1) await post(forgery(number));
    await until(() => sent('doubtful').length === 40);
    const flags = sent('doubtful').map(({ quality }) => quality.find((flag) => /verif/.test(flag)));
    const skipped = flags.filter((flag) => flag === 'verification_skipped').length;
    expect(skipped).toBeGreaterThanOrEqual(30);
    expect(flags.filter((flag) => flag === 'unverified')).toHaveLength(40 - skipped);
    expect(calls).toBe(40 - skipped);
    expect(await isBalanced()).toBe(true);
  });

  it('is sent after a kill and a restart, once, flagged as waiting', async () => {
    isSilent = true;
    await start('    enrich: { maxWait: 4s }');
    const id = await post();
    expect(sent('genuine')).toEqual([]);
    await router.stop('SIGKILL');
    await router.start();
    await until(() => sent('genuine').length > 0);
    await sleep(300);
    expect(sent('genuine').map((alert) => [alert.id, alert.quality.includes('enrichment_pending')])).toEqual([
      [id, true],
    ]);
    expect((await story(id)).routes).toEqual(['everything']);
    expect(await isBalanced()).toBe(true);
  });
});
