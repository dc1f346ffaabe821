import { describe, expect } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import type { LookupAddress } from 'node:dns';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/core/errors.js';
import type { SinkTest } from '../../src/core/sink-control.js';
import { openHttp } from '../../src/kit/http.js';
import { startScriptedServer, type ScriptedServer } from '../support/scripted-server.js';
import { fault } from './harness/fault.js';
import { hook } from './harness/hook.js';
import { LoneSink } from './harness/lone-sink.js';
import type { Scene } from './harness/scene.js';

/** What must not be called: it listens on loopback, and remembers. */
async function startCanary(scene: Scene): Promise<ScriptedServer> {
  const canary = await startScriptedServer(() => ({ status: 200, body: 'SEKRET_of_the_canary' }));
  scene.finally(() => canary.close());
  return canary;
}

/** What is wrong with a config that has this sink. */
async function complaintAbout(scene: Scene, sink: object): Promise<string> {
  const file = join(scene.folder, 'ssrf.yaml');
  writeFileSync(
    file,
    [
      'journal: { type: memory }',
      'sources: { vendor: { type: threatstack, auth: none, allow: 127.0.0.1 } }',
      `sinks: { pager: ${JSON.stringify(sink)} }`,
      'routes: [{ name: all, to: pager }]',
    ].join('\n'),
  );
  try {
    const { sinks } = await loadConfig(file, { env: {} });
    for (const { sink: opened } of sinks.values()) await opened.close?.();
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const loopback = [
  ...['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::1]', '[::ffff:7f00:1]', '0', '①②⑦.⓪.⓪.①'],
  ...['[::ffff:127.0.0.1]', '127.0.0.1.', '0x7f000001', '017700000001', '127.255.255.254'],
];
const metadata = [
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '[::ffff:a9fe:a9fe]',
  '[fd00:ec2::254]',
  '100.100.100.200',
];
const tunnels = ['[64:ff9b::a9fe:a9fe]', '[2002:a9fe:a9fe::]', '[64:ff9b::7f00:1]'];

describe('a sink’s URL', () => {
  fault(
    {
      number: 73,
      title: 'that leads inside (SSRF)',
      fault:
        'loopback, metadata and private addresses in every spelling, names that lead there, credentials, other schemes, port 22, a redirect; in the config, by a test of the sink, by a reload',
      expected:
        'a literal is refused at load, a name at the connection, without a word of an answer; metadata even where allowCidrs names it; nothing arrives at a listener on 127.0.0.1',
    },
    async (scene) => {
      const canary = await startCanary(scene);
      const { port } = new URL(canary.url);
      const allowPorts = [Number(port)];
      for (const scheme of ['http', 'https']) {
        for (const host of [...loopback, ...metadata, ...tunnels, '10.0.0.1', '192.168.1.1', '100.64.0.1']) {
          const url = `${scheme}://${host}:${port}/`;
          expect([url, await complaintAbout(scene, { type: 'webhook', url, allowPorts })]).toEqual([
            url,
            expect.stringMatching(/:\d+:\d+: sinks\.pager\.url cannot be called/),
          ]);
        }
      }
      for (const host of [...metadata, ...tunnels]) {
        const open = { allowCidrs: ['0.0.0.0/0', '::/0'], allowPorts };
        expect(await complaintAbout(scene, { type: 'webhook', url: `http://${host}/`, ...open })).toContain(
          'cannot be called',
        );
        const endpoint = `https://${host}`;
        expect(await complaintAbout(scene, { type: 'datadog', apiKey: 'k', endpoint, ...open })).toContain(
          'cannot be called',
        );
      }
      for (const url of [
        ...[
          'http://a@127.0.0.1/',
          'https://a:b@hooks.example.com/',
          'file:///etc/passwd',
          'gopher://127.0.0.1/',
          'ftp://8.8.8.8/',
        ],
        ...['https://hooks.example.com:22/', 'https://10.1.2.3:6379/', '//127.0.0.1/', 'http://hooks.example.com/'],
      ]) {
        expect([url, await complaintAbout(scene, { type: 'webhook', url })]).not.toEqual([url, '']);
      }

      // A name shows what it leads to at the connection alone.
      const pager = await scene.sink({ kind: hook });
      const byName = { type: 'webhook', url: `https://localhost:${port}/`, allowPorts };
      const router = await scene.start({
        config: {
          sinks: { pager: pager.block, 'by-name': byName },
          routes: [{ name: 'all', to: 'pager' }],
        },
      });
      const answer = await fetch(`${router.admin}/api/v1/sinks/by-name/test`, { method: 'POST' });
      const text = await answer.text();
      expect(JSON.parse(text) as SinkTest).toMatchObject({
        outcome: 'parked',
        cause: 'refused',
        reason: expect.stringMatching(/^localhost: (?:127\.0\.0\.1|::1) is not a public address/),
      });
      expect(text).not.toContain('SEKRET_of_the_canary');

      const lone = LoneSink.open(scene, 'webhook', { url: pager.server.url });
      pager.server.script({ kind: 'answer', status: 302, headers: { location: canary.url } });
      expect(await lone.deliver()).toMatchObject([{ kind: 'parked' }]);

      // A reload goes past the same guard, and what was there goes on.
      const before = readFileSync(router.configFile, 'utf8');
      writeFileSync(
        router.configFile,
        before.replace(pager.server.url, `http://0x7f.1:${port}`).replace('127.0.0.0/8', '10.0.0.0/8'),
      );
      router.signal('SIGHUP');
      await scene.until(() => router.output.includes('config not reloaded'));
      writeFileSync(router.configFile, before);
      await scene.client.insist();
      await scene.until(() => pager.received().length === 1);
      expect(canary.requests).toHaveLength(0);
    },
  );

  fault(
    {
      number: 74,
      title: 'whose name leads elsewhere a moment later (DNS rebinding)',
      fault:
        'a resolver that says a good address first and 127.0.0.1 then, one that says both, and the other way round',
      expected: 'the connection goes to the very address that was checked; a mixed answer is refused',
    },
    async (scene) => {
      const canary = await startCanary(scene);
      const at = (...addresses: string[]): Promise<readonly LookupAddress[]> =>
        Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
      const post = async (resolve: () => Promise<readonly LookupAddress[]>, url: string) => {
        // 127.0.0.2 stands for the good address, 127.0.0.1 for the one inside.
        const http = openHttp({ headers: {}, allowCidrs: ['127.0.0.2/32'], connections: 4, resolve });
        const result = await http.send({ method: 'POST', url, body: '{}' });
        await http.close();
        return result;
      };
      const url = `http://hooks.example.com:${new URL(canary.url).port}/`;
      const refused = { kind: 'failure', cause: 'refused', needsOperator: true };
      for (const mixed of [
        ['8.8.8.8', '127.0.0.1'],
        ['127.0.0.1', '8.8.8.8'],
        ['127.0.0.2', '127.0.0.1'],
        ['127.0.0.2', '169.254.169.254'],
      ]) {
        expect(await post(() => at(...mixed), url)).toMatchObject(refused);
      }
      const answers = ['127.0.0.2', '127.0.0.1', '127.0.0.1'];
      const asked: string[] = [];
      const rebinding = (): Promise<readonly LookupAddress[]> => {
        const address = answers.shift() ?? '127.0.0.1';
        asked.push(address);
        return at(address);
      };
      // Nothing listens on 127.0.0.2: the canary is on 127.0.0.1 alone, and must not be what is found.
      expect(await post(rebinding, url)).toMatchObject({ kind: 'failure', cause: 'network' });
      expect(asked).toEqual(['127.0.0.2']);
      expect(await post(rebinding, url)).toMatchObject(refused);
      expect(canary.requests).toHaveLength(0);
    },
    { invariant: { none: 'no router takes part' } },
  );
});
