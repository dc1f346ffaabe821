import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePath, valueAt } from './json-path.js';

const at = (value: unknown, written: string): unknown => {
  const parsed = parsePath(written);
  return parsed.ok ? valueAt(value, parsed.path) : parsed.reason;
};

describe('a JSON path', () => {
  const body = { text: 't', 'a.b': { "it's": 1 }, items: [{ name: 'first' }, ['deep']], 'x-y': 2, $: 3 };

  it.each<[string, unknown]>([
    ['$.text', 't'],
    ['text', 't'],
    ["$['text']", 't'],
    ['$["text"]', 't'],
    ["['a.b']['it\\'s']", 1],
    ['$.items[0].name', 'first'],
    ['items[1][0]', 'deep'],
    ['x-y', 2],
    ["$['$']", 3],
  ])('%s leads to its value', (written, expected) => {
    expect(at(body, written)).toBe(expected);
  });

  it.each(['$.nothing', '$.text.length', '$.items.length', '$.items[2]', '$.text[0]', "$['items']['0']", '$.a.b'])(
    '%s leads nowhere',
    (written) => {
      expect(at(body, written)).toBeUndefined();
    },
  );

  it.each(['constructor', '$.__proto__', '$.items.map', "$['text']['toString']"])('%s is not inherited', (written) => {
    expect(at(body, written)).toBeUndefined();
  });

  it.each([
    ['', 'names no field'],
    ['$', 'names no field'],
    ['.text', 'from character 1'],
    ['$.', 'from character 2'],
    ['$.a..b', 'from character 4'],
    ['$.a[', 'from character 4'],
    ['$.a[*]', 'from character 4'],
    ['$.a[-1]', 'from character 4'],
    ["$['a]", 'from character 2'],
    ['$.a[0]b', 'from character 7'],
    ['$.a b', 'from character 4'],
  ])('%j is refused with the place and an example', (written, reason) => {
    expect(at({}, written)).toMatch(reason);
    expect(at({}, written)).toMatch('write a path such as $.incident.summary');
  });

  it('finds any key when it is quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const quoted = `$['${key.replace(/[\\']/g, '\\$&')}']`;
        expect(at(Object.fromEntries([[key, 7]]), quoted)).toBe(7);
      }),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (written, value) => {
        at(value, written);
      }),
    );
  });
});
