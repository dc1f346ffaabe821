import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Broken, ConfigFolder, rest, route, sink, source } from '../../test/support/config-file.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

const broken: readonly Broken[] = [
  ['a file without anything', '', ['1:1: the file must hold blocks of keys: sources, sinks, routes and so on']],
  ['a file that is a list', '- a\n', ['1:1: the file must hold blocks of keys: sources, sinks, routes and so on']],
  [
    'a key that is there twice',
    'logLevel: info\nlogLevel: warn\n',
    ['2:1: "logLevel" is here twice: keep one of them'],
  ],
  ['a tab', `ingest:\n\tport: 1\n${rest}`, ['2:1: a tab in the indentation: YAML wants spaces']],
  [
    'an open brace',
    `ingest: { port: 1\n${rest}`,
    ['2:1: a { or [ is not closed, or what is inside it is not indented'],
  ],
  [
    'an indentation that does not fit',
    'ingest:\n    port: 1\n  host: a\n',
    ['3:1: the indentation does not fit what is above'],
  ],
  ['an open quote', `logLevel: "info\n${rest}`, ['1:11: this quote is not closed']],
  [
    'a text after a quoted one',
    `logLevel: "info" k3y\n${rest}`,
    ['1:18: something unexpected here: check quotes, brackets and indentation'],
  ],
  [
    'a text that begins like YAML',
    `logLevel: @info\n${rest}`,
    ['1:11: a text that begins with this character needs quotes'],
  ],
  [
    'a wild escape',
    `logLevel: "\\q"\n${rest}`,
    ['1:12: an escape YAML does not know: double the backslash, or use single quotes'],
  ],
  [
    'two keys on one line',
    `ingest: port: 1\n${rest}`,
    ['1:9: a value on the line of its key holds another "key: value": put it in quotes, or on lines of its own'],
  ],
  [
    'a variable in braces',
    `ingest: { port: \${PORT} }\n${rest}`,
    ['1:18: inside { } and [ ] a variable stands in quotes: "${NAME}"'],
  ],
  [
    'a tag',
    `logLevel: !secret info\n${rest}`,
    ['1:11: a tag (!name) has no meaning here: take it out, or put the text in quotes'],
  ],
  ['a second document', `${rest}---\na: 1\n`, ['7:1: a second document (---) in the file: keep one']],
  ['an alias of nothing', `ingest: *no\n${rest}`, ['1:9: there is no &no above that *no could stand for']],
  ['an alias inside itself', `ingest: &a { host: *a }\n${rest}`, ['1:20: the alias is inside what it stands for']],
  ['an alias as key', `ingest: { host: &a x, *a : 1 }\n${rest}`, ['1:23: a key must be plain text']],
  ['a block as key', `? [a]\n: 1\n${rest}`, ['1:3: a key must be plain text']],
  ['aliases that multiply', billionLaughs(), ['1:1: aliases (*name) repeat too much: write the values out']],
  ['blocks in blocks in blocks', '['.repeat(50_000), ['1:1: blocks and lists are nested more than 64 deep']],
  [
    'a key without a value',
    `ingest:\n  port:\nadmin:\n${rest}`,
    [
      '2:3: "port" has no value: write one, or take the key out',
      '3:1: "admin" has no value: write one, or take the key out',
    ],
  ],
  [
    'an empty element',
    `${source}${sink}routes:\n  - { name: all, to: mail }\n  -\n`,
    ['7:4: an element of the list is empty'],
  ],
  ['a key that means something to JavaScript', `__proto__: { a: 1 }\n${rest}`, ['1:1: "__proto__" cannot be a key']],
];

describe('the YAML of a config', () => {
  it.each(broken)('names %s', async (_what, yaml, problems) => {
    expect(await folder.problemsOf(yaml)).toEqual(problems);
  });

  it('may repeat a value by an alias', async () => {
    const config = await folder.load(`sources:\n  gate: &g { type: hook, auth: none }\n  other: *g\n${sink}${route}`);
    expect([...config.sources.keys()]).toEqual(['gate', 'other']);
  });
});

function billionLaughs(): string {
  const lines = Array.from({ length: 8 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]\n`);
  return `a0: &a0 [x]\n${lines.join('')}`;
}
