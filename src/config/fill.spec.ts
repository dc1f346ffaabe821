import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Broken, ConfigFolder, env, rest, route, sink, source } from '../../test/support/config-file.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

const secretForm = 'must be a non-empty string, best as ${ENV_NAME} or ${file:/path/to/secret}';
const variableForm =
  'a variable is written ${NAME}, ${NAME:-default} or ${file:/path/to/secret}; $${ stands for ${ itself';

const broken: readonly Broken[] = [
  [
    'variables that are not set',
    `sinks:\n  mail:\n    type: post\n    apiKey: Bearer \${KYE}\n    site: \${NOWHERE}\n    timeout: \${KEY}\n${source}${route}`,
    [
      '4:20: there is no variable KYE in the environment or .env: set it, or write a default as in ${KYE:-…} (there is KEY)',
      '5:11: there is no variable NOWHERE in the environment or .env: set it, or write a default as in ${NOWHERE:-…}',
      '6:14: sinks.mail.timeout must be a duration such as 500ms, 30s, 5m, 4h or 7d, at least 1ms (it comes from ${KEY})',
    ],
  ],
  [
    'a variable that is empty',
    `sinks:\n  mail: { type: post, apiKey: "\${EMPTY}" }\n${source}${route}`,
    [`2:31: sinks.mail.apiKey ${secretForm} (it comes from \${EMPTY})`],
  ],
  [
    'a variable that does not fit, without its value',
    `sinks:\n  mail: { type: post, apiKey: k, site: "\${SITE}" }\n  other: { type: "\${WORD}" }\n${source}${route}`,
    [
      '2:40: sinks.mail.site must be one of north.example, south.example; did you mean "north.example"? (it comes from ${SITE})',
      '3:3: warning: no route reaches the sink other: name it in the to of a route, or take it out',
      '3:18: sinks.other.type: unknown type ${WORD}; use post',
    ],
  ],
  [
    'variables that are none',
    `sinks:\n  mail: { type: post, apiKey: "a\${b c}d \${ \${KEY" }\n${source}${route}`,
    [`2:33: ${variableForm}`, `2:41: ${variableForm}`, `2:44: ${variableForm}`],
  ],
  [
    'secret files that are none',
    `sinks:\n  mail:\n    type: post\n    apiKey: \${file:nothing}\n    tags: ["\${file:/}", "\${file:latin1}", "\${file:long}"]\n${source}${route}`,
    [
      '4:13: nothing cannot be read: there is no such file',
      '5:13: / is not a file',
      '5:26: latin1 is not UTF-8 text',
      '5:44: long is longer than 65536 bytes',
    ],
  ],
];

describe('a variable that cannot be filled in', () => {
  it.each(broken)('names %s', async (_what, yaml, problems) => {
    expect(await folder.problemsOf(yaml)).toEqual(problems);
  });
});

describe('a variable', () => {
  it('is filled in within a text, from the environment, a default or a file', async () => {
    const { tags } = await folder.post(
      'apiKey: k\n    tags: ["a ${WORD} b", "${NONE:-c d}", "${EMPTY:-e}", "${file:secret}"]',
    );
    expect(tags).toEqual([`a ${env.WORD} b`, 'c d', 'e', 's3cret-from-a-file']);
  });

  it('is text, also where it spells a number', async () => {
    expect((await folder.post('apiKey: ${PORT}')).apiKey.reveal()).toBe('8181');
  });

  it('is a number or a boolean where the option wants one', async () => {
    const config = await folder.load(
      `ingest:\n  port: \${PORT}\n  maxBody: \${NONE:-64kb}\nsources:\n  gate: { type: hook, auth: none, strict: "\${YES}", size: "\${NONE:-3}" }\n${sink}${route}`,
    );
    expect(config.ingest).toMatchObject({ port: 8181, maxBody: 64_000 });
    expect(config.sources.get('gate')?.options).toMatchObject({ strict: true, size: 3 });
  });

  it('drops the line break at the end of a file, and says when everybody can read it', async () => {
    const yaml = `sinks:\n  mail: { type: post, apiKey: "\${file:open-secret}" }\n${source}${route}`;
    expect(await folder.warningsOf(yaml)).toEqual([
      '2:32: warning: every user of this machine can read open-secret: chmod 600 it, or 640 for a group',
    ]);
    expect((await folder.post('apiKey: "${file:open-secret}"')).apiKey.reveal()).toBe('0pen-secret-from-a-file');
  });

  it('stays as it is after a second dollar sign, and what is filled in is not looked at again', async () => {
    expect((await folder.post('apiKey: "$${KEY} ${RAW}"')).apiKey.reveal()).toBe('${KEY} a ${KEY}');
  });

  it('is no variable in a key', async () => {
    expect(await folder.problemsOf(`"\${WORD}": 1\n${rest}`)).toEqual([
      '1:1: unknown key; use one of journal, ingest, admin, delivery, logLevel, instance, sources, sinks, routes',
    ]);
  });
});
