import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configSchema, type Schema } from '../src/config/schema.js';
import { sinks } from '../src/sinks/index.js';
import { sources } from '../src/sources/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);

/** Options that every source has; they are in the main README. */
const shared = ['type', 'auth', 'allow', 'paths', 'severities', 'pull'];

function optionsOf(definition: string): readonly string[] {
  const definitions = configSchema()['definitions'] as Record<string, { readonly properties: Schema }>;
  return Object.keys(definitions[definition]?.properties ?? {}).filter((name) => !shared.includes(name));
}

/** The first words of the rows under the heading `## Options`. */
function documentedIn(page: string): readonly string[] {
  const section = /^## Options\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(page)?.[1] ?? '';
  return [...section.matchAll(/^\| `([\w.]+)`/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !shared.includes(name));
}

describe('the page of a plugin', () => {
  const plugins = [
    ...sources.map(({ type }) => ({ kind: 'source', type })),
    ...sinks.map(({ type }) => ({ kind: 'sink', type })),
  ];

  it.each(plugins)('of the $kind $type has a row for each of its options, and for nothing else', ({ kind, type }) => {
    const page = read(`src/${kind}s/${type}/README.md`);
    expect([...documentedIn(page)].sort()).toEqual([...optionsOf(`${kind}-${type}`)].sort());
  });

  it.each(plugins)('of the $kind $type is found from the README', ({ kind, type }) => {
    expect(read('README.md')).toContain(`(src/${kind}s/${type}/README.md)`);
  });
});

describe('the README', () => {
  it('names metrics that exist', () => {
    const code = read('src/admin/metrics.service.ts');
    const named = new Set(read('README.md').match(/signalbox_\w+/g));
    expect([...named].filter((name) => !code.includes(name))).toEqual([]);
    expect(named.size).toBeGreaterThan(5);
  });

  it('names commands that exist', () => {
    const verbs = new Set([...read('README.md').matchAll(/dist\/main\.js ([a-z-]+)/g)].map(([, verb]) => verb ?? ''));
    const help = execFileSync(process.execPath, [join(root, 'dist/main.js'), '--help'], { encoding: 'utf8' });
    expect([...verbs].filter((verb) => !help.includes(`\n  ${verb} `))).toEqual([]);
    expect(verbs.size).toBeGreaterThan(3);
  });
});

describe('a link in the docs', () => {
  it.each(pages)('of %s leads to a file', (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });
});
