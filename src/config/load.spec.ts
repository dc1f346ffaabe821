import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { ConfigFolder, env, route, sink, source } from '../../test/support/config-file.js';
import { closedSinks, closedSources, plugins } from '../../test/support/config-plugins.js';
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

  it('leaves no source and no sink open', async () => {
    closedSources.length = 0;
    closedSinks.length = 0;
    const sinks = 'sinks:\n  mail: { type: post, apiKey: k }\n  broken: { type: post, apiKey: k }\n';
    await folder.problemsOf(`${sinks}sources:\n  deep: { type: well, auth: none }\n${route}`);
    expect(closedSources).toEqual(['deep']);
    expect(closedSinks).toEqual(['mail']);
  });
});

describe('a source that pulls', () => {
  const deep = (block: string) => `sources:\n  deep:\n    type: well\n${block}${sink}${route}`;

  it('says how often, from when and how fast, or takes what is usual', async () => {
    const written =
      '    auth: none\n    api: k\n    pull: { every: 1m, from: 2d, overlap: 0s, maxPages: 3, rate: 7 }\n';
    const config = await folder.load(deep(written));
    const options = { every: 60_000, from: 2 * 86_400_000, overlap: 0, maxPages: 3, rate: 7 };
    expect(config.sources.get('deep')?.options).toMatchObject({ pull: options });
    const usual = await folder.load(deep('    auth: none\n    api: k\n    pull: {}\n'));
    expect(usual.describe()).toMatchObject({
      sources: { deep: { pull: { every: '5m', from: '1d', overlap: '15m', maxPages: 20, rate: 50 } } },
    });
  });

  it('may leave auth out, and then nobody may post', async () => {
    const config = await folder.load(deep('    api: k\n    pull: {}\n'));
    expect(config.warnings).toEqual([]);
    expect(await folder.problemsOf(deep('    api: k\n'))).toEqual([
      expect.stringContaining('2:3: sources.deep has no auth: write one'),
    ]);
  });

  it.each([
    [
      'no api',
      '    auth: none\n    pull: {}\n',
      '5:5: sources.deep.pull has nothing to pull from: write an api block beside it',
    ],
    [
      'no block',
      '    auth: none\n    api: k\n    pull: 5m\n',
      '6:11: sources.deep.pull must be a block such as { every: 5m, from: 24h }',
    ],
    [
      'no such rate',
      '    auth: none\n    api: k\n    pull: { rate: 0 }\n',
      '6:19: sources.deep.pull.rate must be at least 1',
    ],
  ])('is named by line where it has %s', async (_what, block, problem) => {
    expect(await folder.problemsOf(deep(block))).toEqual([problem]);
  });

  it('is refused where its type cannot', async () => {
    const yaml = `sources:\n  gate: { type: hook, auth: none, pull: {} }\n${sink}${route}`;
    expect(await folder.problemsOf(yaml)).toEqual([expect.stringContaining('2:35: unknown key "pull"')]);
  });
});

describe('a source that asks its vendor', () => {
  const deep = (block: string) => `sources:\n  deep:\n    type: well\n    auth: none\n${block}${sink}${route}`;

  it('says how in a block, or in a word', async () => {
    const blocks = '    enrich: { maxWait: 3s, concurrency: 2, cache: 0 }\n    verify: { maxPerMinute: 5 }\n';
    const config = await folder.load(deep(`    api: k\n${blocks}`));
    expect(config.sources.get('deep')?.options).toMatchObject({
      enrich: { maxWait: 3_000, concurrency: 2, cache: 0, cacheFor: 300_000 },
      verify: { by: 'callback', maxPerMinute: 5 },
    });
    const words = await folder.load(deep('    api: k\n    enrich: true\n    verify: callback\n'));
    expect(words.describe()).toMatchObject({
      sources: {
        deep: {
          enrich: { maxWait: '10s', concurrency: 4, cache: 1000, cacheFor: '5m' },
          verify: { by: 'callback', maxPerMinute: 60 },
        },
      },
    });
  });

  it.each([
    [
      'no api',
      '    enrich: true\n    verify: callback\n',
      [
        '5:5: sources.deep.enrich has nobody to ask: write an api block beside it',
        '6:5: sources.deep.verify has nobody to ask: write an api block beside it',
      ],
    ],
    [
      'other words',
      '    api: k\n    enrich: 10s\n    verify: mail\n',
      [
        '6:13: sources.deep.enrich must be true, or a block such as { maxWait: 10s, concurrency: 4 }',
        '7:13: sources.deep.verify must be the word callback, or a block such as { by: callback, maxPerMinute: 60 }',
      ],
    ],
    [
      'no such time',
      '    api: k\n    enrich: { maxWait: 1h }\n',
      [
        '6:24: sources.deep.enrich.maxWait must be a duration such as 500ms, 30s, 5m, 4h or 7d, at least 100ms, at most 10m',
      ],
    ],
  ])('is named by line where it has %s', async (_what, block, problems) => {
    expect(await folder.problemsOf(deep(block))).toEqual(problems);
  });

  it.each(['enrich: true', 'verify: callback'])('is refused where its type cannot: %s', async (written) => {
    const yaml = `sources:\n  gate: { type: hook, auth: none, ${written} }\n${sink}${route}`;
    expect(await folder.problemsOf(yaml)).toEqual([expect.stringContaining('2:35: unknown key')]);
  });
});
