import { describe, expect, it } from '@jest/globals';
import { Secret } from '../core/secret.js';
import { redactor } from './redact.js';

const redact = redactor([new Secret('canary/"1"'), new Secret('canary-2')]);

describe('a redacted text', () => {
  it.each([
    ['as it is', 'you sent canary-2!', 'you sent [secret]!'],
    ['in JSON', '{"key":"canary/\\"1\\""}', '{"key":"[secret]"}'],
    ['in a URL', '/?key=canary%2F%221%22', '/?key=[secret]'],
    [
      'of anybody, in a header',
      'DD-API-KEY: abc, Authorization: Bearer def',
      'DD-API-KEY: [secret], Authorization: Bearer [secret]',
    ],
    ['of anybody, in JSON', '{"dd-application-key":"abc"}', '{"dd-application-key":"[secret]"}'],
  ])('has no credential %s', (_name, text, expected) => {
    expect(redact(text, 1_000)).toBe(expected);
  });

  it('has no control characters', () => {
    expect(redact('a\u001b[2J\r\nb', 100)).toBe('a [2J b');
  });

  it('is cut at a whole character, after the credentials', () => {
    expect(redact('éé', 3)).toBe('é');
    expect(redact(`${'x'.repeat(95)}canary-2`, 100)).not.toContain('canary');
  });
});
