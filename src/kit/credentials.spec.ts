import { describe, expect, it } from '@jest/globals';
import { withoutCredentials } from './credentials.js';

describe('a text that quotes', () => {
  it.each([
    ['a header', 'Authorization: Bearer abc.def', 'Authorization: Bearer [secret]'],
    ['a header in JSON', '{"dd-api-key":"abc","a":1}', '{"dd-api-key":"[secret]","a":1}'],
    ['a header in JSON in JSON', '{\\"x-api-key\\":\\"abc\\"}', '{\\"x-api-key\\":\\"[secret]\\"}'],
    ['cookies', 'Cookie: a=b; c=d\nHost: x', 'Cookie: [secret]\nHost: x'],
    ['a bearer token', 'sent bearer abcdefghijklmnop1234', 'sent bearer [secret]'],
    ['a form', 'user=me&password=hunter2&b=c', 'user=me&password=[secret]&b=c'],
    ['a member', '{"client_secret": "x y", "b": 1}', '{"client_secret": "[secret]", "b": 1}'],
    ['a key of AWS', 'with AKIAIOSFODNN7EXAMPLE at', 'with [secret] at'],
    ['a JSON Web Token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc!', '[secret]!'],
    ['a token of GitHub', `ghp_${'a'.repeat(36)}.`, '[secret].'],
    ['a token of Slack', `xoxb-1234567890-abc`, '[secret]'],
    [
      'a key',
      '-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----',
      '-----BEGIN RSA PRIVATE KEY-----[secret]-----END RSA PRIVATE KEY-----',
    ],
    ['half a key', '-----BEGIN PRIVATE KEY-----\nabc', '-----BEGIN PRIVATE KEY-----[secret]'],
  ])('%s has it no longer', (_, text, clean) => {
    expect(withoutCredentials(text)).toBe(clean);
  });

  it.each([
    'the password was changed 3 times',
    'secret: must be whsec_ and base64',
    'Bearer of bad news',
    'cookies were stolen',
    'api key revoked',
  ])('nothing stays as it is: %s', (text) => {
    expect(withoutCredentials(text)).toBe(text);
  });

  it('is read in time that grows with its length', () => {
    for (const part of [
      '-----BEGIN PRIVATE KEY-----',
      'cookie:',
      'password=',
      'eyJ',
      'bearer ',
      '"secret":"',
      ' '.repeat(50),
    ]) {
      const started = performance.now();
      withoutCredentials(part.repeat(Math.ceil(64_000 / part.length)));
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  });
});
