import { describe, expect, it } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../core/errors.js';
import { loadConfig } from './load.js';

const fileOf = (name: string) => fileURLToPath(new URL(`../../config/${name}`, import.meta.url));
const variables = ['THREATSTACK_TOKEN', 'DATATHEOREM_TOKEN', 'ALERTLOGIC_TOKEN', 'DATADOG_API_KEY'];

async function load(name: string, env: Readonly<Record<string, string>>) {
  const config = await loadConfig(fileOf(name), { env });
  for (const { sink } of config.sinks.values()) await sink.close?.();
  return config;
}

describe('the shipped config', () => {
  it('can be used once its secrets are set', async () => {
    const { sources, sinks, warnings } = await load(
      'signalbox.yaml',
      Object.fromEntries(variables.map((v) => [v, 'x'])),
    );
    expect([...sources.keys()]).toEqual(['threat-stack', 'threat-stack-legacy', 'data-theorem', 'alert-logic']);
    expect([...sinks.keys()]).toEqual(['datadog', 'archive']);
    expect(warnings).toEqual([]);
  });

  it('keeps the path of threatstack-to-datadog, without a credential, for the network that is named', async () => {
    const secrets = Object.fromEntries(variables.map((v) => [v, 'x']));
    const { sources } = await load('signalbox.yaml', { ...secrets, THREATSTACK_NETWORK: '192.0.2.0/24' });
    const legacy = sources.get('threat-stack-legacy');
    expect(legacy?.options).toMatchObject({ paths: ['/api/v1/datadog/event'] });
    const from = (remoteAddress: string) =>
      legacy?.source.authenticate({ headers: {}, body: Buffer.alloc(0), path: '/', remoteAddress });
    expect([from('192.0.2.7')?.ok, from('198.51.100.7')?.ok]).toEqual([true, false]);
  });

  it('says which of its secrets are not set, and nothing else', async () => {
    const refused: unknown = await load('signalbox.yaml', {}).catch((error: unknown) => error);
    const problems = refused instanceof ConfigError ? refused.problems : [];
    const names = problems.map(({ message }) => /^there is no variable (\w+)/.exec(message)?.[1]);
    expect(new Set(names)).toEqual(new Set(variables));
  });
});

describe('the config of the demo', () => {
  it('can be used as it is, on this machine alone', async () => {
    const { ingest, admin, warnings } = await load('demo.yaml', {});
    expect([ingest.host, admin.host]).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(warnings).toEqual([]);
  });

  it('takes its ports from the environment', async () => {
    const { ingest, admin } = await load('demo.yaml', { SIGNALBOX_INGEST_PORT: '1234', SIGNALBOX_ADMIN_PORT: '1235' });
    expect([ingest.port, admin.port]).toEqual([1234, 1235]);
  });
});
