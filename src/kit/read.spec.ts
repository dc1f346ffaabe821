import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  at,
  bodyText,
  bool,
  count,
  field,
  httpsUrl,
  id,
  isObject,
  jsonCopy,
  list,
  number,
  oneOf,
  text,
  titleText,
} from './read.js';

const flags = (): Set<string> => new Set();

describe('a field', () => {
  it("is the object's own, whatever its name", () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":"c","hasOwnProperty":1}');
    expect(field(hostile, '__proto__')).toEqual({ admin: true });
    expect(field(hostile, 'constructor')).toBe('c');
    expect(field(hostile, 'hasOwnProperty')).toBe(1);
    expect(field({}, 'constructor')).toBeUndefined();
    expect(field({}, '__proto__')).toBeUndefined();
    expect(field('text', 'length')).toBeUndefined();
    expect(field(null, 'x')).toBeUndefined();
  });

  it('is found at the end of a path, and nothing on the way need be there', () => {
    expect(at({ rule: { original_rule: { name: 'n' } } }, 'rule', 'original_rule', 'name')).toBe('n');
    expect(at({ rule: null }, 'rule', 'original_rule', 'name')).toBeUndefined();
    expect(at([['x']], '0')).toBeUndefined();
  });
});

it('objects are neither null nor lists, and lists are only lists', () => {
  expect([{}, [], null, 'x'].map(isObject)).toEqual([true, false, false, false]);
  expect(list([1])).toEqual([1]);
  expect(list({ length: 1 })).toEqual([]);
});

describe('a text', () => {
  it.each<[unknown, string | undefined]>([
    ['plain', 'plain'],
    ['  trimmed\u00a0', 'trimmed'],
    ['a\u0000b\u001bc\u0085', 'abc'],
    ['two\r\nlines\tand a tab', 'two\nlines\tand a tab'],
    ['lone \ud800 and \udc00, pair 😀', 'lone \ufffd and \ufffd, pair 😀'],
    ['', undefined],
    [' \u0000 ', undefined],
    [12, '12'],
    [0, '0'],
    [10n ** 20n, '100000000000000000000'],
    [true, 'true'],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [null, undefined],
    [undefined, undefined],
    [['x'], undefined],
    [{ toString: 'x' }, undefined],
  ])('of %j is %j', (value, expected) => {
    expect(text(value)).toBe(expected);
  });

  it('is no identifier where it is a truth value', () => {
    expect([id(7), id('7'), id(true), id(null)]).toEqual(['7', '7', undefined, undefined]);
  });
});

it('counts are whole and not below zero', () => {
  expect([0, '6', -0, -1, 1.5, 2 ** 53, '1e3', true, null].map(count)).toEqual([
    ...[0, 6, 0],
    ...Array<undefined>(6).fill(undefined),
  ]);
});

it('numbers and truth values are read from their texts too', () => {
  expect(['3', ' 3 ', '-0.25', 4].map(number)).toEqual([3, 3, -0.25, 4]);
  expect(['', 'x', '1e9', '0x10', true, null, Number.NaN].map(number)).toEqual(Array(7).fill(undefined));
  expect([true, 'True', 1, '1'].map(bool)).toEqual(Array(4).fill(true));
  expect([false, 'FALSE', 0, '0'].map(bool)).toEqual(Array(4).fill(false));
  expect(['yes', 2, null, {}].map(bool)).toEqual(Array(4).fill(undefined));
});

it('a word is looked up in a table whatever its case, and only in the table itself', () => {
  const table = { high: 'H', '2': 'M' };
  expect([' HIGH ', 2, '2', 'constructor', '__proto__', null].map((word) => oneOf(word, table))).toEqual([
    'H',
    'M',
    'M',
    undefined,
    undefined,
    undefined,
  ]);
});

describe('a title', () => {
  it('is one line, without controls that turn it round', () => {
    expect(titleText(' a \n\t b\u202e  c\u2067 ', flags())).toBe('a b c');
    expect(titleText('a  b', flags())).toBe('a b');
    expect(titleText('\u202a \u2069', flags())).toBeUndefined();
  });

  it('is cut at 500 code points, never inside one, and says so', () => {
    const collected = flags();
    const title = titleText('😀'.repeat(501), collected) ?? '';
    expect(Array.from(title)).toHaveLength(500);
    expect(title.endsWith('😀…')).toBe(true);
    expect([...collected]).toEqual(['title_truncated']);
  });

  it('is left alone at exactly 500', () => {
    const collected = flags();
    expect(titleText('😀'.repeat(500), collected)).toBe('😀'.repeat(500));
    expect(titleText('x'.repeat(500), collected)).toBe('x'.repeat(500));
    expect(collected.size).toBe(0);
  });
});

describe('a body of text', () => {
  it('keeps its lines', () => {
    expect(bodyText(' one\r\n\n two\u202e ', flags())).toBe('one\n\n two');
  });

  it('is cut at its limit in bytes, never inside a character, and says so', () => {
    const collected = flags();
    expect(bodyText('é'.repeat(50), collected, 100)).toBe('é'.repeat(50));
    expect(collected.size).toBe(0);
    expect(bodyText('é'.repeat(51), collected, 100)).toBe(`${'é'.repeat(48)}…`);
    expect([...collected]).toEqual(['text_truncated']);
  });

  it.each(['a', 'é', '€', '😀', 'a😀'])('of many %j is at most 16 kB if not told otherwise', (unit) => {
    const body = bodyText(unit.repeat(17_000), flags()) ?? '';
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(16_000);
    expect(Buffer.byteLength(body)).toBeGreaterThan(15_990);
  });
});

describe('a copy of any JSON', () => {
  it('is the same but for what no text of an alert may hold', () => {
    const collected = flags();
    const value = { list: [1, null, true, ['x ', '']], 'na\u0000me': { lone: '\ud800' } };
    expect(jsonCopy(value, collected)).toEqual({ list: [1, null, true, ['x ', '']], name: { lone: '\ufffd' } });
    expect(collected.size).toBe(0);
  });

  it('ends where its limit is reached, and says so', () => {
    const collected = flags();
    const events = Array.from({ length: 100 }, (_, n) => ({ n, text: 'x'.repeat(100) }));
    const copied = jsonCopy({ events, last: 1 }, collected, 1_000) as { events: unknown[] };
    expect(copied.events.slice(0, 8)).toEqual(events.slice(0, 8));
    expect(JSON.stringify(copied).length).toBeLessThan(1_100);
    expect(copied).not.toHaveProperty('last');
    expect([...collected]).toEqual(['enrichment_truncated']);
    expect(jsonCopy('x'.repeat(2_000), flags(), 1_000)).toBeUndefined();
  });
});

it.each<[unknown, string | undefined]>([
  ['https://console.example.com/alerts/7?q=a b', 'https://console.example.com/alerts/7?q=a%20b'],
  ['http://console.example.com/', undefined],
  ['javascript:alert(1)', undefined],
  ['https://user:pass@console.example.com/', undefined],
  ['https://', undefined],
  [`https://console.example.com/${'x'.repeat(2_000)}`, undefined],
  [7, undefined],
])('the link in %j is %j', (value, expected) => {
  expect(httpsUrl(value)).toBe(expected);
});

it('whatever is read, no reader throws and every text is well-formed and free of control characters', () => {
  const anything = fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), fc.string({ unit: 'binary-ascii' }));
  const lone = /\p{Surrogate}/u;
  fc.assert(
    fc.property(anything, (value) => {
      number(value);
      bool(value);
      list(value);
      field(value, 'x');
      for (const read of [
        text(value),
        id(value),
        titleText(value, flags()),
        bodyText(value, flags()),
        httpsUrl(value),
      ]) {
        if (read === undefined) continue;
        expect(read).not.toBe('');
        expect(read).toBe(read.trim());
        expect(lone.test(read)).toBe(false);
        expect(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(read)).toBe(false);
      }
    }),
  );
});
