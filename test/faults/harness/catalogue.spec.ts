import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { catalogue } from './catalogue.js';

it('docs/faults.md is what the specs declare; `npm run faults` writes it', () => {
  expect(readFileSync(new URL('../../../docs/faults.md', import.meta.url), 'utf8')).toBe(catalogue());
});
