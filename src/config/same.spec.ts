import { describe, expect, it } from '@jest/globals';
import { Secret } from '../core/secret.js';
import { isSame } from './same.js';

const options = (key: string, more: object = {}) => ({ site: 'eu', key: new Secret(key), tags: ['a', 'b'], ...more });

describe('options', () => {
  it('are the same when all they hold is, and what is not given counts for nothing', () => {
    expect(isSame(options('k'), options('k'))).toBe(true);
    expect(isSame(options('k', { service: undefined }), options('k'))).toBe(true);
    expect(isSame({ on: null, tokens: [new Secret('t')] }, { on: null, tokens: [new Secret('t')] })).toBe(true);
  });

  it.each([
    ['a credential', options('l')],
    ['a value', options('k', { site: 'us' })],
    ['an element more', options('k', { tags: ['a', 'b', 'c'] })],
    ['the order of a list', options('k', { tags: ['b', 'a'] })],
    ['a key more', options('k', { service: 'x' })],
    ['a text in the place of a credential', { ...options('k'), key: 'k' }],
    ['a block in the place of a list', options('k', { tags: { 0: 'a', 1: 'b' } })],
    ['nothing in the place of a list', options('k', { tags: null })],
  ])('differ by %s', (_, other) => {
    expect(isSame(options('k'), other)).toBe(false);
    expect(isSame(other, options('k'))).toBe(false);
  });
});
