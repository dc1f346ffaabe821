import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Merges the files of each package that the build imports, thousands, into a few: into dist/node_modules, where Node
 * looks before it looks into node_modules. A start spends most of its time on opening files, so it takes half of it then.
 * What is built runs without, too (docs/adr/0024).
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const merged = join(root, 'dist/node_modules');

/** What the router runs begins in one of these. */
const entries = ['main.js', 'cli/watchdog.worker.js', 'journal/sqlite/worker.js'];

/** They read files of their own, or are one file as it is. */
const left = ['better-sqlite3', 'reflect-metadata', 'swagger-ui-dist'];

/** Marks a question of ours to esbuild among its own. */
const asked = Symbol('asked');

const specifiers = await importedPackages();
await mergeAll(specifiers);
for (const name of new Set(specifiers.map(packageOf))) describePackage(name);

/** Every package, or file of one, that a built file of ours imports. */
async function importedPackages() {
  const { metafile } = await build({
    entryPoints: entries.map((file) => join(root, 'dist', file)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outdir: merged,
    write: false,
    metafile: true,
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const packages = imports.flatMap(({ path, external }) => (external === true && !isBuiltin(path) ? [path] : []));
  return [...new Set(packages)].filter((path) => !left.includes(path));
}

/**
 * Each as a file of its own that has the same exports; what two of them need is in a file for both.
 * @param {readonly string[]} all
 */
async function mergeAll(all) {
  const sources = new Map();
  for (const specifier of all) sources.set(`${specifier}.mjs`, await reexport(specifier));
  const { metafile } = await build({
    entryPoints: all.map((specifier) => ({ in: `${specifier}.mjs`, out: fileOf(specifier) })),
    plugins: [inMemory(sources), linking(all)],
    external: left,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    outdir: merged,
    outExtension: { '.js': '.mjs' },
    // No package can be called so.
    chunkNames: '.merged/[hash]',
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
    },
    metafile: true,
    logLevel: 'warning',
  });
  refuseLateCommonJs(metafile);
}

/**
 * Names them one by one: of CommonJS, `export *` would have none.
 * @param {string} specifier
 */
async function reexport(specifier) {
  const names = Object.keys(await import(specifier));
  const exported = names.filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== '__esModule');
  return `export { ${exported.join(', ')} } from ${JSON.stringify(specifier)};`;
}

/**
 * @param {ReadonlyMap<string, string>} sources
 * @returns {import('esbuild').Plugin}
 */
function inMemory(sources) {
  return {
    name: 'in-memory',
    setup(within) {
      within.onResolve({ filter: /\.mjs$/ }, ({ path, kind }) =>
        kind === 'entry-point' ? { path, namespace: 'in-memory' } : undefined,
      );
      within.onLoad({ filter: /./, namespace: 'in-memory' }, ({ path }) => ({
        contents: sources.get(path) ?? '',
        resolveDir: root,
      }));
    },
  };
}

/**
 * What a package imports of another. Some try others that need not be there: they find out when it runs, as they do
 * without this. And `import()` of one that has a file of its own stays as it is.
 * @param {readonly string[]} all
 * @returns {import('esbuild').Plugin}
 */
function linking(all) {
  return {
    name: 'linking',
    setup(within) {
      within.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...from }) => {
        if (pluginData === asked || from.kind === 'entry-point') return undefined;
        const { importer, namespace, resolveDir, kind } = from;
        if (kind === 'dynamic-import' && all.includes(path)) return { path, external: true };
        const found = await within.resolve(path, { importer, namespace, resolveDir, kind, pluginData: asked });
        return found.errors.length > 0 ? { path, external: true } : undefined;
      });
    },
  };
}

/**
 * esbuild gives `import()` of CommonJS no names.
 * @param {import('esbuild').Metafile} metafile
 */
function refuseLateCommonJs({ inputs }) {
  for (const [file, { imports }] of Object.entries(inputs)) {
    const late = imports.find(({ kind, path }) => kind === 'dynamic-import' && inputs[path]?.format === 'cjs');
    if (late) throw new Error(`${file} imports ${late.path} late: it needs a file of its own`);
  }
}

/**
 * So that Node finds the files of a package, which need not be called as the package calls them.
 * @param {string} name
 */
function describePackage(name) {
  const own = specifiers.filter((specifier) => packageOf(specifier) === name);
  const exports = Object.fromEntries(
    own.map((specifier) => [`.${specifier.slice(name.length)}`, `.${fileOf(specifier).slice(name.length)}.mjs`]),
  );
  writeFileSync(join(merged, name, 'package.json'), `${JSON.stringify({ name, exports }, null, 2)}\n`);
}

/**
 * `@nestjs/common` of `@nestjs/common/utils/x.js`.
 * @param {string} specifier
 */
function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/**
 * Where its exports go, without the extension.
 * @param {string} specifier
 */
function fileOf(specifier) {
  return specifier === packageOf(specifier) ? `${specifier}/index` : specifier.replace(/\.js$/, '');
}
