import base from './jest.config.js';

/** The cases that need root, Linux or a long time: `npm run test:faults`. One at a time: they mount, limit and count. */
/** @type {import('jest').Config} */
export default {
  ...base,
  testMatch: ['<rootDir>/test/faults/power/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 1,
};
