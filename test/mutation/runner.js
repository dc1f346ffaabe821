import { PluginKind, commonTokens, declareFactoryPlugin, tokens } from '@stryker-mutator/api/plugin';
import { DryRunStatus, MutantRunStatus } from '@stryker-mutator/api/test-runner';
import { strykerPlugins as jestPlugins } from '@stryker-mutator/jest-runner';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const jest = jestPlugins.find(({ kind }) => kind === PluginKind.TestRunner);

/** Written by the worker of the dry run for those that come after it, in the sandbox that is theirs alone. */
const coverageFile = 'specs-of-tests.json';

/**
 * Stryker's Jest runner, but a mutant meets only the spec files whose tests reached it in the dry run, one after the
 * other until one notices. By itself Jest loads every spec that imports the mutated file, however indirectly; for
 * `kit/` that is nearly all of them, and loading modules is most of what a run costs.
 */
function specBySpec(injector) {
  const runner = injector.injectFunction(jest.factory);
  let specs;

  return {
    init: () => runner.init(),
    capabilities: () => runner.capabilities(),

    async dryRun(options) {
      const begun = Date.now();
      const result = await runner.dryRun(options);
      if (result.status !== DryRunStatus.Complete) return result;
      writeFileSync(coverageFile, JSON.stringify(specsOf(result.tests)));
      return { ...result, tests: withLoading(result.tests, Date.now() - begun) };
    },

    async mutantRun(options) {
      if (options.testFilter === undefined) return runner.mutantRun(options);
      specs ??= new Map(Object.entries(JSON.parse(readFileSync(coverageFile, 'utf8'))));
      let nrOfTests = 0;
      for (const spec of inOrder(
        new Set(options.testFilter.flatMap((test) => specs.get(test))),
        options.sandboxFileName,
      )) {
        const result = await runner.mutantRun({ ...options, sandboxFileName: spec });
        if (result.status !== MutantRunStatus.Survived) return result;
        nrOfTests += result.nrOfTests;
      }
      return { status: MutantRunStatus.Survived, nrOfTests };
    },
  };
}
specBySpec.inject = tokens(commonTokens.injector);

/** Test → the files of the tests of that name: Stryker knows a test by its name alone. */
function specsOf(tests) {
  const specs = {};
  for (const { id, fileName } of tests) specs[id] = [...new Set([...(specs[id] ?? []), fileName])];
  return specs;
}

/**
 * What the dry run spent on loading is shared out to the tests. Stryker would grant all of it to every mutant before it
 * calls it hung, and no mutant loads all.
 */
function withLoading(tests, wallMs) {
  const loadingMs = Math.max(0, wallMs - tests.reduce((sum, { timeSpentMs }) => sum + timeSpentMs, 0));
  return tests.map((test) => ({ ...test, timeSpentMs: test.timeSpentMs + loadingMs / tests.length }));
}

/** The spec beside the mutated file first, then those of its folder: they are the likeliest to notice. */
function inOrder(specs, mutatedFile) {
  const own = mutatedFile.replace(/\.ts$/, '.spec.ts');
  const folder = `${dirname(mutatedFile)}/`;
  const distance = (spec) => (spec === own ? 0 : spec.startsWith(folder) ? 1 : 2);
  return [...specs].sort((a, b) => distance(a) - distance(b));
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'spec-by-spec', specBySpec)];
