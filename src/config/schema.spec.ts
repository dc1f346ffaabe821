import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { plugins } from '../../test/support/config-plugins.js';
import { configSchema } from './schema.js';

const folder = fileURLToPath(new URL('../../config', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

/** Draft 7, as editors read it: formats are hints there. */
function validator(schema: object) {
  return new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
}

describe('the schema of a config', () => {
  const isValid = validator(configSchema(plugins));
  const sound = `
ingest: { port: "\${PORT:-8080}", maxBody: 64kb, trustedProxies: 10.0.0.0/8 }
admin: { tokens: [a, b] }
journal: { type: paper, sheets: 3 }
sources:
  gate: { type: hook, auth: none, strict: "\${STRICT}", front: { name: a }, doors: [{ name: b, width: 1 }] }
  other: { type: hook, auth: [{ type: bearer, secret: a }, { type: hmac, header: X-Sign, secret: [a, b] }] }
  deep: { type: well, api: k, pull: { every: 1m }, enrich: true, verify: { maxPerMinute: 9 } }
sinks:
  mail: { type: post, apiKey: k, site: south.example, timeout: 30s, tags: a }
routes:
  - { name: all, match: { kind: [audit, test], severity: ">=low", labels: { env: prod } }, to: [mail] }
`;

  it('takes what the loader takes, variables in the place of any value', () => {
    expect(isValid(parse(sound))).toBe(true);
  });

  it.each([
    ['a key nobody knows', 'port:', 'prot:'],
    ['a key nobody knows in a plugin', 'strict:', 'stict:'],
    ['a key nobody knows in a block of a plugin', 'width: 1', 'with: 1'],
    ['text for a number', '"${PORT:-8080}"', 'http'],
    ['a size without a unit', '64kb', '64'],
    ['a choice that is none', 'south.example', 'west.example'],
    ['an unknown type', 'type: post', 'type: pots'],
    ['an unknown way to authenticate', 'type: hmac', 'type: hmca'],
    ['a source without auth', 'auth: none, ', ''],
    ['a source without auth that does not pull', ', pull: { every: 1m }', ''],
    ['a word that is no block', 'enrich: true', 'enrich: yes'],
    ['a span without a unit', 'every: 1m', 'every: 1'],
    ['a missing option', 'apiKey: k, ', ''],
    ['an unknown condition', 'severity:', 'sevrity:'],
    ['a name that fits no URL', 'mail: {', 'Mail: {'],
    ['a config without a journal', 'journal: { type: paper, sheets: 3 }', ''],
  ])('refuses %s', (_what, sought, put) => {
    expect(sound).toContain(sought);
    expect(isValid(parse(sound.replace(sought, put)))).toBe(false);
  });

  it('tells editors the defaults, and what each option is for', () => {
    expect(configSchema(plugins)).toMatchObject({
      properties: {
        ingest: { properties: { maxBody: { default: '5mb', description: 'a size such as 64kb, 5mb or 2gb' } } },
      },
      definitions: { 'sink-post': { required: ['apiKey'], properties: { timeout: { default: '15s' } } } },
    });
  });
});

describe('the schema file beside the shipped configs', () => {
  it('is what the classes say; npm run schema writes it', () => {
    const written = readFileSync(`${folder}/signalbox.schema.json`, 'utf8');
    expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(configSchema())));
  });

  it.each(files)('takes %s, which names it', (name) => {
    const text = readFileSync(`${folder}/${name}`, 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=signalbox.schema.json');
    const isValid = validator(configSchema());
    isValid(parse(text));
    expect(isValid.errors).toBeNull();
  });
});
