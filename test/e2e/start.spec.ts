import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { RouterProcess } from '../support/router-process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-start-'));
  // Node tells it of each file that it loads as a module, in every thread.
  const hook = `
    import { appendFileSync } from 'node:fs';
    export async function load(url, context, next) {
      if (url.startsWith('file:')) appendFileSync(process.env.SIGNALBOX_LOADED, url + '\\n');
      return next(url, context);
    }`;
  writeFileSync(join(folder, 'hook.mjs'), hook);
  const url = JSON.stringify(pathToFileURL(join(folder, 'hook.mjs')).href);
  writeFileSync(join(folder, 'register.mjs'), `import { register } from 'node:module'; register(${url});`);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const noting = (name: string) => ({
  NODE_OPTIONS: `--import=${pathToFileURL(join(folder, 'register.mjs')).href}`,
  SIGNALBOX_LOADED: join(folder, name),
});

/** The files that a process loaded as modules, from the root of the repository. */
function loaded(name: string): readonly string[] {
  const urls = readFileSync(join(folder, name), 'utf8').trim().split('\n');
  return [...new Set(urls)].map((url) => relative(root, fileURLToPath(url))).filter((file) => !file.startsWith('..'));
}

/** The library, with what it loads itself by; and one that is a single file. */
const unmerged = /^node_modules\/(?:better-sqlite3|bindings|file-uri-to-path|reflect-metadata)\//;

describe('a start', () => {
  it('opens few files: its own and, of its packages, the merged ones', async () => {
    const config = [
      `journal: { type: sqlite, path: ${join(folder, 'journal.db')} }`,
      'sources: { v: { type: threatstack, auth: none } }',
      `sinks: { f: { type: file, path: ${join(folder, 'f.ndjson')} } }`,
      'routes: [{ name: all, to: f }]',
    ];
    const router = await RouterProcess.prepare(folder, config.join('\n'), { env: noting('serve') });
    try {
      await router.start();
    } finally {
      await router.stop();
    }
    const files = loaded('serve');
    expect(files).toContain('dist/journal/sqlite/worker.js');
    expect(files.filter((file) => file.startsWith('node_modules/') && !unmerged.test(file))).toEqual([]);
    // 380 when this was written, and 1,900 without merging.
    expect(files.length).toBeLessThan(700);
  }, 30_000);

  it('of a verb that needs no config opens hardly any', () => {
    execFileSync(process.execPath, [join(root, 'dist/main.js'), '--version'], {
      env: { ...process.env, ...noting('version') },
    });
    expect(loaded('version').length).toBeLessThan(60);
  });
});

describe('a merged package', () => {
  const merged = join(root, 'dist/node_modules');
  const names = readdirSync(merged).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(merged, name)).map((scoped) => `${name}/${scoped}`) : [name],
  );
  const packages = names.filter((name) => !name.startsWith('.'));

  it('has the exports of the package', () => {
    const script = `
      const [merged, ...packages] = process.argv.slice(1);
      const { readFileSync } = await import('node:fs');
      const told = {};
      for (const name of packages) {
        const { exports } = JSON.parse(readFileSync(merged + '/' + name + '/package.json', 'utf8'));
        for (const [path, file] of Object.entries(exports)) {
          const kinds = (module) => Object.entries(module)
            .filter(([key]) => key !== '__esModule' && key !== 'module.exports')
            .map(([key, value]) => key + ': ' + typeof value).sort();
          const here = kinds(await import(merged + '/' + name + '/' + file.slice(2)));
          const there = kinds(await import(name + path.slice(1)));
          told[name + path.slice(1)] = { count: here.length, isSame: here.join() === there.join() };
        }
      }
      console.log(JSON.stringify(told));`;
    const args = ['--import=reflect-metadata', '--input-type=module', '-e', script, '--', merged, ...packages];
    const told = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as Record<
      string,
      { readonly count: number; readonly isSame: boolean }
    >;
    expect(Object.keys(told)).toEqual(expect.arrayContaining(['@nestjs/common', 'pg', 'rxjs', 'undici', 'yaml']));
    const different = Object.entries(told).filter(([, { count, isSame }]) => count === 0 || !isSame);
    expect(different).toEqual([]);
  }, 60_000);
});
