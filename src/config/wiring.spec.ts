import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Broken, ConfigFolder, rest, route, sink, source } from '../../test/support/config-file.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

const broken: readonly Broken[] = [
  [
    'a path of two sources',
    `sources:\n  gate: { type: hook, auth: none, paths: /a }\n  other: { type: hook, auth: none, paths: [/b, /a] }\n${sink}${route}`,
    ['3:48: the path "/a" is already one of the source gate'],
  ],
  [
    'an open admin port',
    `admin:\n  host: 0.0.0.0\n${rest}`,
    [
      '2:9: admin.host is not a loopback address, so admin.tokens must say who may in: write tokens: ["${SIGNALBOX_ADMIN_TOKEN}"], or host: 127.0.0.1',
    ],
  ],
  [
    'one port for two',
    `ingest: { port: 9090 }\nadmin: { port: 9090 }\n${rest}`,
    ['2:16: admin.port and ingest.port are both 9090: each needs one of its own'],
  ],
  [
    'limits that contradict',
    `ingest: { maxBody: 30mb }\n${rest}`,
    ['1:1: ingest.maxInflated must be at least ingest.maxBody'],
  ],
  [
    'two tokens of one name',
    `admin:\n  tokens:\n    - { name: ann, role: viewer, token: a }\n    - { name: ann, role: admin, token: b }\n${rest}`,
    ['4:15: two tokens are called "ann": give this one another name'],
  ],
  [
    'one token twice, also by its digest',
    `admin:\n  tokens:\n    - a\n    - { name: ann, role: viewer, sha256: ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb }\n${rest}`,
    ['4:7: admin.tokens[1] is the same token as one above it: mint another one'],
  ],
  [
    'tokens that are none',
    `admin:\n  tokens:\n    - { name: a b, role: owner, sha256: abc }\n    - { name: ann, role: viewer }\n    - ""\n    - 7\n    - { name: bob, role: viewer, sha256: ${'a'.repeat(64)}, token: c }\n    - { name: eve, role: admin, tokn: x }\n${rest}`,
    [
      '3:15: admin.tokens[0].name must be letters, digits and . _ @ -, 63 at most',
      '3:26: admin.tokens[0].role must be one of viewer, operator, admin',
      '3:41: admin.tokens[0].sha256 must be 64 hex digits, as "signalbox token" prints them, unless there is a token',
      '4:7: admin.tokens[1].sha256 is missing: it must be 64 hex digits, as "signalbox token" prints them, unless there is a token',
      '5:7: admin.tokens[2] must be a token, best as ${ENV_NAME} or ${file:/path/to/secret}, or { name, role, sha256 } as "signalbox token" prints it',
      '6:7: admin.tokens[3] must be a token, best as ${ENV_NAME} or ${file:/path/to/secret}, or { name, role, sha256 } as "signalbox token" prints it',
      '7:115: admin.tokens[4].token must not stand beside sha256: keep one of them',
      '8:7: admin.tokens[5].sha256 is missing: it must be 64 hex digits, as "signalbox token" prints them, unless there is a token',
      '8:33: unknown key "tokn"; did you mean "token"?',
    ],
  ],

  [
    'an unknown sink',
    `${source}${sink}routes:\n  - name: all\n    to:\n      - mail\n      - mial\n  - { name: rest, to: archive }\n`,
    ['9:9: there is no sink "mial"; did you mean "mail"?', '10:23: there is no sink "archive"; use mail'],
  ],
  [
    'a source with the name of the router’s own',
    `sources:\n  signalbox: { type: hook, auth: none }\n${sink}${route}`,
    ["2:3: the name signalbox is that of the router's own alerts: choose another"],
  ],
  [
    'an unknown source',
    `${source}${sink}routes:\n  - { name: all, match: { source: gaet }, to: mail }\n`,
    ['6:35: there is no source "gaet"; did you mean "gate"?'],
  ],
  [
    'two routes of one name',
    `${source}${sink}routes:\n  - { name: all, to: mail }\n  - { name: all, to: mail }\n`,
    ['7:13: two routes are called "all": give this one another name'],
  ],
  [
    'conditions that cannot be',
    `${source}${sink}routes:\n  - name: All\n    to: []\n    final: perhaps\n    match: { severity: hihg, kind: [audit, foo], title: "/(/" }\n`,
    [
      '6:11: routes[0].name must be lower-case letters, digits and dashes',
      '7:9: routes[0].to must name at least one sink',
      '8:12: routes[0].final must be true or false',
      '9:24: routes[0].match.severity must be one of unknown, informational, low, medium, high, critical, or a comparison in quotes such as ">=medium"',
      '9:44: routes[0].match.kind[1] must be one of detection, posture, vulnerability, compliance, incident, audit, inventory, test, other',
      '9:57: routes[0].match.title has a regular expression that RE2 refuses: error parsing regexp: missing closing ): `(`',
    ],
  ],
  [
    'a label that is no pattern',
    `${source}${sink}routes:\n  - { name: all, match: { labels: { env: [1] } }, to: mail }\n`,
    ['6:35: routes[0].match.labels: each value of labels must be a text, a glob with *, or /regex/ in RE2 syntax'],
  ],
  [
    'a route to nowhere',
    `${source}${sink}routes:\n  - name: all\n`,
    ['6:5: routes[0].to is missing: it must name at least one sink'],
  ],
];

describe('blocks seen together', () => {
  it.each(broken)('names %s', async (_what, yaml, problems) => {
    expect(await folder.problemsOf(yaml)).toEqual(problems);
  });
});

describe('a config that works but does less than it seems to', () => {
  it('says which sink no route reaches', async () => {
    expect(await folder.warningsOf(`${source}${sink}  other: { type: post, apiKey: k }\n${route}`)).toEqual([
      '5:3: warning: no route reaches the sink other: name it in the to of a route, or take it out',
    ]);
  });

  it('says that there is no route', async () => {
    const warning = 'warning: there is no route: every alert is kept and counted as unrouted, and none is sent';
    expect(await folder.warningsOf(source + sink)).toEqual([`1:1: ${warning}`]);
    expect(await folder.warningsOf(`${source}${sink}routes: []\n`)).toEqual([`5:1: ${warning}`]);
  });

  it('says which route never matches', async () => {
    const yaml = `${source}${sink}routes:
  - { name: grave, match: { severity: [high, critical] }, to: mail, final: true }
  - { name: gravest, match: { severity: critical, kind: incident }, to: mail }
  - { name: all, to: mail, final: true }
  - { name: rest, to: mail }
`;
    expect(await folder.warningsOf(yaml)).toEqual([
      '7:7: warning: the route gravest never matches: grave, above it, is final and takes all of it',
      '9:7: warning: the route rest never matches: all, above it, is final and takes all of it',
    ]);
  });
});
