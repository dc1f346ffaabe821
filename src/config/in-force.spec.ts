import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closedSinks, closedSources } from '../../test/support/config-plugins.js';
import { ConfigFolder, route, sink, source } from '../../test/support/config-file.js';
import { ConfigInForce } from './in-force.js';
import { changedFiles } from './secret-files.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());
beforeEach(() => {
  closedSinks.length = 0;
});

const twoSinks = 'sinks:\n  mail: { type: post, apiKey: k }\n  fax: { type: post, apiKey: "${file:secret}" }\n';

describe('a config in force', () => {
  it('keeps the sinks that are as they were, and closes their doubles', async () => {
    const inForce = new ConfigInForce(await folder.load(source + twoSinks + route));
    const before = new Map(inForce.current.sinks);
    const changed = twoSinks.replace('apiKey: k', 'apiKey: other');
    expect(await inForce.replace(await folder.load(source + changed + route))).toEqual({
      sources: [],
      sinks: ['mail'],
      routes: false,
      needsRestart: [],
    });
    expect(inForce.current.sinks.get('fax')).toBe(before.get('fax'));
    expect(inForce.current.sinks.get('mail')).not.toBe(before.get('mail'));
    expect(closedSinks).toEqual(['fax']);
  });

  it('keeps the sources that are as they were, with what they hold open', async () => {
    const wells = 'sources:\n  deep: { type: well, auth: none, api: k }\n  dry: { type: well, auth: none, api: k }\n';
    const inForce = new ConfigInForce(await folder.load(wells + sink + route));
    const before = new Map(inForce.current.sources);
    closedSources.length = 0;
    await inForce.replace(await folder.load(wells.replace('api: k', 'api: other') + sink + route));
    expect(inForce.current.sources.get('dry')).toBe(before.get('dry'));
    expect(inForce.current.sources.get('deep')).not.toBe(before.get('deep'));
    expect(closedSources).toEqual(['dry']);
  });

  it('names what is new, changed and gone', async () => {
    const inForce = new ConfigInForce(await folder.load(source + twoSinks + route));
    const next =
      'sources:\n  gate: { type: hook, auth: none, size: 3 }\n  door: { type: hook, auth: none }\n' +
      sink +
      'routes:\n  - { name: all, to: mail, final: true }\n';
    expect(await inForce.replace(await folder.load(next))).toEqual({
      sources: ['gate', 'door'],
      sinks: ['fax'],
      routes: true,
      needsRestart: [],
    });
    expect([...inForce.current.sinks.keys()]).toEqual(['mail']);
  });

  it('keeps what only a restart changes, and says so each time', async () => {
    const inForce = new ConfigInForce(await folder.load(source + sink + route));
    const next = `ingest: { port: 1234 }\nadmin: { tokens: [t] }\nlogLevel: debug\ninstance: north-1\ndelivery: { maxAge: 1d }\n`;
    const journal = 'journal: { type: paper, sheets: 3 }\n';
    for (let times = 0; times < 2; times += 1) {
      const change = await inForce.replace(await folder.load(next + source + sink + route + journal));
      expect(change.needsRestart).toEqual(['ingest', 'admin', 'journal', 'logLevel', 'instance']);
      expect(inForce.current.ingest.port).toBe(8080);
      expect(inForce.current.delivery.maxAge).toBe(86_400_000);
    }
  });
});

describe('a file of a credential', () => {
  it('is told to have changed when it holds something else, and not when it is gone for a moment', async () => {
    const { secretFiles } = await folder.load(source + twoSinks + route);
    const path = join(folder.path, 'secret');
    expect(secretFiles.map((file) => file.path)).toEqual([path]);
    expect(changedFiles(secretFiles)).toEqual([]);
    await writeFile(path, 'rotated\n');
    expect(changedFiles(secretFiles).map((file) => file.path)).toEqual([path]);
    await chmod(path, 0o600);
    await writeFile(path, 's3cret-from-a-file');
    expect(changedFiles(secretFiles)).toEqual([]);
    expect(changedFiles([{ path: join(folder.path, 'gone'), digest: '' }])).toEqual([]);
  });

  it('knows since when its routes are in force: not by another sink, but by another route', async () => {
    let now = 1_000;
    const inForce = new ConfigInForce(await folder.load(source + twoSinks + route), () => now);
    expect(inForce.routesSince).toBe(1_000);
    now = 2_000;
    await inForce.replace(await folder.load(source + twoSinks.replace('apiKey: k', 'apiKey: other') + route));
    expect(inForce.routesSince).toBe(1_000);
    await inForce.replace(await folder.load(source + twoSinks + route.replace('all', 'each')));
    expect(inForce.routesSince).toBe(2_000);
  });
});
