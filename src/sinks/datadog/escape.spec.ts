import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutText, plainText, shownLine, shownText } from './escape.js';

describe('a text for people', () => {
  it.each([
    ['@all', '@\u2060all'],
    ['@slack-soc and @pagerduty', '@\u2060slack-soc and @\u2060pagerduty'],
    ['by root@example.com', 'by root@\u2060example.com'],
    ['@"a b"', '@\u2060"a b"'],
    ['@ all', '@ all'],
    ['@\u202eall', '@\u2060all'],
    ['@\u2060all', '@\u2060all'],
  ])('notifies nobody: %j', (text, shown) => {
    expect(shownText(text)).toBe(shown);
  });

  it.each(['%%%\n[x](javascript:alert(1))\n%%%', '%%%%%', '%\u200b%%', '%\u202e%\ufeff%', '%%\u0000%'])(
    'has no Markdown: %j',
    (text) => {
      expect(shownText(text)).not.toContain('%%%');
    },
  );

  it('is well-formed, in one direction, and of one height', () => {
    const any = fc.string({
      unit: fc.constantFrom('\u202e', '\u2066', '\ud800', '\u0301', '\u0007', '@', '%', 'a', '😀'),
    });
    fc.assert(
      fc.property(any, (text) => {
        const shown = shownText(text);
        expect(shown).not.toMatch(/[\u202a-\u202e\u2066-\u2069]|\p{Cs}|\p{Cc}|\p{M}{9}|@\w|%%%/u);
      }),
    );
  });

  it('stays as it is where it does no harm', () => {
    for (const text of ['Root shell on web-1', 'Änderung: 100 %', '日本語', '👩‍👩‍👧 e\u0301', 'a\n\tb']) {
      expect(plainText(text)).toBe(text);
    }
  });

  it('may be one line', () => {
    expect(shownLine(' a\r\n\r\nb\tc ')).toBe('a b c');
  });
});

describe('a text that is too long', () => {
  it('is cut between characters', () => {
    expect(cutText('abc', 3)).toBe('abc');
    expect(cutText('abcd', 3)).toBe('ab…');
    expect(cutText('a😀😀', 3)).toBe('a…');
    expect(cutText('a😀😀', 4)).toBe('a😀…');
    expect(cutText('a😀😀', 5)).toBe('a😀😀');
  });
});
