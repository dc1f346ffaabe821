import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { printable, printableJson } from './printable.js';

describe('a text for a terminal or a log', () => {
  it('stays as it is when there is nothing to hide', () => {
    expect(printable('Zugriff von 192.0.2.1 – „root“ 日本 👩‍💻'.replace('\u200d', ''))).toBe(
      'Zugriff von 192.0.2.1 – „root“ 日本 👩💻',
    );
  });

  it('cannot clear the screen, forge a line or reverse what is read', () => {
    expect(printable('a\u001b[2Jb\r\nc\u009bd\u2028e\u202ef\u2066g\u0000')).toBe(
      'a\\u001b[2Jb\\u000d\\u000ac\\u009bd\\u2028e\\u202ef\\u2066g\\u0000',
    );
  });

  it('is cut where it is long, also through a pair of surrogates', () => {
    expect(printable('x'.repeat(20), 10)).toBe(`${'x'.repeat(10)}…`);
    expect(printable('👩👩', 3)).toBe('👩\\ud83d…');
  });
});

describe('JSON for a terminal or a log', () => {
  it('means the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const json = JSON.stringify({ value, text }, null, 2);
        expect(JSON.parse(printableJson(json))).toEqual(JSON.parse(json));
      }),
    );
  });

  it('keeps its line breaks and nothing else that steers', () => {
    expect(printableJson(JSON.stringify({ a: '\u009b\n\u202e' }, null, 1))).toBe('{\n "a": "\\u009b\\n\\u202e"\n}');
  });
});
