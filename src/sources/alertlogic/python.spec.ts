import { expect, it } from '@jest/globals';
import { pythonList } from './python.js';

it.each<[string, readonly string[] | undefined]>([
  ["['alice', 'bob']", ['alice', 'bob']],
  [`["o'neil", 'say \\"hi\\"', u'é']`, ["o'neil", 'say "hi"', 'é']],
  ["['it\\'s']", ["it's"]],
  ['[]', []],
  ['[ ]', []],
  ["['open'", undefined],
  ["['a' 'b']", undefined],
  ['[1, 2]', undefined],
  ['alice', undefined],
  ["['" + 'a'.repeat(30_000) + "']", undefined],
])('a list printed by Python is read: %.40s', (written, expected) => {
  expect(pythonList(written)).toEqual(expected);
});
