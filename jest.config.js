/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // These need root or a long time: npm run test:faults.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/faults/power/'],
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
      },
    ],
  },
  setupFiles: ['reflect-metadata'],
  workerIdleMemoryLimit: '512MB',
  testTimeout: 20_000,
  // Jest leaves one core free, which on two is half of them; most of the fault suite waits.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/jest.sequence.config.js',
};
