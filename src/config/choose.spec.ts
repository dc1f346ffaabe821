import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Broken, ConfigFolder, rest, route, sink, source } from '../../test/support/config-file.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

const auth = 'sources:\n  gate:\n    type: hook\n    auth:\n';

const secretForm = 'must be a non-empty string, best as ${ENV_NAME} or ${file:/path/to/secret}';

const broken: readonly Broken[] = [
  [
    'an unknown type',
    `journal: { type: papr }\nsources:\n  gate: { type: hok, auth: none }\nsinks:\n  mail: { type: carrier-pigeon }\n${route}`,
    [
      '1:18: journal.type: unknown type "papr"; did you mean "paper"?',
      '3:17: sources.gate.type: unknown type "hok"; did you mean "hook"?',
      '5:17: sinks.mail.type: unknown type "carrier-pigeon"; use post',
    ],
  ],
  [
    'a missing type',
    `sinks:\n  mail: { apiKey: k }\n${source}${route}`,
    ['2:3: sinks.mail.type is missing: it must be one of post'],
  ],
  [
    'names that fit no URL',
    `sources:\n  Gate_1: { type: hook, auth: none }\nsinks:\n  mail: { type: post, apiKey: k }\n  "!": { type: post, apiKey: k }\nroutes:\n  - { name: all, to: [mail, "!"] }\n`,
    [
      '2:3: the name "Gate_1" must be lower-case letters, digits and dashes, 63 at most; write gate-1',
      '5:3: this name must be lower-case letters, digits and dashes, 63 at most',
    ],
  ],
  [
    'a source without auth',
    `sources:\n  gate: { type: hook }\n${sink}${route}`,
    [
      '2:3: sources.gate has no auth: write one such as auth: { type: bearer, secret: "${NAME}" }, or auth: none if anybody may post',
    ],
  ],
  [
    'auth that is none',
    `sources:\n  gate: { type: hook, auth: nobody }\n${sink}${route}`,
    [
      '2:29: sources.gate.auth must be { type: bearer, secret: ${ENV_NAME} } or another type, a list of them, or the word none',
    ],
  ],
  [
    'auth in a list that is none',
    `sources:\n  gate: { type: hook, auth: [none] }\n${sink}${route}`,
    [
      '2:30: sources.gate.auth[0] must be { type: bearer, secret: ${ENV_NAME} } or another type, a list of them, or the word none',
    ],
  ],
  [
    'an unknown auth type',
    `${auth}      - { type: bearer, secret: a }\n      - { type: hmca, secret: b }\n${sink}${route}`,
    [
      '6:17: sources.gate.auth[1].type must be one of bearer, basic, header, path, hmac, standard-webhooks; did you mean "hmac"?',
    ],
  ],
  [
    'what is wrong inside one of several auths',
    `${auth}      - type: hmac\n        secret: a\n      - type: bearer\n        sekret: b\n${sink}${route}`,
    [
      '5:9: sources.gate.auth[0].header is missing: it must be the name of a header',
      `7:9: sources.gate.auth[1].secret is missing: it ${secretForm}`,
      '8:9: unknown key "sekret"; did you mean "secret"?',
    ],
  ],
  [
    'what is wrong inside the only auth',
    `${auth}      type: basic\n      username: 'a:b'\n      secret: k\n${sink}${route}`,
    ['6:17: sources.gate.auth.username should not contain a : string'],
  ],
];

describe('sources, sinks and the journal', () => {
  it.each(broken)('names %s', async (_what, yaml, problems) => {
    expect(await folder.problemsOf(yaml)).toEqual(problems);
  });

  it('names a missing journal', async () => {
    expect(await folder.problemsOf(Buffer.from(rest))).toEqual([
      '1:1: journal is missing: it must be a block of keys with a type, one of paper',
    ]);
  });
});
