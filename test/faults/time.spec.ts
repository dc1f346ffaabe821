import { describe, expect } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouterProcess } from '../support/router-process.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { newFinding, reportOf, reportsIn } from './harness/report.js';
import type { Scene } from './harness/scene.js';

const hourMs = 3_600_000;

/** A router whose clock the case can set, by the milliseconds it is wrong by. */
async function startWithClock(scene: Scene, offsetMs = 0): Promise<(offsetMs: number) => void> {
  const clock = join(scene.folder, 'clock');
  const set = (ms: number): void => {
    writeFileSync(clock, String(ms));
  };
  set(offsetMs);
  const router = await scene.prepare();
  await router.start(scene.testBuild.withClock(clock));
  return set;
}

describe('a wall clock', () => {
  for (const [direction, jumpMs] of [
    ['forward', hourMs],
    ['back', -hourMs],
  ] as const) {
    fault(
      {
        number: 29,
        title: 'that jumps by an hour',
        fault: 'the clock is set forward, or back, by an hour while deliveries wait for a sink that is down',
        expected:
          'no storm of retries and no hour of silence: tried at the pace of before; in order once the sink is up; ids stay unique',
      },
      async (scene) => {
        const sink = await scene.sink();
        const setClock = await startWithClock(scene);
        sink.server.always({ kind: 'answer', status: 503 });
        const findings = Array.from({ length: 10 }, newFinding);
        for (const finding of findings) await scene.client.post([reportOf(finding, 1)]);
        await scene.until(() => sink.server.requests.length >= 6);
        const before = sink.server.requests.length;
        setClock(jumpMs);
        await scene.client.post();
        await sleep(1_000);
        // One call at a time, and each failure doubles the wait: as if nothing had happened.
        expect(sink.server.requests.length - before).toBeLessThanOrEqual(10);
        sink.server.always();
        for (const finding of findings) await scene.client.post([reportOf(finding, 2)]);
        await scene.until(() => sink.received().length >= 21, 60_000);
        const ids = scene.client.acked().map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        await expectNothingTwice(scene, `after a jump ${direction}`);
      },
    );
  }

  fault(
    {
      number: 32,
      title: 'and alerts that waited longer than Datadog looks back',
      fault: 'three alerts wait for 19 hours until the sink is up',
      expected: 'delivered at the oldest time that Datadog takes, with the true time in the text; no dead letter',
    },
    async (scene) => {
      const sink = await scene.sink();
      const setClock = await startWithClock(scene, -19 * hourMs);
      sink.server.always({ kind: 'answer', status: 503 });
      const happened = Date.now() - 19 * hourMs;
      for (let i = 0; i < 3; i += 1) await scene.client.post(undefined, { created_at: happened });
      await scene.until(() => sink.server.requests.length >= 3);
      setClock(0);
      sink.server.clear();
      await scene.until(() => sink.received().length === 3, 60_000);
      type Event = { readonly date_happened: number; readonly text: string };
      const events = sink.server.requests.map(({ body }) => JSON.parse(body.toString()) as Event);
      // A call that was under way when the clock was set has the old time, and is refused and made again.
      const last = new Map(events.map((event) => [reportsIn(event.text)[0]?.name, event]));
      expect(last.size).toBe(3);
      for (const { date_happened: date, text } of last.values()) {
        expect(date * 1_000).toBeGreaterThan(Date.now() - 18 * hourMs);
        expect(text).toContain(new Date(happened).toISOString().slice(0, 19));
      }
      expect((await scene.account()).sinks['pager']).toMatchObject({ received: 3, dead: 0 });
    },
  );
});

describe('the time of a vendor', () => {
  /** What is sent, and the time it must be: whatever the zone of the machine. None: the time of receipt counts. */
  const times: readonly (readonly [unknown, string | undefined, string])[] = [
    [1_784_000_000, '2026-07-14T03:33:20.000Z', 'vendor'],
    [1_784_000_000_000, '2026-07-14T03:33:20.000Z', 'vendor'],
    ['1784000000000', '2026-07-14T03:33:20.000Z', 'vendor'],
    ['2026-07-14T03:33:20.123456Z', '2026-07-14T03:33:20.123Z', 'vendor'],
    ['2026-07-14T03:33:20', '2026-07-14T03:33:20.000Z', 'assumed_utc'],
    ['2026-07-14T09:03:20+05:30', '2026-07-14T03:33:20.000Z', 'vendor'],
    ['15th Mar 2020 10:21:00 GMT', '2020-03-15T10:21:00.000Z', 'vendor'],
    ['2126-01-01T00:00:00Z', undefined, 'received'],
    ['yesterday', undefined, 'received'],
    [null, undefined, 'received'],
  ];

  type Shown = { readonly time: string; readonly timeQuality: string; readonly receivedAt: string };

  const readAs = async (router: RouterProcess): Promise<readonly Shown[]> => {
    const alerts = times.map(([createdAt], index) => ({ id: `t${String(index)}`, title: 'T', created_at: createdAt }));
    const answer = await fetch(`${router.ingest}/v1/ingest/vendor`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sourceToken}` },
      body: JSON.stringify({ alerts }),
    });
    expect(answer.status).toBe(202);
    const { alerts: kept } = (await answer.json()) as { alerts: { id: string }[] };
    return Promise.all(
      kept.map(async ({ id }) => (await askAdmin<{ alert: Shown }>(router, `/api/v1/alerts/${id}`)).alert),
    );
  };

  fault(
    {
      number: 31,
      title: 'is the same in every time zone of ours',
      fault: 'seconds for milliseconds, texts of many forms, no zone, the future, null; in UTC, New York and Kolkata',
      expected: 'the same times everywhere; what cannot be read counts from its receipt',
    },
    async (scene) => {
      for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
        const data = join(scene.folder, zone.replace('/', '-'));
        const routes = [{ name: 'none', match: { title: 'nothing' }, to: 'pager' }];
        const router = await scene.start({ env: { TZ: zone }, data, config: { routes } });
        const shown = await readAs(router);
        expect(shown.map(({ timeQuality }) => timeQuality)).toEqual(times.map(([, , quality]) => quality));
        expect(shown.map(({ time }) => time)).toEqual(times.map(([, time], index) => time ?? shown[index]?.receivedAt));
      }
    },
    { invariant: { complete: [] } },
  );
});

async function expectNothingTwice(scene: Scene, when: string): Promise<void> {
  const account = await scene.account();
  expect([when, account.sinks['pager']?.duplicates]).toEqual([when, 0]);
}
