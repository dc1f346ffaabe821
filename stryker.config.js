import jest from './jest.config.js';

/** The parts whose mistakes lose alerts; the specs beside them, and those of the plugins that stand on `kit/`. */
const mutated = ['core', 'routing', 'delivery', 'kit'];

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [...mutated.map((folder) => `src/${folder}/**/*.ts`), '!src/**/*.spec.ts'],
  // What no spec of those folders reads need not be copied into the sandbox.
  ignorePatterns: ['/bench', '/demo', '/deploy', '/dist', '/docs', '/reports'],
  plugins: ['@stryker-mutator/jest-runner', './test/mutation/runner.js'],
  testRunner: 'spec-by-spec',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: {
    projectType: 'custom',
    config: {
      ...jest,
      roots: ['<rootDir>/src', '<rootDir>/test'],
      testMatch: [...mutated, 'sources', 'sinks'].map((folder) => `<rootDir>/src/${folder}/**/*.spec.ts`),
      // They run what is built in dist/, where no mutant is.
      testPathIgnorePatterns: [...jest.testPathIgnorePatterns, '/examples\\.spec\\.ts$'],
      testEnvironment: './test/mutation/environment.cjs',
    },
  },
  coverageAnalysis: 'perTest',
  // Of a mutated constant every test of its module would have to run; what it breaks shows in the others, too.
  ignoreStatic: true,
  // The first spec of a new worker loads all modules, which on a busy machine takes its time: it is no mutant that hangs.
  timeoutMS: 120_000,
  dryRunTimeoutMinutes: 30,
  incremental: true,
  incrementalFile: 'reports/mutation.json',
  tempDirName: '.stryker',
  reporters: ['clear-text', 'progress-append-only', 'html'],
  clearTextReporter: { logTests: false, allowColor: false },
  htmlReporter: { fileName: 'reports/mutation.html' },
  thresholds: { high: 90, low: 85, break: 85 },
};
