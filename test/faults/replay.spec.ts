import { describe, expect } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import type { DeliverySummary, Page } from '../../src/core/journal.js';
import type { ReplayPlan } from '../../src/core/replay-control.js';
import type { ReplayRecord } from '../../src/core/replay.js';
import type { AlertRecord, AuditEntry } from '../../src/core/journal.js';
import type { OtherSink } from './harness/fake-sink.js';
import { fault } from './harness/fault.js';
import { hook } from './harness/hook.js';
import { askAdmin } from './harness/invariant.js';
import { newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

/** Datadog's Event Management: a sink that keeps state. */
const incidents: OtherSink = {
  block: (endpoint) => ({
    type: 'datadog',
    intake: 'events-v2',
    apiKey: 'k',
    endpoint,
    allowCidrs: ['127.0.0.0/8'],
  }),
  answer: () => ({ status: 202, body: '{}' }),
};

async function replay<T = ReplayRecord>(scene: Scene, body: object): Promise<T> {
  const answer = await fetch(`${scene.router.admin}/api/v1/replays`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode: 'resend', select: {}, ...body }),
  });
  if (!answer.ok) throw new Error(`${String(answer.status)}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

const progress = (scene: Scene, id: string) => askAdmin<ReplayRecord>(scene.router, `/api/v1/replays/${id}`);
const deadLetters = async (scene: Scene, query = '') =>
  (await askAdmin<Page<DeliverySummary>>(scene.router, `/api/v1/dead-letters${query}`)).items;

describe('a replay', () => {
  fault(
    {
      number: 89,
      title: 'dead letters replayed twice, at once, and after a change of the config',
      fault:
        'two sinks refuse 20 findings of two reports each; once they are mended, the dead letters are replayed three times at once and once more, with a kill -9 within; then again by routes that name one sink more',
      expected:
        'each is sent once more and no more than that, marked, in order, with its history; an older report is held back where the sink keeps state; the new sink gets what it was never owed; all of it in the audit log',
    },
    async (scene) => {
      const pager = await scene.sink({ kind: hook });
      const board = await scene.sink({ name: 'board', kind: incidents });
      const archive = await scene.sink({ name: 'archive', kind: hook });
      const sinks = { pager: pager.block, board: board.block, archive: archive.block };
      const routes = [{ name: 'all', to: ['pager', 'board'] }];
      await scene.start({ config: { sinks, routes } });

      for (const sink of [pager, board]) sink.server.always({ kind: 'answer', status: 400, body: 'no such field' });
      const findings = Array.from({ length: 20 }, () => newFinding());
      await scene.client.insist(findings.map((finding) => reportOf(finding, 1)));
      await scene.client.insist(findings.map((finding) => reportOf(finding, 2)));
      await scene.until(async () => (await deadLetters(scene, '?limit=100')).length === 80);
      const [letter] = await deadLetters(scene, '?sink=pager&fault=theirs&limit=1');
      expect(letter).toMatchObject({ reason: expect.any(String), answer: { status: 400, excerpt: 'no such field' } });
      expect(await deadLetters(scene, '?fault=ours')).toEqual([]);

      for (const sink of [pager, board]) sink.server.always();
      const plan = await replay<ReplayPlan>(scene, { dryRun: true });
      expect(plan.sinks).toEqual([
        { sink: 'board', deliveries: 20, restamped: 0, outdated: 20 },
        { sink: 'pager', deliveries: 40, restamped: 0, outdated: 0 },
      ]);
      expect(plan.warnings.join()).toContain('20 held back from board');
      expect(pager.received()).toEqual([]);

      const begun = await Promise.all([
        replay(scene, { rate: 20 }),
        replay(scene, { rate: 20 }),
        replay(scene, { rate: 30 }),
      ]);
      expect(new Set(begun.map(({ id }) => id)).size).toBe(2);
      await scene.until(() => pager.received().length > 5);
      await scene.router.stop('SIGKILL');
      await scene.router.start();
      const isDone = async ({ id }: ReplayRecord) => {
        const { finishedAt, pending } = await progress(scene, id);
        return finishedAt !== undefined && pending === 0;
      };
      await scene.until(async () => (await Promise.all(begun.map(isDone))).every(Boolean), 40_000);
      const again = await replay(scene, {});
      await scene.until(() => isDone(again));
      expect(await progress(scene, again.id)).toMatchObject({ owed: 0, outdated: 20 });

      const ended = await Promise.all([...new Set(begun.map(({ id }) => id))].map((id) => progress(scene, id)));
      expect(ended.reduce((sum, { owed }) => sum + owed, 0)).toBe(60);
      // What the kill caught on its way may be there twice: no more than were under way at once.
      expect(new Set(pager.received().map(({ name }) => name)).size).toBe(40);
      expect(new Set(board.received().map(({ name }) => name)).size).toBe(20);
      expect(pager.received().length + board.received().length).toBeLessThanOrEqual(60 + 20 + 30);
      expect(board.received().every(({ number }) => number === 2)).toBe(true);
      for (const sink of [pager, board]) {
        const taken = sink.server.requests.slice(-1)[0];
        expect(taken?.body.toString()).toContain('replay:true');
      }
      const record = await askAdmin<AlertRecord>(scene.router, `/api/v1/alerts/${letter?.alertId ?? ''}`);
      expect(record.deliveries).toMatchObject([
        { sink: 'pager', state: 'delivered', history: [{ outcome: 'rejected' }, { outcome: 'delivered' }] },
        { sink: 'board' },
      ]);

      await scene.router.stop();
      const { configFile } = scene.router;
      const changed = JSON.stringify([{ name: 'all', to: ['pager', 'board', 'archive'] }]);
      writeFileSync(
        configFile,
        readFileSync(configFile, 'utf8').replace(`routes: ${JSON.stringify(routes)}`, `routes: ${changed}`),
      );
      await scene.router.start();
      const rerouted = await Promise.all([1, 2].map(() => replay(scene, { mode: 'reroute' })));
      await scene.until(async () => (await Promise.all(rerouted.map(isDone))).every(Boolean));
      expect(archive.received()).toHaveLength(40);

      const { items: audit } = await askAdmin<Page<AuditEntry>>(scene.router, '/api/v1/audit');
      expect(audit.filter(({ action }) => action === 'POST /api/v1/replays')).toHaveLength(7);
    },
    { invariant: { complete: ['pager', 'archive'] } },
  );
});
