import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../src/config/load.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const secretsOf = (config: string): readonly string[] =>
  [...new Set([...read(config).matchAll(/\$\{file:\/run\/secrets\/(\w+)\}/g)].map(([, name = '']) => name))].sort();

type Service = {
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly profiles?: readonly string[];
};
type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, unknown>>;
};

const configs = [
  { config: 'deploy/signalbox.yaml', service: 'signalbox' },
  { config: 'deploy/cluster/signalbox.yaml', service: 'router' },
];

describe.each(configs)('$config', ({ config, service }) => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-deploy-'));
    for (const name of secretsOf(config)) {
      const isUrl = name === 'journal_url';
      const secret = isUrl ? 'postgres://signalbox:x@postgres:5432/signalbox' : `${name}-0123456789abcdef`;
      writeFileSync(join(folder, name), secret, { mode: 0o600 });
    }
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('can be used once its secrets are there', async () => {
    const file = join(folder, 'signalbox.yaml');
    writeFileSync(file, read(config).replaceAll('/run/secrets/', `${folder}/`));
    const { sources, sinks, warnings } = await loadConfig(file, { env: { SIGNALBOX_DATA: folder } });
    for (const { sink } of sinks.values()) await sink.close?.();
    expect([...sources.keys()]).toEqual(['threat-stack', 'data-theorem', 'alert-logic']);
    expect(warnings).toEqual([]);
  });

  it('is given to its service by compose.yaml, with the secrets it reads and no others', () => {
    const compose = parse(read('compose.yaml'), { merge: true }) as Compose;
    const { volumes = [], secrets = [] } = compose.services[service] ?? {};
    expect(volumes).toContain(`./${config}:/etc/signalbox/signalbox.yaml:ro`);
    expect([...secrets].sort()).toEqual(secretsOf(config));
    expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...secrets]));
  });
});

describe('compose.yaml', () => {
  it('starts one router unless the cluster is asked for', () => {
    const { services } = parse(read('compose.yaml'), { merge: true }) as Compose;
    const byDefault = Object.entries(services).filter(([, { profiles }]) => profiles === undefined);
    expect(byDefault.map(([name]) => name)).toEqual(['signalbox']);
  });
});

describe('deploy/cluster on Kubernetes', () => {
  it('creates, as its comment says, the secrets that its config reads', () => {
    const named = read('deploy/cluster/kustomization.yaml').matchAll(/--from-file=(\w+)/g);
    expect([...named].map(([, name]) => name).sort()).toEqual(secretsOf('deploy/cluster/signalbox.yaml'));
  });

  it('is a Deployment, a Service, a PodDisruptionBudget and a NetworkPolicy of the same pods', () => {
    type Manifest = { kind: string; spec: Record<string, unknown> };
    const manifests = parseAllDocuments(read('deploy/cluster/routers.yaml')).map(
      (document) => document.toJS() as Manifest,
    );
    const pods = { 'app.kubernetes.io/name': 'signalbox' };
    expect(manifests.map(({ kind, spec }) => [kind, spec['selector'] ?? spec['podSelector']])).toEqual([
      ['Deployment', { matchLabels: pods }],
      ['Service', pods],
      ['PodDisruptionBudget', { matchLabels: pods }],
      ['NetworkPolicy', { matchLabels: pods }],
    ]);
  });
});
