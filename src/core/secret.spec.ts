import { describe, expect, it } from '@jest/globals';
import { format, inspect } from 'node:util';
import { Secret } from './secret.js';

describe('a secret', () => {
  const secret = new Secret('swordfish');

  it('is revealed where it is asked for', () => {
    expect(secret.reveal()).toBe('swordfish');
  });

  it.each<[string, string]>([
    ['inside a text', String(secret)],
    ['as JSON', JSON.stringify({ secret })],
    ['inspected, as by console.log', inspect({ secret })],
    ['inspected with what is hidden', inspect(secret, { showHidden: true, depth: 9 })],
    ['formatted', format('%s %o', secret, secret)],
  ])('%s is not shown', (_, text) => {
    expect(text).toContain('[secret]');
    expect(text).not.toContain('swordfish');
  });
});
