import { describe, expect, it } from '@jest/globals';
import { compilePattern } from './pattern.js';

const holds = (pattern: string, text: string) => compilePattern(pattern).holds(text);

describe('a text', () => {
  it('holds for itself and nothing else', () => {
    expect(compilePattern('web-1').exact).toBe('web-1');
    expect([holds('web-1', 'web-1'), holds('web-1', 'web-10'), holds('web-1', 'Web-1')]).toEqual([true, false, false]);
  });

  it('with one slash is a text', () => {
    expect(compilePattern('/var/log').exact).toBe('/var/log');
    expect(compilePattern('//').exact).toBe('//');
    expect(compilePattern('a/b/').exact).toBe('a/b/');
    expect(compilePattern('/a/x').exact).toBe('/a/x');
  });
});

describe('a glob', () => {
  it.each([
    ['*', '', true],
    ['*', 'anything', true],
    ['web-*', 'web-', true],
    ['web-*', 'web-17', true],
    ['web-*', 'the web-17', false],
    ['*.example', 'db-7.example', true],
    ['*.example', 'db-7.example.net', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*db*', 'my db here', true],
    ['*db*', 'my dc here', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-c-b', false],
    ['a*b*c', 'a-c', false],
    ['a*bc*c', 'abc', false],
    ['a*x*x*b', 'axb', false],
    ['a*x*x*b', 'axxb', true],
    ['a**b', 'ab', true],
  ])('%s asked of "%s" is %s', (pattern, text, expected) => {
    expect(holds(pattern, text)).toBe(expected);
  });

  it('has no text of which it holds for exactly that one', () => {
    expect(compilePattern('web-*').exact).toBeUndefined();
  });
});

describe('a regular expression', () => {
  it('is found anywhere in the text', () => {
    expect(holds('/b+/', 'abbc')).toBe(true);
    expect(holds('/^b+/', 'abbc')).toBe(false);
    expect(compilePattern('/b+/').exact).toBeUndefined();
  });

  it('heeds case unless it is told not to', () => {
    expect(holds('/NETCAT/', 'netcat')).toBe(false);
    expect(holds('/NETCAT/i', 'netcat')).toBe(true);
  });

  it('may hold slashes and lines', () => {
    expect(holds('/a/b/', 'a/b')).toBe(true);
    expect(holds('/a\nb/', 'a\nb')).toBe(true);
  });

  it('looks at the first 8192 characters', () => {
    expect(holds('/x/', `${'a'.repeat(8_191)}x`)).toBe(true);
    expect(holds('/x/', `${'a'.repeat(8_192)}x`)).toBe(false);
  });

  it('that cannot be read is refused with what is wrong', () => {
    expect(() => compilePattern('/(/')).toThrow(/missing closing/);
  });
});
