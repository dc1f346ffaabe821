import { describe, expect } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { auditCommand } from '../../src/cli/audit.js';
import { deadLettersCommand } from '../../src/cli/dead-letters.js';
import { explainCommand } from '../../src/cli/explain.js';
import type { AuditEntry } from '../../src/core/journal.js';
import { FakeTerminal, run } from '../support/cli.js';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

const runFile = promisify(execFile);
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const adminTokens = [
  { name: 'ann', role: 'admin', token: 'SEKRET_admin' },
  { name: 'olga', role: 'operator', token: 'SEKRET_operator' },
  { name: 'vera', role: 'viewer', token: 'SEKRET_viewer' },
] as const;

type Answered = { readonly status: number; readonly text: string };
type Ask = {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Asks with the path exactly as written, which `fetch` would tidy up. */
function ask(base: string, path: string, { method = 'GET', token, headers = {}, body }: Ask = {}): Promise<Answered> {
  const { hostname, port } = new URL(base);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers: { ...authorization, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

type Operation = { readonly method: string; readonly path: string };

/** Everything the API can be asked, from its own documentation, with names and ids filled in. */
async function operations(scene: Scene): Promise<readonly Operation[]> {
  const { paths } = await askAdmin<{ paths: Record<string, object> }>(scene.router, '/openapi.json');
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replace('{name}', 'pager').replace(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000'),
    })),
  );
}

async function audit(scene: Scene): Promise<readonly AuditEntry[]> {
  return (await askAdmin<{ items: readonly AuditEntry[] }>(scene.router, '/api/v1/audit?limit=500')).items;
}

const openToAll = ['/healthz', '/readyz'];

describe('the admin side', () => {
  fault(
    {
      number: 75,
      title: 'admin API abuse: without a token, and beyond a role',
      fault:
        'every operation is asked without a token and with a wrong one; every change with the token of a viewer; a backup with that of an operator',
      expected: '401; 403 with the role that is needed, and a row of the audit log; nothing was changed',
    },
    async (scene) => {
      await scene.start({ adminTokens });
      await scene.client.insist();
      const all = await operations(scene);
      expect(all.length).toBeGreaterThan(15);
      const changes = all.filter(({ method, path }) => method !== 'GET' && !path.endsWith('/routes/test'));
      expect(changes.length).toBeGreaterThan(4);
      for (const { method, path } of all.filter(({ path }) => !openToAll.includes(path))) {
        for (const token of [undefined, '', 'SEKRET_wrong', 'SEKRET_admin2', 'SEKRET_admi']) {
          const asked = {
            method,
            path,
            token,
            status: (await ask(scene.router.admin, path, { method, ...(token !== undefined && { token }) })).status,
          };
          expect(asked).toEqual({ method, path, token, status: 401 });
        }
      }
      for (const { method, path } of changes) {
        const { status, text } = await ask(scene.router.admin, path, { method, token: 'SEKRET_viewer' });
        expect({ path, status }).toEqual({ path, status: 403 });
        expect(text).toMatch(/This needs the role (?:operator|admin); the token vera has the role viewer\./);
      }
      // Of the refusals of one second only the first ten are kept.
      await sleep(1_100);
      const backup = await ask(scene.router.admin, '/api/v1/backup', { method: 'POST', token: 'SEKRET_operator' });
      expect(backup).toMatchObject({ status: 403, text: expect.stringContaining('needs the role admin') });
      const sinks = await askAdmin<{ items: readonly { state: string }[] }>(scene.router, '/api/v1/sinks');
      expect(sinks.items.map(({ state }) => state)).toEqual(['running']);

      const rows = await audit(scene);
      expect(rows[0]).toMatchObject({
        who: 'olga',
        role: 'operator',
        action: 'POST /api/v1/backup',
        outcome: 'refused',
      });
      // The first ten of a second: a flood of refusals must not fill the disk.
      expect(rows.length).toBeGreaterThan(Math.min(changes.length, 5));
      expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['refused']));
      const parked = await ask(scene.router.admin, '/api/v1/sinks/pager/park', {
        method: 'POST',
        token: 'SEKRET_operator',
      });
      const resumed = await ask(scene.router.admin, '/api/v1/sinks/pager/resume', {
        method: 'POST',
        token: 'SEKRET_operator',
      });
      expect([parked.status, resumed.status]).toEqual([204, 204]);
      expect((await audit(scene)).slice(0, 2)).toMatchObject([
        { who: 'olga', action: 'POST /api/v1/sinks/pager/resume', outcome: 'done' },
        { who: 'olga', action: 'POST /api/v1/sinks/pager/park', outcome: 'done' },
      ]);
    },
  );

  fault(
    {
      number: 75,
      title: 'admin API abuse: a page in a browser on the same machine',
      fault:
        'a router without tokens is asked by pages of other origins, and under a name that was made to resolve to it',
      expected: '403 and a row of the audit log; nothing was changed',
    },
    async (scene) => {
      await scene.start();
      const park = '/api/v1/sinks/pager/park';
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { host: 'rebound.example' },
        { origin: 'https://evil.example', 'content-type': 'text/plain' },
      ]) {
        const { status } = await ask(scene.router.admin, park, { method: 'POST', headers, body: '{}' });
        expect({ headers, status }).toEqual({ headers, status: 403 });
      }
      const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
      expect((await ask(scene.router.admin, park, { method: 'OPTIONS', headers: preflight })).status).toBe(403);
      const rows = await audit(scene);
      expect(rows).toHaveLength(5);
      for (const row of rows) expect(row).toMatchObject({ who: 'unknown', action: `POST ${park}`, outcome: 'refused' });
      await scene.client.insist();
    },
  );

  fault(
    {
      number: 75,
      title: 'admin API abuse: paths, sizes and ids',
      fault:
        'paths that climb out of the folder, pages of a billion rows, made-up cursors, ids that are counted through',
      expected: '400, 401 or 404 in the same words; no file is shown, and no id is confirmed to a stranger',
    },
    async (scene) => {
      await scene.start({ adminTokens });
      await scene.client.insist([reportOf(newFinding())]);
      const token = 'SEKRET_viewer';
      for (const path of [
        '/../../../../etc/passwd',
        '/docs/../../../../etc/passwd',
        '/docs/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
        '/docs/..%2f..%2f..%2f..%2fetc%2fpasswd',
        '/docs/%252e%252e%252fetc%252fpasswd',
        '/docs/..\\..\\..\\etc\\passwd',
        '/docs/../package.json',
        '/api/v1/alerts/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
        '/api/v1/alerts/%00',
        '/healthz/../api/v1/alerts',
        '/%2e%2e/healthz/..%2fapi/v1/alerts',
      ]) {
        const stranger = await ask(scene.router.admin, path);
        expect({ path, status: stranger.status }).toEqual({ path, status: 401 });
        const { status, text } = await ask(scene.router.admin, path, { token });
        expect({ path, isRefused: status === 400 || status === 404 }).toEqual({ path, isRefused: true });
        expect(text).not.toMatch(/root:|"dependencies"/);
      }
      for (const list of ['alerts', 'deliveries', 'dead-letters', 'quarantine', 'probes', 'audit']) {
        for (const query of [
          'limit=1000000000',
          'limit=501',
          'limit=-1',
          'limit=1e9',
          'limit=NaN',
          'cursor=%00',
          'cursor=..%2f',
        ]) {
          const { status } = await ask(scene.router.admin, `/api/v1/${list}?${query}`, { token });
          expect({ list, query, status }).toEqual({ list, query, status: 400 });
        }
        const made = await ask(scene.router.admin, `/api/v1/${list}?cursor=99999999999999999999`, { token });
        expect({ list, status: made.status }).toEqual({ list, status: 200 });
      }
      const [known] = scene.client.acked();
      const strangers = await Promise.all(
        [known?.id ?? '', '00000000-0000-7000-8000-000000000000', '1'].map((id) =>
          ask(scene.router.admin, `/api/v1/alerts/${id}`),
        ),
      );
      expect(new Set(strangers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      for (let id = 0; id < 20; id++) {
        const { status } = await ask(scene.router.admin, `/api/v1/alerts/${id}`, { token });
        expect([400, 404]).toContain(status);
      }
    },
  );

  fault(
    {
      number: 75,
      title: 'admin API abuse: open to everybody by the config',
      fault: 'the admin side is to listen on an address that is not loopback, without tokens',
      expected: 'the router does not start, exits 78 and says what to write',
    },
    (scene) => {
      for (const host of ['0.0.0.0', '"::"', '192.0.2.1']) {
        const file = join(scene.folder, 'open.yaml');
        writeFileSync(
          file,
          `admin: { host: ${host}, port: 0 }\ningest: { host: 127.0.0.1, port: 0 }\njournal: { type: memory }\n` +
            'sources: { v: { type: threatstack, auth: none } }\nsinks: { f: { type: file, path: f.ndjson } }\n' +
            'routes: [{ name: all, to: f }]\n',
        );
        const { status, stderr } = spawnSync(process.execPath, [main, 'serve', '-c', file], { encoding: 'utf8' });
        expect({ host, status }).toEqual({ host, status: 78 });
        expect(stderr).toContain('admin.tokens must say who may in');
      }
      return Promise.resolve();
    },
    { invariant: { none: 'no router comes to run' } },
  );
});

/** Each credential of the scene, by where it is; each is found again in the spellings below. */
const canaries = {
  'a bearer of a source, from a file': 'SEKRET_c4nary_bearer/+ä',
  'an HMAC secret, from the environment': 'SEKRET_c4nary_hmac',
  'a capability URL': 'SEKRET_c4nary_path',
  'an API key of a sink': 'SEKRET_c4nary_api_key',
  'a URL of a sink': 'SEKRET_c4nary_url',
  'a header of a sink': 'SEKRET_c4nary_header',
  'an admin token': 'SEKRET_c4nary_admin',
  'a token of an operator': 'SEKRET_c4nary_operator',
  'a token nobody has': 'SEKRET_c4nary_guess',
} as const;

function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    // Of what is encoded from its own beginning; the end may be padded.
    bytes.toString('base64').slice(0, -4),
    bytes.toString('base64url').slice(0, -4),
    bytes.toString('hex'),
    bytes.toString('latin1'),
  ];
}

/** The credentials that a text shows, and a little of it around each. */
function leaksIn(where: string, text: string): readonly string[] {
  return Object.entries(canaries).flatMap(([what, secret]) =>
    spellings(secret)
      .filter((spelling) => text.includes(spelling))
      .map((spelling) => {
        const at = text.indexOf(spelling);
        return `${where} shows ${what}: …${text.slice(Math.max(0, at - 60), at + spelling.length + 20)}…`;
      }),
  );
}

describe('a credential', () => {
  fault(
    {
      number: 76,
      title: 'secrets leak scan',
      fault:
        'a router with a credential in every place works, is refused, parked and given bad answers that repeat its keys, and is asked everything',
      expected:
        'none of them, in no spelling, in the log, metrics, dead letters, error answers, explanations, the config it shows, its files or its command line',
    },
    async (scene) => {
      const pager = await scene.sink();
      const hook = await scene.sink({
        name: 'hook',
        kind: {
          block: () => ({}),
          answer: ({ path }) => ({ status: 400, body: `${path} ${canaries['a header of a sink']} is wrong` }),
        },
      });
      const keyed = await scene.sink({
        name: 'keyed',
        kind: {
          block: () => ({}),
          answer: () => ({ status: 403, body: `key ${canaries['an API key of a sink']} is wrong` }),
        },
      });
      const file = join(scene.folder, 'bearer');
      writeFileSync(file, canaries['a bearer of a source, from a file'], { mode: 0o600 });
      const router = await scene.prepare({
        env: { HMAC: canaries['an HMAC secret, from the environment'] },
        adminTokens: [
          { name: 'ann', role: 'admin', token: canaries['an admin token'] },
          { name: 'olga', role: 'operator', token: canaries['a token of an operator'] },
        ],
        config: {
          logLevel: 'trace',
          sources: {
            vendor: {
              type: 'threatstack',
              auth: [
                { type: 'bearer', secret: [`\${file:${file}}`, 'SEKRET_vendor'] },
                { type: 'hmac', header: 'x-sign', secret: '${HMAC}' },
                { type: 'path', secret: canaries['a capability URL'] },
              ],
            },
          },
          sinks: {
            pager: pager.block,
            hook: {
              type: 'webhook',
              url: `${hook.server.url}/${canaries['a URL of a sink']}`,
              headers: { 'x-key': canaries['a header of a sink'] },
              allowCidrs: ['127.0.0.0/8'],
            },
            keyed: {
              type: 'datadog',
              apiKey: canaries['an API key of a sink'],
              endpoint: keyed.server.url,
              allowCidrs: ['127.0.0.0/8'],
            },
          },
          routes: [{ name: 'all', to: ['pager', 'hook', 'keyed'] }],
        },
      });
      await router.start();
      const found: string[] = [];
      const look = (where: string, text: string): void => {
        found.push(...leaksIn(where, text));
      };

      for (let count = 0; count < 5; count++) await scene.client.insist();
      const ingest = (path: string, headers: Readonly<Record<string, string>>, body = '{"alerts":[') =>
        ask(router.ingest, `/v1/ingest/${path}`, { method: 'POST', headers, body });
      const bearer = Buffer.from(`Bearer ${canaries['a bearer of a source, from a file']}`).toString('latin1');
      for (const [path, headers] of [
        ['vendor', { authorization: bearer }],
        [`vendor/${canaries['a capability URL']}`, {}],
        ['vendor', { authorization: `Bearer ${canaries['a token nobody has']}` }],
        [`vendor/${canaries['a token nobody has']}`, {}],
        ['vendor', { 'x-sign': canaries['a token nobody has'] }],
        [`nobody/${canaries['a capability URL']}`, {}],
      ] as const) {
        look(`the answer to a post to ${path.slice(0, 6)}`, (await ingest(path, headers)).text);
      }
      const token = canaries['an admin token'];
      const states = async () =>
        (await askAdmin<{ items: readonly { name: string; state: string; dead: number }[] }>(router, '/api/v1/sinks'))
          .items;
      await scene.until(async () => {
        const views = await states();
        return (
          views.some(({ dead }) => dead >= 5) && views.some(({ name, state }) => name === 'keyed' && state === 'parked')
        );
      });

      const paths = (await operations(scene)).filter(({ path }) => path !== '/api/v1/tail');
      const id = scene.client.acked()[0]?.id ?? '';
      for (const { method, path } of [...paths, { method: 'GET', path: `/api/v1/alerts/${id}` }]) {
        if (path === '/api/v1/backup') continue;
        for (const each of [token, canaries['a token nobody has']]) {
          const { text } = await ask(router.admin, path, { method, token: each });
          look(`${method} ${path}`, text);
        }
      }
      const env = { PATH: process.env['PATH'], HMAC: canaries['an HMAC secret, from the environment'] };
      const { stdout } = await runFile(process.execPath, [main, 'validate', '--print', '-c', router.configFile], {
        env,
      });
      expect(stdout).toContain('[secret]');
      look('signalbox validate', stdout);
      const terminal = new FakeTerminal();
      const asking = ['--admin', router.admin, '--token', token] as const;
      await run(explainCommand(terminal), ...asking, id);
      await run(auditCommand(terminal), ...asking);
      await run(deadLettersCommand(terminal), 'list', ...asking);
      expect(terminal.out).toContain('[secret]');
      look('a command', terminal.out + terminal.err);
      const guess = ['--admin', router.admin, '--token', canaries['a token nobody has']] as const;
      look('a refusal', String(await run(explainCommand(terminal), ...guess, id).catch(String)));
      look('the command line', readFileSync(`/proc/${String(router.pid)}/cmdline`, 'latin1'));
      await router.stop();
      look('the log', router.output);
      for (const name of ['journal.db', 'journal.db.mark']) {
        look(name, readFileSync(join(scene.folder, 'data', name)).toString('latin1'));
      }
      expect(found).toEqual([]);
      expect(router.output).toContain('dead letter');
      expect(router.output).toContain('sink parked');
      // Heals: the invariant asks for an empty backlog.
      keyed.server.always({ kind: 'answer', status: 202 });
    },
    { invariant: { none: 'two of the three sinks refuse everything by design' } },
  );
});
