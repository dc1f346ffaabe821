import { describe, expect } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceView } from '../../src/admin/sources.controller.js';
import type { Reconciliation } from '../../src/admin/reconciliation.controller.js';
import { FakeApi } from './harness/fake-api.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { alertOf, newFinding, reportOf, type Report } from './harness/report.js';
import type { Scene } from './harness/scene.js';

const minuteMs = 60_000;
const minute = '1m';

const reports = (count: number): readonly Report[] => Array.from({ length: count }, () => reportOf(newFinding()));

/** A router that takes a vendor's webhooks and asks its API every second, not started yet. */
async function prepare(scene: Scene, pull: object = {}): Promise<FakeApi> {
  const api = await FakeApi.start();
  scene.finally(() => api.close());
  const pager = await scene.sink();
  const token = join(scene.folder, 'api-token');
  writeFileSync(token, api.token, { mode: 0o600 });
  await scene.prepare({
    config: {
      sources: {
        vendor: {
          type: 'pulled',
          auth: { type: 'bearer', secret: sourceToken },
          api: { url: api.url, token: `\${file:${token}}` },
          pull: { every: '1s', from: '1h', overlap: minute, rate: 1_000, ...pull },
        },
      },
      sinks: { pager: pager.block },
      routes: [{ name: 'all', match: { source: 'vendor' }, to: ['pager'] }],
    },
  });
  return api;
}

/** What the vendor has now is what the client is asked for at the end, whichever way it came. */
function vendorHas(scene: Scene, api: FakeApi, of: readonly Report[], agoMs = 0): void {
  scene.client.noteSent(of);
  api.has(of, agoMs);
}

const names = (scene: Scene) => new Set(scene.sinks[0]?.received().map(({ name }) => name));
const hasAll = (scene: Scene, of: readonly Report[]) => of.every(({ name }) => names(scene).has(name));
const reconcile = (scene: Scene) => askAdmin<Reconciliation>(scene.router, '/api/v1/reconciliation');
const pullOf = async (scene: Scene) => {
  const { items } = await askAdmin<{ items: readonly SourceView[] }>(scene.router, '/api/v1/sources');
  return items.find(({ name }) => name === 'vendor')?.pull;
};
const operate = (scene: Scene, verb: string) =>
  fetch(`${scene.router.admin}/api/v1/sources/vendor/pull/${verb}`, { method: 'POST' });
const isOnce = (scene: Scene) => {
  const received = scene.sinks[0]?.received() ?? [];
  return received.length === new Set(received.map(({ name }) => name)).size;
};

describe("a vendor's API that is asked for what its webhooks lost", () => {
  fault(
    {
      number: 90,
      title: 'webhooks that never came, and kill -9 within a page',
      fault:
        'a vendor posts one alert in three and has all of them in its API; kill -9 before a page is committed, and after',
      expected:
        'the place in the API commits with the alerts of the page: all are delivered, each once, and the reconciliation says which way they came',
    },
    async (scene) => {
      const api = await prepare(scene, { maxPages: 2 });
      const { router, client } = scene;
      const all = reports(45);
      const posted = all.filter((_, index) => index % 3 === 0);
      // Nothing is delivered before the crash: what is delivered twice then would not be the pull's doing.
      scene.sinks[0]?.server.always({ kind: 'answer', status: 503 });
      api.instead = () => ({ status: 500 });
      await router.start(scene.testBuild.withPulledPlugin());
      for (const report of posted) expect(await client.post([report])).toBe(202);
      await router.stop('SIGKILL');
      vendorHas(scene, api, all);
      api.instead = undefined;

      for (const point of ['inserted', 'fsynced'] as const) {
        router.launch(scene.testBuild.withPulledPlugin(scene.testBuild.crashAt(point, 2)));
        expect(await router.exited()).toBe('SIGKILL');
      }
      await router.start(scene.testBuild.withPulledPlugin());
      scene.sinks[0]?.server.always();
      await scene.until(() => hasAll(scene, all), 60_000);
      await scene.until(async () => (await reconcile(scene)).complete);
      const { days } = await reconcile(scene);
      const sum = (key: 'vendor' | 'webhook' | 'recovered') => days.reduce((total, day) => total + day[key], 0);
      expect([sum('vendor'), sum('webhook'), sum('recovered')]).toEqual([45, 15, 30]);
      expect(isOnce(scene)).toBe(true);
    },
  );

  fault(
    {
      number: 90,
      title: 'pages that repeat and skip, errors, and a clock that is wrong',
      fault:
        'pages that leave alerts out, come twice, or come late; 429 with Retry-After, 500, a connection that breaks; a vendor whose clock is ten minutes ahead',
      expected:
        'what was left out comes with the overlap, what comes twice is one alert, nothing is asked before its time',
    },
    async (scene) => {
      const api = await prepare(scene, { overlap: '20m' });
      const { router } = scene;
      const first = reports(25);
      vendorHas(scene, api, first);
      let faults = 0;
      api.instead = (asked) => {
        faults += 1;
        switch (faults) {
          // A page that leaves every second one out; the next one that begins as the one before ended.
          case 1:
            return api.page(asked, (alerts) => alerts.filter((_, index) => index % 2 === 0));
          case 2:
            return api.page({ ...asked, page: 1 });
          case 3:
            return { status: 429, headers: { 'retry-after': '2' } };
          case 4:
            return { status: 500 };
          case 5:
            return { status: 200, body: '{"alerts": [' };
          default:
            return undefined;
        }
      };
      await router.start(scene.testBuild.withPulledPlugin());
      await scene.until(() => hasAll(scene, first), 60_000);
      const [third, fourth] = api.asked.slice(2, 4);
      expect((fourth?.at ?? 0) - (third?.at ?? 0)).toBeGreaterThanOrEqual(2_000);

      const ahead = reports(3);
      vendorHas(scene, api, ahead, -10 * minuteMs);
      await scene.until(() => hasAll(scene, ahead));
      // The cursor is ten minutes ahead by now, and what comes after that is created before it.
      const late = reports(3);
      vendorHas(scene, api, late);
      await scene.until(() => hasAll(scene, late));
      expect(isOnce(scene)).toBe(true);
      expect((await reconcile(scene)).complete).toBe(true);
    },
  );

  fault(
    {
      number: 90,
      title: 'a credential of the API that is revoked, and another one',
      fault:
        'the API answers 401 in the middle of a pull; the webhook goes on; then the file of the credential changes',
      expected:
        'the pull is parked and nothing else, told by the log, readiness, a metric and an alert of the router; it goes on with the new credential by itself',
    },
    async (scene) => {
      const api = await prepare(scene);
      const { router, client } = scene;
      const all = reports(15);
      vendorHas(scene, api, all);
      api.instead = ({ page }) => (page > 1 ? { status: 401 } : undefined);
      await router.start(scene.testBuild.withPulledPlugin());
      await scene.until(async () => (await pullOf(scene))?.state === 'parked');
      expect(await pullOf(scene)).toMatchObject({ reason: 'status 401', parkedBy: 'router' });
      expect(await client.post()).toBe(202);
      await scene.until(() => router.output.includes('pull parked: it waits for an operator'));
      await scene.until(async () => {
        const ready = await fetch(`${router.ingest}/readyz`);
        return ready.status === 200 && (await ready.text()).includes('degraded');
      });
      const metrics = await (await fetch(`${router.admin}/metrics`)).text();
      expect(metrics).toContain('signalbox_pull_parked{source="vendor"} 1');
      await scene.until(async () => {
        const { items } = await askAdmin<{ items: readonly { title: string }[] }>(
          router,
          '/api/v1/alerts?source=signalbox',
        );
        return items.some(({ title }) => title.includes('The pull of the source vendor is parked'));
      });
      const asked = api.asked.length;

      api.instead = undefined;
      api.token = 'SEKRET_other';
      writeFileSync(join(scene.folder, 'api-token'), api.token, { mode: 0o600 });
      await scene.until(() => hasAll(scene, all), 30_000);
      expect(await pullOf(scene)).not.toHaveProperty('reason');
      // It did not hammer at the door meanwhile.
      expect(api.asked.filter(({ token }) => token === 'SEKRET_api').length - asked).toBeLessThan(5);
    },
  );

  fault(
    {
      number: 90,
      title: 'a pull that an operator holds',
      fault: 'an operator parks a pull; kill -9; the operator resumes it',
      expected: 'nothing is asked until then, over the restart too; the webhook goes on; then it goes on at once',
    },
    async (scene) => {
      const api = await prepare(scene);
      const { router, client } = scene;
      await router.start(scene.testBuild.withPulledPlugin());
      await scene.until(() => api.asked.length > 1);
      expect((await operate(scene, 'park')).status).toBe(204);
      const all = reports(3);
      vendorHas(scene, api, all);
      await router.stop('SIGKILL');
      await router.start(scene.testBuild.withPulledPlugin());
      expect(await client.post()).toBe(202);
      await scene.until(() => names(scene).size === 1);
      const asked = api.asked.length;
      expect((await pullOf(scene))?.state).toBe('parked');
      expect((await operate(scene, 'resume')).status).toBe(204);
      await scene.until(() => hasAll(scene, all));
      expect(api.asked.length).toBeGreaterThan(asked);
    },
  );

  fault(
    {
      number: 90,
      title: 'a place that the vendor forgot, and pages without end',
      fault:
        'the API answers 410 to every cursor but the first; then it gives empty pages and says that there are more, for ever',
      expected:
        'it begins anew, further back than it was, and nothing is missing or twice; it takes no more pages than it may, and tells',
    },
    async (scene) => {
      const api = await prepare(scene, { maxPages: 4 });
      const { router } = scene;
      const first = reports(5);
      vendorHas(scene, api, first);
      await router.start(scene.testBuild.withPulledPlugin());
      await scene.until(() => hasAll(scene, first));
      const later = reports(5);
      vendorHas(scene, api, later, 10 * minuteMs);
      let refused = 0;
      // Before its time the overlap of a minute would not find them.
      api.instead = ({ from }) => {
        if (from < Date.now() - 30 * minuteMs) return undefined;
        refused += 1;
        return { status: 410 };
      };
      await scene.until(() => hasAll(scene, later));
      expect(refused).toBeGreaterThan(0);

      api.instead = () => ({ status: 200, body: JSON.stringify({ alerts: [], more: true }) });
      await scene.until(() => router.output.includes('4 pages with nothing in them'));
      const pages = api.asked.map(({ page }) => page);
      expect(pages.length).toBeLessThan(100);
      api.instead = undefined;
      const last = reports(2);
      vendorHas(scene, api, last);
      await scene.until(() => hasAll(scene, last), 60_000);
      expect(isOnce(scene)).toBe(true);
    },
  );

  fault(
    {
      number: 90,
      title: 'a million alerts at once',
      fault:
        'the API has a million alerts that no webhook brought, ten a page, and a rate of 40 a second is configured',
      expected:
        'they come oldest first and no faster than that, page by page within the bound, in little memory; webhooks are not held up',
    },
    async (scene) => {
      const api = await prepare(scene, { rate: 40, maxPages: 1_000, every: '1s' });
      const { router, client } = scene;
      const million = 1_000_000;
      const since = Date.now() - 30 * minuteMs;
      const finding = newFinding();
      const nth = (number: number) => reportOf(`${finding}${String(number).padStart(7, '0')}`);
      api.instead = ({ page }) => {
        const first = (page - 1) * 10;
        const alerts = Array.from({ length: 10 }, (_, index) => nth(first + index));
        scene.client.noteSent(alerts);
        const listed = alerts.map((report, index) => ({ ...alertOf(report), created_at: since + first + index }));
        const totals = { [new Date(since).toISOString().slice(0, '2026-03-01'.length)]: million };
        return { status: 200, body: JSON.stringify({ alerts: listed, more: first + 10 < million, totals }) };
      };
      const began = Date.now();
      await router.start(scene.testBuild.withPulledPlugin());
      await scene.until(() => names(scene).size >= 200, 60_000);
      const received = scene.sinks[0]?.received() ?? [];
      const seconds = ((received.at(199)?.at ?? 0) - began) / 1_000;
      expect(seconds).toBeGreaterThan((200 - 2 * 10) / 40);
      expect(received.slice(0, 200).map(({ name }) => name)).toEqual(
        Array.from({ length: 200 }, (_, index) => nth(index).name),
      );
      expect(await client.post()).toBe(202);
      const { complete, days } = await reconcile(scene);
      expect([complete, days[0]?.vendorBy]).toEqual([false, 'vendor']);
      expect(days[0]?.missing).toBeGreaterThan(million - 10_000);
      expect((await operate(scene, 'park')).status).toBe(204);
    },
    { invariant: { maxPeakBytes: 300_000_000 } },
  );
});
