import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = [
  'src',
  'test',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'jest.config.js',
  'jest.sequence.config.js',
  'eslint.config.js',
];

type Block = { readonly language: string; readonly path: string; readonly code: string };

/** The fenced blocks of a page whose info string names a file. */
function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\w+) (\S+)\n([\s\S]*?)^```$/gm)].map(([, language = '', path = '', code = '']) => ({
    language,
    path,
    code,
  }));
}

/** What a diff block without line numbers makes of a text that holds its old lines. */
function patched(text: string, diff: string): string {
  const lines = diff.split('\n').filter((line) => line !== '');
  const side = (sign: string): string =>
    diff
      .split('\n')
      .filter((line) => line === '' || line.startsWith(' ') || line.startsWith(sign))
      .map((line) => line.slice(1))
      .join('\n');
  const before = side('-').trimEnd();
  expect(lines.length).toBeGreaterThan(0);
  expect(text).toContain(before);
  return text.replace(before, side('+').trimEnd());
}

describe('“A new sink in 30 minutes”, followed to the letter', () => {
  let folder: string;
  const blocks = blocksOf(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'));
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe', env: process.env });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-contributing-'));
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const { language, path, code } of blocks) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, language === 'diff' ? patched(readFileSync(file, 'utf8'), code) : code);
    }
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('has a mapping, a sink, its line in the list and its spec', () => {
    expect(blocks.map(({ path }) => path)).toEqual([
      'src/sinks/ntfy/message.ts',
      'src/sinks/ntfy/sink.ts',
      'src/sinks/index.ts',
      'src/sinks/ntfy/sink.spec.ts',
    ]);
  });

  it('makes a sink that compiles, with the rest, and that a config can name', () => {
    expect(run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')).toBe('');
    const config = join(folder, 'c.yaml');
    writeFileSync(
      config,
      [
        'journal: { type: memory }',
        'sources: { ts: { type: threatstack, auth: none } }',
        'sinks: { phone: { type: ntfy, topic: alerts, token: abc } }',
        'routes: [{ name: all, to: phone }]',
      ].join('\n'),
    );
    expect(run('dist/main.js', 'validate', '-c', config)).toContain('1 sinks');
  }, 120_000);

  it('makes a sink that keeps the contract', () => {
    const jest = 'node_modules/jest/bin/jest.js';
    const flags = ['--experimental-vm-modules', '--no-warnings'];
    run(...flags, jest, '--ci', 'src/sinks/ntfy');
  }, 120_000);
});
