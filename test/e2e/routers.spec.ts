import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { InstanceView } from '../../src/admin/instances.controller.js';
import type { Ledger } from '../../src/core/ledger.js';
import type { ReplayRecord } from '../../src/core/replay.js';
import { hook } from '../faults/harness/hook.js';
import { askAdmin } from '../faults/harness/invariant.js';
import { sourceToken } from '../faults/harness/ledger-client.js';
import { newFinding, reportOf } from '../faults/harness/report.js';
import { Scene } from '../faults/harness/scene.js';
import { startPostgres, type PostgresServer } from '../support/postgres.js';
import type { RouterProcess } from '../support/router-process.js';

let server: PostgresServer;
let scene: Scene;

beforeAll(async () => {
  server = await startPostgres(['-c', 'fsync=off']);
}, 60_000);
afterAll(() => server.stop(), 60_000);

/** Two routers as two machines would have them: one config, one database. */
async function startTwo(): Promise<readonly [RouterProcess, RouterProcess]> {
  const url = await server.createSchema();
  const journal = { type: 'postgres', url, ssl: false, lease: '3s', acceptWeakDurability: true };
  const options = { config: { journal } };
  return [await scene.start(options), await scene.start(options)];
}

async function post<T>(router: RouterProcess, path: string, body: object): Promise<T> {
  const answer = await fetch(`${router.admin}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${String(answer.status)}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

const balanced = async (router: RouterProcess) =>
  (await askAdmin<Ledger>(router, '/api/v1/ledger?from=1970-01-01T00:00:00Z')).balanced;

describe('two routers on one database', () => {
  beforeAll(() => {
    scene = new Scene();
  });
  afterAll(() => scene.close());

  it('make a replay once, though the one that makes it is killed', async () => {
    const pager = await scene.sink({ kind: hook });
    const [a, b] = await startTwo();
    pager.server.always({ kind: 'answer', status: 400, body: 'no such field' });
    const findings = Array.from({ length: 120 }, () => newFinding());
    await scene.client.insist(findings.map((finding) => reportOf(finding)));
    const dead = async () =>
      (await askAdmin<{ items: readonly { name: string; dead: number }[] }>(a, '/api/v1/sinks')).items[0]?.dead;
    await scene.until(async () => (await dead()) === findings.length);
    pager.server.always();

    const { id } = await post<ReplayRecord>(b, '/replays', { mode: 'resend', select: {}, rate: 20 });
    const progress = () => askAdmin<ReplayRecord>(a, `/api/v1/replays/${id}`);
    await scene.until(async () => (await progress()).owed > 20);
    await b.stop('SIGKILL');
    expect((await progress()).finishedAt).toBeUndefined();
    await scene.until(async () => (await progress()).delivered === findings.length, 60_000);
    expect(await progress()).toMatchObject({ looked: 120, owed: 120, delivered: 120, dead: 0 });
    const names = pager.received().map(({ name }) => name);
    expect(new Set(names).size).toBe(findings.length);
    // What the kill caught on its way: no more than were under way at once.
    expect(names.length).toBeLessThanOrEqual(findings.length + 20);
    expect(await balanced(a)).toBe(true);
    await b.start();
    expect(await progress()).toMatchObject({ looked: 120, owed: 120 });
  }, 120_000);

  it('explain, count and read again what the other one has', async () => {
    const [a, b] = await startTwo();
    const answer = await fetch(`${a.ingest}/v1/ingest/vendor`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sourceToken}`, 'content-type': 'application/json' },
      body: '{"alerts":[{"id":"f1","title":"what","created_at":1,"severity":1},7]}',
    });
    const { alerts } = (await answer.json()) as { alerts: readonly { id: string }[] };
    const path = `/api/v1/alerts/${alerts[0]?.id ?? ''}`;
    const state = async (router: RouterProcess) =>
      (await askAdmin<{ deliveries: readonly { state: string }[] }>(router, path)).deliveries[0]?.state;
    await scene.until(async () => (await state(b)) === 'delivered');
    const told = await askAdmin<{ routesSince: number }>(a, path);
    expect(await askAdmin(b, path)).toEqual({ ...told, routesSince: expect.any(Number) });
    const { items } = await askAdmin<{ items: readonly InstanceView[] }>(b, '/api/v1/instances');
    expect(items.filter(({ state }) => state === 'running')).toHaveLength(2);
    const seen = items.find(({ self }) => self)?.lastSeen ?? '';
    expect(Date.now() - Date.parse(seen)).toBeLessThan(15_000);
    const list = await askAdmin<{ items: readonly object[] }>(b, '/api/v1/quarantine');
    expect(list.items).toHaveLength(1);
    expect(list).toEqual(await askAdmin(a, '/api/v1/quarantine'));
    const read = await Promise.all([a, b].map((router) => post(router, '/quarantine/replay', {})));
    expect(read).toContainEqual(expect.objectContaining({ requests: 1, quarantined: 1 }));
    expect(await Promise.all([a, b].map(balanced))).toEqual([true, true]);

    const park = (router: RouterProcess, verb: string) =>
      fetch(`${router.admin}/api/v1/sinks/pager/${verb}`, { method: 'POST' });
    expect((await park(a, 'park')).status).toBe(204);
    const ready = async () => (await askAdmin<{ problems?: readonly string[] }>(b, '/readyz')).problems;
    await scene.until(async () => (await ready())?.join() === 'the sink pager is parked', 3_000);
    expect((await park(b, 'resume')).status).toBe(204);
    await scene.until(async () => (await ready()) === undefined, 3_000);
  }, 60_000);
});
