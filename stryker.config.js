import jest from './jest.config.js';

/** The parts whose mistakes lose alerts; the specs beside them, and those of the plugins that stand on `kit/`. */
const mutated = ['core', 'routing', 'delivery', 'kit'];

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [...mutated.map((folder) => `src/${folder}/**/*.ts`), '!src/**/*.spec.ts'],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: {
    projectType: 'custom',
    config: {
      ...jest,
      testMatch: [...mutated, 'sources', 'sinks'].map((folder) => `<rootDir>/src/${folder}/**/*.spec.ts`),
    },
  },
  coverageAnalysis: 'perTest',
  // Of a mutated constant every test of its module would have to run; what it breaks shows in the others, too.
  ignoreStatic: true,
  incremental: true,
  incrementalFile: 'reports/mutation.json',
  tempDirName: '.stryker',
  reporters: ['clear-text', 'progress-append-only', 'html'],
  clearTextReporter: { logTests: false, allowColor: false },
  htmlReporter: { fileName: 'reports/mutation.html' },
  thresholds: { high: 90, low: 85, break: 85 },
};
