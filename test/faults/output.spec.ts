import { describe, expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditCommand } from '../../src/cli/audit.js';
import { deadLettersCommand } from '../../src/cli/dead-letters.js';
import { explainCommand } from '../../src/cli/explain.js';
import { FakeTerminal, run } from '../support/cli.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import type { Scene } from './harness/scene.js';

/** Posts alerts that are not of the client's making. */
async function post(scene: Scene, alerts: readonly object[], path = 'vendor'): Promise<number> {
  const answer = await fetch(`${scene.router.ingest}/v1/ingest/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sourceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ alerts }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const alertOf = (id: string, title: string, host = 'web-1') => ({
  id,
  title,
  created_at: Date.now(),
  severity: 1,
  organization_id: 'org-1',
  server_or_region: host,
  source: 'Host',
});

const forged = '{"level":"info","time":"2026-01-01T00:00:00Z","msg":"FORGED all is well"}';
const hostile = [
  `line\r\n${forged}\r\n`,
  `\u001b[2J\u001b[1;1H\u001b]0;owned\u0007${forged}`,
  '%s%n%d%x %p {} ${jndi:ldap://127.0.0.1/x} {{7*7}}',
  `separators\u2028${forged}\u2029\u0085\u0000\u009b31m`,
  'gnp.\u202eexe.evil\u2066\ufeff',
];
/** All that steers a terminal or a reader's eye; a line's own end aside. */
const steering = /[\p{Cc}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

describe('what a router writes for people', () => {
  fault(
    {
      number: 59,
      title: 'line breaks, terminal codes and formats in alerts',
      fault:
        'titles, hosts, paths, an answer of a sink and a reason of an operator hold line breaks with a forged log line, terminal codes, formats, and characters that turn the direction of reading',
      expected: 'one line of JSON for each event, in the log and in files; nothing in a terminal that steers it',
    },
    async (scene) => {
      const pager = await scene.sink();
      const archive = join(scene.folder, 'archive.ndjson');
      await scene.start({
        config: {
          logLevel: 'trace',
          sinks: { pager: pager.block, archive: { type: 'file', path: archive } },
          routes: [{ name: 'all', to: ['pager', 'archive'] }],
        },
      });
      const { router } = scene;
      // Its words are then the reasons in the log, in the dead letters and in explanations.
      pager.server.script(...hostile.map((body) => ({ kind: 'answer', status: 400, body }) as const));
      const alerts = hostile.map((text, index) => alertOf(`hostile-${String(index)}`, text, text));
      expect(await post(scene, alerts)).toBe(202);
      expect(await post(scene, [{ title: hostile[0], severity: hostile[1] }, { nothing: hostile[2] }])).toBe(202);
      for (const text of hostile) await post(scene, [], encodeURIComponent(text));
      const park = `${router.admin}/api/v1/sinks/pager`;
      const headers = { 'content-type': 'application/json' };
      await fetch(`${park}/park`, { method: 'POST', headers, body: JSON.stringify({ reason: hostile.join('') }) });
      await fetch(`${park}/resume`, { method: 'POST' });
      const views = async () =>
        (await askAdmin<{ items: readonly { dead: number; backlog: number }[] }>(router, '/api/v1/sinks')).items;
      await scene.until(async () => {
        const seen = await views();
        return seen.some(({ dead }) => dead >= hostile.length) && seen.every(({ backlog }) => backlog === 0);
      });

      const { items } = await askAdmin<{ items: readonly { id: string; title: string }[] }>(router, '/api/v1/alerts');
      expect(items.map(({ title }) => title)).toEqual(expect.arrayContaining([expect.stringContaining('%s%n%d%x')]));
      const terminal = new FakeTerminal();
      const admin = ['--admin', router.admin] as const;
      for (const { id } of items) await run(explainCommand(terminal), ...admin, id);
      await run(deadLettersCommand(terminal), 'list', ...admin);
      await run(auditCommand(terminal), ...admin);
      await run(auditCommand(terminal), ...admin, '-o', 'json');
      const shown = (terminal.out + terminal.err).split('\n');
      expect(shown.length).toBeGreaterThan(50);
      expect(shown.filter((line) => steering.test(line))).toEqual([]);

      const logged = router.output.split('\n').filter((line) => line !== '');
      expect(logged.length).toBeGreaterThan(hostile.length);
      for (const line of logged) {
        expect({ line, steers: steering.test(line) }).toEqual({ line, steers: false });
        expect((JSON.parse(line) as { msg: string }).msg).not.toContain('FORGED');
      }
      const kept = readFileSync(archive, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      expect(kept).toHaveLength((await askAdmin<{ items: readonly object[] }>(router, '/api/v1/alerts')).items.length);
      for (const line of kept) expect(JSON.parse(line)).toHaveProperty('title');
      await scene.client.insist();
    },
    { invariant: { complete: [] } },
  );

  fault(
    {
      number: 91,
      title: 'label explosion',
      fault: '100,000 alerts, each with a title, a host and an id of its own; 2,000 posts to paths that nobody has',
      expected: 'the series of the metrics are the same as before',
    },
    async (scene) => {
      const pager = await scene.sink();
      await scene.start({
        config: {
          sinks: { pager: pager.block, archive: { type: 'file', path: join(scene.folder, 'archive.ndjson') } },
          routes: [
            { name: 'paged', match: { title: 'RPT*' }, to: 'pager' },
            { name: 'all', match: { title: 'flood *' }, to: 'archive' },
          ],
        },
      });
      const series = async (): Promise<readonly string[]> => {
        const text = await (await fetch(`${scene.router.admin}/metrics`)).text();
        return text
          .split('\n')
          .filter((line) => line.startsWith('signalbox_'))
          .map((line) => line.slice(0, line.lastIndexOf(' ')));
      };
      const flood = (from: number, count: number) =>
        post(
          scene,
          Array.from({ length: count }, (_, index) => {
            const name = `${String(from + index)}-\u00e4"\\\n{x="y"}`;
            return alertOf(`id-${name}`, `flood ${name}`, `host-${name}`);
          }),
        );
      const strange = async (from: number, count: number) => {
        for (let at = from; at < from + count; at += 50) {
          await Promise.all(Array.from({ length: 50 }, (_, index) => post(scene, [], `nobody-${String(at + index)}`)));
        }
      };
      // Everything that has a series of its own has happened once.
      await scene.client.insist();
      expect(await flood(0, 1)).toBe(202);
      await strange(0, 100);
      await scene.until(async () =>
        (await series()).some((line) => line.includes('sink="archive",outcome="delivered"')),
      );
      await scene.until(async () => (await series()).some((line) => line.includes('sink="pager",outcome="delivered"')));
      const before = await series();

      for (let from = 1; from <= 100_000; from += 1_000) expect(await flood(from, 1_000)).toBe(202);
      await strange(100, 2_000);
      expect(await series()).toEqual(before);
      expect(before.length).toBeGreaterThan(50);
      expect(before.join('\n')).not.toContain('flood');
    },
    { invariant: { complete: [], idleWithinMs: 90_000, maxPeakBytes: 600_000_000 }, timeoutMs: 240_000 },
  );
});
