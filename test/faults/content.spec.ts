import { describe, expect } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadConfig } from '../../src/config/load.js';
import type { Alert } from '../../src/core/alert.js';
import { ConfigError } from '../../src/core/errors.js';
import { RouteOptions } from '../../src/routing/route.js';
import { Router } from '../../src/routing/router.js';
import { sampleAlert } from '../support/alerts.js';
import { sampleDelivery } from '../support/deliveries.js';
import { startScriptedServer, type ServedRequest } from '../support/scripted-server.js';
import { fault } from './harness/fault.js';
import { hook } from './harness/hook.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { LoneSink } from './harness/lone-sink.js';
import type { Scene } from './harness/scene.js';

// What a sink makes of an alert. No router runs, so there is nothing to account for.
const invariant = { none: 'no router takes part' };

const intakes = ['events', 'events-v2', 'logs'] as const;

/** What each sink sends for an alert, and the whole request. */
async function sentFor(
  scene: Scene,
  sinks: Readonly<Record<string, object>>,
  alert: Partial<Alert>,
): Promise<Readonly<Record<string, ServedRequest & { readonly text: string }>>> {
  const server = await startScriptedServer(() => ({ status: 202, body: '{}' }));
  scene.finally(() => server.close());
  const sent: Record<string, ServedRequest & { readonly text: string }> = {};
  for (const [name, { type, ...block }] of Object.entries(sinks) as [string, { type: string }][]) {
    const place = type === 'datadog' ? { apiKey: 'SEKRET_datadog', endpoint: server.url } : { url: server.url };
    const sink = LoneSink.open(scene, type, { ...place, ...block });
    expect(await sink.deliver(sampleDelivery({ alert: sampleAlert(alert) }))).toMatchObject([{ kind: 'delivered' }]);
    const request = server.requests.at(-1);
    if (!request) throw new Error(`${name} sent nothing`);
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(request.body) : request.body;
    // Throws on what is no UTF-8.
    sent[name] = { ...request, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  }
  return sent;
}

const datadogs = Object.fromEntries(intakes.map((intake) => [intake, { type: 'datadog', intake }]));

describe('the words of a vendor', () => {
  fault(
    {
      number: 57,
      title: 'Markdown and mentions for Datadog',
      fault: 'a title and a description with %%% blocks, script links, images and @mentions',
      expected: 'no %%% and no @name is left in what Datadog shows; links are https alone',
    },
    async (scene) => {
      const attack =
        '%%%\n[click](javascript:alert(1)) ![x](http://evil.example/x.png)\n%%% @all @pagerduty-oncall @webhook-x %%%%';
      const sent = await sentFor(scene, datadogs, {
        title: attack.replaceAll('\n', ' '),
        description: attack,
        recommendation: attack,
        rule: { name: attack },
      });
      for (const intake of intakes) {
        const shown = shownBy(intake, sent[intake]?.text ?? '');
        expect(shown).not.toHaveLength(0);
        for (const text of shown) {
          expect(text).not.toContain('%%%');
          expect(text).not.toMatch(/@\w/);
        }
      }
      const event = JSON.parse(sent['events']?.text ?? '') as { text: string };
      expect(event.text.split('\n').slice(0, 1)).toEqual([
        '%\u200b%% [click](javascript:alert(1)) ![x](http://evil.example/x.png) %\u200b%% @\u2060all @\u2060pagerduty-oncall @\u2060webhook-x %\u200b%\u200b%%',
      ]);
      const v2 = sent['events-v2']?.text ?? '';
      for (const [, url] of v2.matchAll(/"url":"([^"]*)"/g)) expect(url).toMatch(/^https:/);
    },
    { invariant },
  );

  fault(
    {
      number: 58,
      title: 'mentions and links for a chat',
      fault: 'a title with <!channel>, <@U1>, <url|text> and code fences, to a chat through a webhook with a template',
      expected: 'with the template’s filter escape nothing of it is an entity; nothing gets out of its JSON text',
    },
    async (scene) => {
      const title = '<!channel> <@U1> <https://evil.example|bank> ```x``` *bold* "}';
      const body = '{"text": "{{ alert.title | escape }}"}';
      const { chat } = await sentFor(scene, { chat: { type: 'webhook', body } }, { title });
      const { text, ...more } = JSON.parse(chat?.text ?? '') as { text: string };
      expect(more).toEqual({});
      expect(text).not.toMatch(/[<>]/);
      expect(text).toContain('&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|bank&gt;');
    },
    { invariant },
  );

  fault(
    {
      number: 60,
      title: 'in headers, URLs and tags',
      fault:
        'line breaks, header names, commas and paths in every field; templates in the URL and the headers of the config',
      expected:
        'request line and headers are the same as for a harmless alert; a tag stays one tag; nothing in URL and headers is a template',
    },
    async (scene) => {
      const attack = 'x\r\nX-Injected: 1\r\n\r\nGET /admin HTTP/1.1,admin:true,../../etc/passwd?a=b#c';
      const url = '/hook/{{ alert.title }}?t={{alert.title}}';
      const sinks = {
        ...datadogs,
        plain: { type: 'webhook' },
        templated: { type: 'webhook', headers: { 'x-title': '{{ alert.title }}' }, body: '{"a": "{{ alert.title }}"}' },
      };
      const hostile: Partial<Alert> = {
        title: attack,
        description: attack,
        tags: [attack],
        rule: { id: attack, name: attack },
        vendorIds: { [attack]: attack },
        source: { vendor: attack, product: attack, sourceId: 'vendor', accountId: attack, region: attack },
        resources: [{ role: 'target', type: 'host', hostname: attack, name: attack }],
      };
      const harmless = await sentFor(scene, sinks, {});
      const sent = await sentFor(scene, sinks, hostile);
      const fixed = ({ method, path, headers }: ServedRequest) => {
        const { host, 'content-length': length, 'webhook-timestamp': time, ...rest } = headers;
        return { method, path, rest };
      };
      for (const name of Object.keys(sinks)) {
        const [bad, good] = [sent[name], harmless[name]];
        if (!bad || !good) throw new Error('nothing was sent');
        expect(fixed(bad)).toEqual(fixed(good));
      }
      expect(sent['templated']?.headers['x-title']).toBe('{{ alert.title }}');
      const [log] = JSON.parse(sent['logs']?.text ?? '') as [{ ddtags: string }];
      for (const tag of log.ddtags.split(',')) expect(tag).toMatch(/^[a-z][a-z0-9_\-:./]*$/);
      expect(log.ddtags.split(',')).not.toContain('admin:true');

      const server = await startScriptedServer(() => ({ status: 200 }));
      scene.finally(() => server.close());
      await LoneSink.open(scene, 'webhook', { url: server.url + url }).deliver();
      expect(server.requests[0]?.path).toBe('/hook/%7B%7B%20alert.title%20%7D%7D?t={{alert.title}}');
    },
    { invariant },
  );

  fault(
    {
      number: 61,
      title: 'in odd Unicode',
      fault:
        'reversed writing, characters without width, ten thousand accents, emoji of several parts at every cut, half characters',
      expected:
        'what people read has no controls of direction and no towers; cuts are between characters; every body is UTF-8',
    },
    async (scene) => {
      const steering = /[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u061c]/;
      const family = '👩‍👩‍👧‍👦';
      const texts = [
        'invoice \u202Egnp.exe \u2066x\u2069 \u200Badmin\uFEFF',
        `z${'\u0301'.repeat(10_000)}`,
        family.repeat(100),
        ...Array.from({ length: 8 }, (_, shift) => 'a'.repeat(490 + shift) + family.repeat(10)),
        'half \ud83d and \udc69 alone',
      ];
      for (const title of texts) {
        const sent = await sentFor(
          scene,
          { ...datadogs, hook: { type: 'webhook' } },
          { title, description: title.repeat(20) },
        );
        for (const intake of intakes) {
          for (const text of shownBy(intake, sent[intake]?.text ?? '')) {
            expect(text.replaceAll('%\u200b', '').replaceAll('@\u2060', '')).not.toMatch(steering);
            expect(text).not.toMatch(/\p{M}{9}/u);
            expect(text).not.toMatch(/\p{Cs}/u);
          }
        }
        expect(JSON.parse(sent['hook']?.text ?? '')).toMatchObject({ title });
      }
    },
    { invariant },
  );

  fault(
    {
      number: 62,
      title: 'as templates',
      fault: 'template code in an alert, and code that reaches beyond the alert in a template of the config',
      expected: 'the alert’s is sent as it is; the config’s is refused at load, with the line',
    },
    async (scene) => {
      const title =
        "{{constructor.constructor('return process')()}} ${7*7} {{#with}} {{alert.__proto__}} {% assign x = 1 %}";
      const body = '{"text": "{{ alert.title }}", "again": {{ alert.title | append: "" | json }}}';
      const { chat } = await sentFor(scene, { chat: { type: 'webhook', body } }, { title });
      expect(JSON.parse(chat?.text ?? '')).toEqual({ text: title, again: title });

      const file = join(scene.folder, 'template.yaml');
      for (const [template, complaint] of [
        ["{{constructor.constructor('return process')()}}", 'line 2, column'],
        ['{{ alert.__proto__ }}', 'line 2, column 13: undefined variable: alert.__proto__'],
        ['{{ alert.title.constructor }}', 'line 2, column 13: undefined variable: alert.title.constructor'],
        ['{{#with}}', 'line 2, column'],
        ['{% include "/etc/passwd" %}', 'line 2, column 10: tag "include" not found'],
        ['{{ alert.resources | where_exp: "x", alert.title }}', 'line 2, column 10: undefined filter: where_exp'],
      ] as const) {
        writeFileSync(
          file,
          [
            'journal: { type: memory }',
            'sources: { vendor: { type: threatstack, auth: none, allow: 127.0.0.1 } }',
            'routes: [{ name: all, to: chat }]',
            'sinks:',
            '  chat:',
            '    type: webhook',
            '    url: https://chat.example.com/',
            '    body: |',
            '      {',
            `      "text": "${template.replaceAll('"', "'")}"}`,
          ].join('\n'),
        );
        const refused: unknown = await loadConfig(file, { env: {} }).catch((error: unknown) => error);
        if (!(refused instanceof ConfigError)) throw new Error(`${template} loads`);
        expect(refused.message).toMatch(/:8:\d+: sinks\.chat\.body: the template has a mistake: line 2/);
        expect(refused.message).toContain(complaint);
      }
    },
    { invariant },
  );

  fault(
    {
      number: 64,
      title: 'against a pattern (ReDoS)',
      fault:
        'routes with (a+)+$ and many stars, titles of 50 kB that make other engines go back and forth; ten thousand rules',
      expected:
        'linear time: all is decided long before one such title would be by backtracking; what RE2 does not have is refused at load',
    },
    async (scene) => {
      const patterns = [
        '/^(a+)+$/',
        '/(x+x+)+y/',
        '/^(([a-z])+.)+[A-Z]([a-z])+$/',
        '/\\s+$/',
        '/(.*)*,(.*)*!/',
        `${'*a'.repeat(50)}*b`,
      ];
      const routes = Array.from({ length: 10_000 }, (_, index) =>
        plainToInstance(RouteOptions, {
          name: `r${String(index)}`,
          match: { title: patterns[index] ?? `rule ${String(index)}` },
          to: ['x'],
        }),
      );
      const router = new Router(routes);
      const started = performance.now();
      for (const text of [
        'a'.repeat(50_000) + '!',
        'x'.repeat(50_000),
        ' '.repeat(50_000) + 'x',
        'ab'.repeat(25_000),
        ','.repeat(50_000),
      ]) {
        router.decide(sampleAlert({ title: text }));
      }
      // By backtracking, the first one alone would outlast the sun.
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(router.decide(sampleAlert({ title: 'rule 9999' })).routes).toEqual(['r9999']);

      const file = join(scene.folder, 'pattern.yaml');
      for (const pattern of ['/(?=a)b/', '/(a)\\1/', '/(/', '/a{1,100000}/']) {
        writeFileSync(
          file,
          [
            'journal: { type: memory }',
            'sources: { vendor: { type: threatstack, auth: none, allow: 127.0.0.1 } }',
            'sinks: { chat: { type: file, path: "-" } }',
            'routes:',
            `  - { name: all, match: { title: ${JSON.stringify(pattern)} }, to: chat }`,
          ].join('\n'),
        );
        await expect(loadConfig(file, { env: {} })).rejects.toThrow(/:5:\d+: routes\[0\]\.match\.title/);
      }
    },
    { invariant },
  );

  fault(
    {
      number: 67,
      title: 'as names that a sink reserves',
      fault: 'status, severity, host, service, message, ddtags and the like as names within a vendor’s data',
      expected: 'at the root of a log stand our own names alone, and the status is one of Datadog’s words',
    },
    async (scene) => {
      const names = [
        'status',
        'severity',
        'host',
        'hostname',
        'service',
        'message',
        'ddtags',
        'ddsource',
        'timestamp',
        'date',
        'ocsf',
      ];
      const reserved = Object.fromEntries(names.map((name) => [name, 'open']));
      const sent = await sentFor(
        scene,
        { logs: { type: 'datadog', intake: 'logs', ocsf: true } },
        {
          vendorIds: reserved,
          enrichment: { ...reserved, nested: reserved },
          vendorState: 'open',
          resources: [{ role: 'target', type: 'host', labels: reserved }],
          tags: names.map((name) => `${name}:open`),
        },
      );
      const [log] = JSON.parse(sent['logs']?.text ?? '') as [Record<string, unknown>];
      const ours = ['message', 'status', 'timestamp', 'ddsource', 'ddtags', 'hostname', 'service', 'alert', 'ocsf'];
      expect(Object.keys(log).filter((name) => !ours.includes(name))).toEqual([]);
      expect(['critical', 'error', 'warning', 'notice', 'info']).toContain(log['status']);
      expect([log['message'], log['ddsource'], log['service']]).toEqual([
        sampleAlert().title,
        'threatstack',
        undefined,
      ]);
    },
    { invariant },
  );

  fault(
    {
      number: 66,
      title: 'that hold credentials',
      fault: 'keys, bearer tokens, cookies and a private key in an alert that the sink refuses, quoting all of it',
      expected: 'no log line and no dead letter shows them; the raw body, for who may read it, does',
    },
    async (scene) => {
      const pager = await scene.sink({
        kind: {
          ...hook,
          answer: ({ body }) => {
            const text = body.toString();
            return text.includes('evidence') ? { status: 400, body: `cannot take: ${text}` } : { status: 200 };
          },
        },
      });
      const router = await scene.start();
      await scene.client.insist();
      const title = `evidence: ${credentials.join(' ')}`;
      const alert = { id: 'e1', title, created_at: Date.now(), severity: 1, organization_id: 'o', source: 'Host' };
      const posted = await fetch(`${router.ingest}/v1/ingest/vendor`, {
        method: 'POST',
        headers: { authorization: `Bearer ${sourceToken}` },
        body: JSON.stringify({ alerts: [alert] }),
      });
      expect(posted.status).toBe(202);
      const letters = () => askAdmin<{ items: readonly { alertId: string }[] }>(router, '/api/v1/dead-letters');
      await scene.until(async () => (await letters()).items.length === 1);
      const { items } = await letters();
      const shown = [JSON.stringify(items), router.output].join('\n');
      expect(shown).toContain('evidence');
      for (const secret of secrets) expect(shown).not.toContain(secret);
      const raw = await fetch(`${router.admin}/api/v1/alerts/${items[0]?.alertId ?? ''}/raw`);
      expect(await raw.text()).toContain(secrets[0]);
      expect(pager.server.requests.length).toBe(2);
    },
  );
});

/** The parts of them that must not be seen. */
const secrets = [
  'AKIAIOSFODNN7EXAMPLE',
  'SEKRETbearer0123456789',
  'SEKRETsession42',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SEKRETsignature',
  'SEKRETpassw0rd',
  'ghp_SEKRET0123456789abcdefghijklmnopqrst',
  'SEKRETprivatekeybytes',
] as const;
const [aws, bearer, session, jwt, password, github, key] = secrets;
const credentials = [
  aws,
  `Authorization: Bearer ${bearer}`,
  `Cookie: theme=dark; session=${session};`,
  jwt,
  `password=${password}`,
  github,
  `-----BEGIN PRIVATE KEY-----${key}-----END PRIVATE KEY-----`,
];

/** What Datadog shows to people: titles, texts and tags. What lies under `alert` and `custom` it keeps as attributes. */
function shownBy(intake: (typeof intakes)[number], body: string): readonly string[] {
  const value: unknown = JSON.parse(body);
  if (intake === 'logs') {
    const [{ message, ddtags }] = value as [{ message: string; ddtags: string }];
    return [message, ddtags];
  }
  if (intake === 'events') {
    const { title, text, tags } = value as { title: string; text: string; tags: readonly string[] };
    return [title, text, ...tags];
  }
  const { data } = value as { data: { attributes: { title: string; message: string; tags: readonly string[] } } };
  const { title, message, tags } = data.attributes;
  return [title, message, ...tags];
}
