import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Broken, ConfigFolder, rest, route, sink, source } from '../../test/support/config-file.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

const secretForm = 'must be a non-empty string, best as ${ENV_NAME} or ${file:/path/to/secret}';

const broken: readonly Broken[] = [
  ['an unknown key', `ingest:\n  prot: 1\n${rest}`, ['2:3: unknown key "prot"; did you mean "port"?']],
  [
    'an unknown key in another spelling',
    `ingest:\n  trusted_proxies: []\n${rest}`,
    ['2:3: unknown key "trusted_proxies"; did you mean "trustedProxies"?'],
  ],
  ['an unknown section', `ingress: {}\n${rest}`, ['1:1: unknown key "ingress"; did you mean "ingest"?']],
  [
    'an unknown key like no other',
    `admin: { color: red }\n${rest}`,
    ['1:10: unknown key "color"; use one of host, port, tokens'],
  ],
  [
    'an unknown key of a plugin',
    `sources:\n  gate: { type: hook, auth: none, sise: 3 }\n${sink}${route}`,
    ['2:35: unknown key "sise"; did you mean "size"?'],
  ],
  [
    'an unknown key of the journal',
    `journal: { type: paper, path: x }\n${rest}`,
    ['1:25: unknown key "path"; use one of type, sheets'],
  ],
  [
    'numbers that are none',
    `ingest:\n  port: http\n  maxConnections: "12"\n${rest}`,
    [
      '2:9: ingest.port must be a whole number, at least 0 and at most 65535',
      '3:19: ingest.maxConnections must be a whole number, at least 1 and at most 65535; write it without quotes and units',
    ],
  ],
  [
    'numbers out of range',
    `sources:\n  gate: { type: hook, auth: none, size: 12 }\n${sink}${route}`,
    ['2:41: sources.gate.size must be at most 9'],
  ],
  [
    'a boolean that is none',
    `sources:\n  gate: { type: hook, auth: none, strict: yes }\n${sink}${route}`,
    ['2:43: sources.gate.strict must be true or false'],
  ],
  [
    'a secret that YAML takes for a number',
    `sinks:\n  mail: { type: post, apiKey: 12345678 }\n${source}${route}`,
    [`2:31: sinks.mail.apiKey ${secretForm}; put it in quotes`],
  ],
  [
    'a choice that is none',
    `sinks:\n  mail: { type: post, apiKey: k, site: south.exmaple }\n${source}${route}`,
    ['2:40: sinks.mail.site must be one of north.example, south.example; did you mean "south.example"?'],
  ],
  [
    'durations, sizes and addresses that are none',
    'ingest: { host: a b, maxBody: 5, requestTimeout: 15, trustedProxies: [10.0.0.0/8, home] }\n' + rest,
    [
      '1:17: ingest.host must be an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::',
      '1:31: ingest.maxBody must be a size such as 64kb, 5mb or 2gb, at least 1kb, at most 100mb',
      '1:50: ingest.requestTimeout must be a duration such as 500ms, 30s, 5m, 4h or 7d, at least 1s, at most 5m',
      '1:83: ingest.trustedProxies[1] must hold addresses or networks such as 192.0.2.7 or 10.0.0.0/8',
    ],
  ],
  [
    'the element of a list',
    `sinks:\n  mail:\n    type: post\n    apiKey: k\n    tags:\n      - a\n      - 7\n${source}${route}`,
    ['7:9: sinks.mail.tags[1] must be text; put it in quotes'],
  ],
  [
    'one value in the place of a list',
    `sinks:\n  mail: { type: post, apiKey: k, tags: 7 }\n${source}${route}`,
    ['2:40: sinks.mail.tags must be text; put it in quotes'],
  ],
  [
    'what a plugin needs',
    `sinks:\n  mail: { type: post }\n${source}${route}`,
    [`2:3: sinks.mail.apiKey is missing: it ${secretForm}`],
  ],
  [
    'sections that are missing',
    route,
    [
      '1:1: sources is missing: it must be a block of keys',
      '1:1: sinks is missing: it must be a block of keys',
      '1:1: journal is missing: it must be a block of keys with a type, one of paper',
      '2:22: there is no sink "mail"',
    ],
  ],
  [
    'blocks inside blocks',
    `sources:\n  gate:\n    type: hook\n    auth: none\n    front: { width: wide }\n    doors:\n      - { name: a }\n      - { nam: b }\n      - name: 5\n${sink}${route}`,
    [
      '5:5: sources.gate.front.name is missing: it must be text',
      '5:21: sources.gate.front.width must be a whole number',
      '8:9: sources.gate.doors[1].name is missing: it must be text',
      '8:11: unknown key "nam"; did you mean "name"?',
      '9:15: sources.gate.doors[2].name must be text; put it in quotes',
    ],
  ],
  [
    'a list in the place of a block',
    `sources:\n  gate: { type: hook, auth: none, front: [{ name: a }] }\n${sink}${route}`,
    ['2:42: sources.gate.front must be one block of keys, not a list'],
  ],
  [
    'a text in the place of a block',
    `ingest: 8080\njournal: paper\nsources:\n  gate: { type: hook, auth: none, front: door }\nsinks: { mail: post }\nroutes: [all]\n`,
    [
      '1:9: ingest must be a block of keys',
      '2:10: journal must be a block of keys with a type',
      '4:42: sources.gate.front must be a block of keys',
      '5:16: sinks.mail must be a block of keys with a type',
      '6:10: routes[0] must be a block of keys: name, match, to, final',
    ],
  ],
  ['a block in the place of a list', `${source}${sink}routes: { all: mail }\n`, ['5:9: routes must be a list']],
];

describe('what is written in a block', () => {
  it.each(broken)('names %s', async (_what, yaml, problems) => {
    expect(await folder.problemsOf(yaml)).toEqual(problems);
  });
});
