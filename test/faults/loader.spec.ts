import { describe, expect } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fault } from './harness/fault.js';
import { sourceToken } from './harness/ledger-client.js';
import type { Scene } from './harness/scene.js';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const cwd = fileURLToPath(new URL('../..', import.meta.url));

const sound = [
  'admin: { host: 127.0.0.1, port: 0 }',
  'ingest: { host: 127.0.0.1, port: 0 }',
  'journal: { type: memory }',
  'sources: { v: { type: threatstack, auth: none } }',
  'sinks: { f: { type: file, path: f.ndjson } }',
  'routes: [{ name: all, to: f }]',
].join('\n');

/** Loads each file as `serve` does, in a process of its own, and prints what it throws. */
const loading = `
  const { readConfig } = await import(${JSON.stringify(new URL('../../dist/config/read.js', import.meta.url).href)});
  const said = [];
  for (const file of process.argv.slice(1)) said.push(await readConfig(file).then(() => 'it loaded', String));
  console.log(JSON.stringify(said));
`;

/** What the loader says to configs that it must refuse, one after the other in one process. */
function refused(scene: Scene, ...configs: readonly (string | Buffer)[]): readonly string[] {
  const files = configs.map((config, index) => {
    const file = join(scene.folder, `evil-${String(index)}.yaml`);
    writeFileSync(file, config);
    return file;
  });
  // Little memory: whatever expands does not fit.
  const args = ['--max-old-space-size=192', '--import=reflect-metadata', '--input-type=module', '-e', loading];
  const { stdout, stderr } = spawnSync(process.execPath, [...args, '--', ...files], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as string[]).map((text) => text.replace(/^ConfigError: \S*evil-\d+\.yaml:/, ''));
}

/** Ten levels of ten aliases each: ten thousand million words. */
const bomb = [
  'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 9 }, (_, level) => {
    const alias = `*a${String(level)}`;
    return `a${String(level + 1)}: &a${String(level + 1)} [${Array.from({ length: 10 }, () => alias).join(', ')}]`;
  }),
].join('\n');

describe('a config', () => {
  fault(
    {
      number: 77,
      title: 'malicious config: what it must not do',
      fault:
        'unknown keys, an alias bomb, code in a YAML tag, keys that reach for prototypes, 50 MB of it, nesting without end, binary',
      expected: 'the router does not start, exits 78 and names the place; nothing expands, and nothing runs',
    },
    (scene) => {
      const ran = join(scene.folder, 'ran');
      const touch = `require("fs").writeFileSync(${JSON.stringify(ran)}, "")`;
      const tags = ['js/function', 'js/undefined', 'python/object/apply:os.system', 'binary'];
      const cases: readonly (readonly [config: string | Buffer, said: RegExp])[] = [
        [sound.replace('port: 0', 'port: 0, portt: 1'), /^1:36: unknown key "portt"; did you mean "port"\?/],
        [`${sound}\nplugins: [./evil.js]`, /^7:1: unknown key "plugins"/],
        [`${sound}\n${bomb}`, /aliases \(\*name\) repeat too much/],
        ...tags.map((tag) => [`${sound}\nlogLevel: !!${tag} '${touch}'`, /^7:\d+: /] as const),
        [`${sound}\nlogLevel: !<tag:yaml.org,2002:js/function> '${touch}'`, /^7:\d+: /],
        [`${sound}\n__proto__: { polluted: true }`, /^7:1: "__proto__" cannot be a key/],
        [`${sound}\nconstructor: { polluted: true }`, /^7:1: "constructor" cannot be a key/],
        [Buffer.alloc(50_000_000, `${sound}\n# padding\n`), /is longer than 1000000 bytes/],
        [`${sound}\nlogLevel: ${'['.repeat(100_000)}`, /nested more than 64 deep/],
        [Buffer.from([0xff, 0xfe, 0x00, 0x80]), /is not UTF-8 text/],
      ];
      const said = refused(scene, ...cases.map(([config]) => config));
      expect(said).toEqual(cases.map(([, words]) => expect.stringMatching(words)));
      expect(existsSync(ran)).toBe(false);

      const file = join(scene.folder, 'evil.yaml');
      writeFileSync(file, `${sound}\n${bomb}`);
      const { status, stderr } = spawnSync(process.execPath, [main, 'serve', '-c', file], { encoding: 'utf8' });
      expect(status).toBe(78);
      expect(stderr).toContain('evil.yaml:1:1: aliases');
      return Promise.resolve();
    },
    { invariant: { none: 'no router comes to run' }, timeoutMs: 240_000 },
  );

  fault(
    {
      number: 77,
      title: 'malicious config: secrets in files',
      fault:
        'a secret is a link to a folder, to a device without end, to nothing, to itself, or a file of 70 kB; it is a link to a file, which every user can read',
      expected:
        'the first five are refused by name; the last is read, as mounted secrets are, with a warning that says chmod',
    },
    async (scene) => {
      const secrets = join(scene.folder, 'secrets');
      mkdirSync(secrets);
      const secret = (name: string): string => join(secrets, name);
      symlinkSync(secrets, secret('folder'));
      symlinkSync('/dev/zero', secret('endless'));
      symlinkSync(secret('nowhere'), secret('dangling'));
      symlinkSync(secret('itself'), secret('itself'));
      writeFileSync(secret('long'), 'x'.repeat(70_000), { mode: 0o600 });
      const cases = [
        ['folder', 'is not a file'],
        ['endless', 'is not a file'],
        ['dangling', 'cannot be read: there is no such file'],
        ['itself', 'cannot be read: ELOOP'],
        ['long', 'is longer than 65536 bytes'],
      ] as const;
      const said = refused(
        scene,
        ...cases.map(([name]) =>
          sound.replace('auth: none', `auth: { type: bearer, secret: "\${file:${secret(name)}}" }`),
        ),
      );
      expect(said).toEqual(cases.map(([name, problem]) => expect.stringContaining(`${secret(name)} ${problem}`)));
      for (const words of said) expect(words).toMatch(/^4:\d+: /);

      writeFileSync(secret('..data'), `${sourceToken}\n`);
      chmodSync(secret('..data'), 0o644);
      symlinkSync(secret('..data'), secret('token'));
      const auth = { type: 'bearer', secret: `\${file:${secret('token')}}` };
      const router = await scene.start({ config: { sources: { vendor: { type: 'threatstack', auth } } } });
      expect(router.output).toMatch(/warning: every user of this machine can read \S*token: chmod 600 it/);
      await scene.client.insist();

      await router.stop();
      chmodSync(secret('..data'), 0o600);
      const before = router.output.length;
      await router.start();
      expect(router.output.slice(before)).not.toContain('every user of this machine');
    },
  );
});
