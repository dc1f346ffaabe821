import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { ConfigFolder, env, route, source } from '../../test/support/config-file.js';
import { closedSinks, plugins } from '../../test/support/config-plugins.js';
import { loadConfig } from './load.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

const sound = `ingest: { port: 0 }
sources:
  gate: { type: hook, auth: { type: bearer, secret: "\${KEY}" }, front: { name: a } }
sinks:
  mail: { type: post, apiKey: "\${file:secret}", tags: ["x-\${file:secret}"], timeout: 90s }
routes:
  - { name: all, match: { severity: ">=medium" }, to: mail }
`;

describe('a sound config', () => {
  it('becomes plugins, settings with their defaults, and routes', async () => {
    const config = await folder.load(sound);
    expect(config.ingest).toMatchObject({ host: '0.0.0.0', port: 0, maxBody: 5_000_000, requestTimeout: 15_000 });
    expect(config.admin).toMatchObject({ host: '127.0.0.1', port: 9090 });
    expect(config.delivery.maxAge).toBe(7 * 86_400_000);
    expect(config.sources.get('gate')).toMatchObject({ type: 'hook', vendor: 'acme', product: 'hooks' });
    expect(config.sinks.get('mail')?.sink.maxBatch).toBe(1);
    expect(config.routes).toEqual([{ name: 'all', match: { severity: ['>=medium'] }, to: ['mail'] }]);
    expect(config.warnings).toEqual([]);
  });

  it('leaves the journal closed until it is asked for', async () => {
    const { journal } = await folder.load(sound);
    expect(journal.type).toBe('paper');
    await expect(journal.open()).rejects.toThrow('no paper');
  });

  it('prints with its defaults and units, and without its secrets', async () => {
    const config = await folder.load(sound);
    expect(config.describe()).toEqual({
      ingest: {
        host: '0.0.0.0',
        port: 0,
        trustedProxies: [],
        maxBody: '5mb',
        maxInflated: '20mb',
        requestTimeout: '15s',
        maxConnections: 1024,
        maxPending: 1_000_000,
        maxPendingBytes: '2gb',
      },
      admin: { host: '127.0.0.1', port: 9090 },
      delivery: { maxAge: '7d', shutdownGrace: '20s' },
      logLevel: 'info',
      journal: { type: 'paper' },
      sources: { gate: { type: 'hook', auth: { type: 'bearer', secret: ['[secret]'] }, front: { name: 'a' } } },
      sinks: {
        mail: { type: 'post', apiKey: '[secret]', site: 'north.example', timeout: '90s', tags: ['[secret]'] },
      },
      routes: [{ name: 'all', match: { severity: ['>=medium'] }, to: ['mail'] }],
    });
  });
});

describe('a config that cannot be loaded', () => {
  it('cannot be read, is no text, or is too long', async () => {
    const missing = loadConfig(join(folder.path, 'none.yaml'), { env, plugins });
    await expect(missing).rejects.toThrow('none.yaml:1:1: the config cannot be read: there is no such file');
    expect(await folder.problemsOf(Buffer.from([0x61, 0x3a, 0x20, 0xe4]))).toEqual([
      '1:1: the config is not UTF-8 text',
    ]);
    const long = `#${'x'.repeat(1_000_000)}`;
    expect(await folder.problemsOf(long)).toEqual(['1:1: the config is longer than 1000000 bytes']);
  });

  it.each(['l1teral', '${KEY}'])('has a sink that does not open, whose secret %s is not told', async (apiKey) => {
    const sinks = `sinks:\n  mail: { type: post, apiKey: k }\n  broken: { type: post, apiKey: "${apiKey}" }\n`;
    const routes = 'routes:\n  - { name: all, to: [mail, broken] }\n';
    expect(await folder.problemsOf(sinks + source + routes)).toEqual([
      '3:3: sinks.broken cannot be opened: nobody knows the key [secret]',
    ]);
  });

  it('leaves no sink open', async () => {
    closedSinks.length = 0;
    const sinks = 'sinks:\n  mail: { type: post, apiKey: k }\n  broken: { type: post, apiKey: k }\n';
    await folder.problemsOf(sinks + source + route);
    expect(closedSinks).toEqual(['mail']);
  });
});
