import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { Webhook } from 'standardwebhooks';
import { describeSink } from '../../../test/contract/sink.js';
import { sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import { startScriptedServer, type ScriptedServer } from '../../../test/support/scripted-server.js';
import type { Delivery } from '../../core/journal.js';
import type { Outcome, Sink } from '../../core/sink.js';
import { fromOcsf } from '../../kit/ocsf.js';
import type { OcsfFinding } from '../../kit/ocsf/finding.js';
import { WebhookOptions } from './options.js';
import { webhook } from './sink.js';

const secretOf = (letter: string): string => `whsec_${Buffer.alloc(32, letter).toString('base64')}`;

describeSink({
  plugin: webhook,
  folder: new URL('./', import.meta.url),
  options: ({ url, secret }) => ({
    url: `${url}/hooks/${secret}?key=${secret}`,
    secret: secretOf('a'),
    headers: { 'X-Api-Key': secret },
  }),
  http: { good: () => ({ status: 200, body: 'ok' }) },
});

describeSink({
  plugin: webhook,
  folder: new URL('./', import.meta.url),
  variant: 'OCSF, by PUT',
  options: ({ url }) => ({ url, method: 'PUT', format: 'ocsf' }),
  http: { good: () => ({ status: 204 }) },
});

describeSink({
  plugin: webhook,
  folder: new URL('./', import.meta.url),
  variant: 'with a template',
  options: ({ url }) => ({ url, body: '{"text": "{{ alert.title }}", "of": "{{ delivery.id }}"}' }),
  http: { good: () => ({ status: 202 }) },
});

let server: ScriptedServer;
let now: number;
let open: Sink[];

beforeAll(async () => {
  server = await startScriptedServer(() => ({ status: 200 }));
});
beforeEach(() => {
  server.clear();
  now = Date.now();
  open = [];
});
afterEach(async () => {
  for (const sink of open) await sink.close?.();
});
afterAll(() => server.close());

function openSink(block: object = {}): Sink {
  const options = plainToInstance(WebhookOptions, { url: `${server.url}/hook`, allowCidrs: '127.0.0.0/8', ...block });
  expect(validateSync(options, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
  const sink = webhook.open(options, { name: 'hook', now: () => now });
  open.push(sink);
  return sink;
}

async function deliver(sink: Sink, delivery: Delivery = sampleDelivery()): Promise<Outcome | undefined> {
  const outcomes = await sink.deliver([delivery], new AbortController().signal);
  return (outcomes as readonly Outcome[])[0];
}

const signed = (index = 0): { body: string; headers: Record<string, string> } => {
  const request = server.requests[index];
  return { body: request?.body.toString() ?? '', headers: request?.headers as Record<string, string> };
};

describe('a request', () => {
  it('holds the alert', async () => {
    expect(await deliver(openSink())).toEqual({ kind: 'delivered', answer: { status: 200 } });
    expect(server.requests).toMatchObject([{ method: 'POST', path: '/hook' }]);
    expect(signed().headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'signalbox' });
    expect(JSON.parse(signed().body)).toEqual(sampleAlert());
  });

  it('holds the alert as an OCSF finding, from which nothing is missing', async () => {
    await deliver(openSink({ format: 'ocsf', method: 'PUT' }));
    expect(server.requests).toMatchObject([{ method: 'PUT' }]);
    expect(fromOcsf(JSON.parse(signed().body) as OcsfFinding)).toEqual(sampleAlert());
  });

  it('holds what the template writes, of the type that the options say', async () => {
    await deliver(
      openSink({ body: '{{ alert.severity }}: {{ alert.title }}', contentType: 'text/plain; charset=utf-8' }),
    );
    expect(signed().body).toBe('high: Root shell opened on web-1');
    expect(signed().headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
  });

  it('has the headers of the options', async () => {
    await deliver(
      openSink({ headers: { Authorization: 'Bearer t0ken-of-theirs', 'X-Env': 'prod', 'User-Agent': 'us' } }),
    );
    expect(signed().headers).toMatchObject({
      authorization: 'Bearer t0ken-of-theirs',
      'x-env': 'prod',
      'user-agent': 'us',
    });
  });
});

describe('a signature', () => {
  it('is one that Standard Webhooks accept', async () => {
    await deliver(openSink({ secret: secretOf('a') }));
    const { body, headers } = signed();
    expect(new Webhook(secretOf('a')).verify(body, headers)).toEqual(sampleAlert());
    expect(() => new Webhook(secretOf('b')).verify(body, headers)).toThrow();
    expect(() => new Webhook(secretOf('a')).verify(`${body} `, headers)).toThrow();
  });

  it('is there for each secret, while one takes the place of another', async () => {
    await deliver(openSink({ secret: [secretOf('a'), secretOf('b')] }));
    const { body, headers } = signed();
    for (const letter of ['a', 'b']) new Webhook(secretOf(letter)).verify(body, headers);
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
  });

  it('keeps its id over attempts, and has the time of each', async () => {
    const sink = openSink({ secret: secretOf('a') });
    const delivery = sampleDelivery();
    await deliver(sink, delivery);
    now += 60_000;
    await deliver(sink, { ...delivery, attempt: 2 });
    const [first, second] = [signed(0).headers, signed(1).headers];
    expect([first['webhook-id'], second['webhook-id']]).toEqual([delivery.id, delivery.id]);
    expect(Number(second['webhook-timestamp']) - Number(first['webhook-timestamp'])).toBe(60);
    expect(second['webhook-signature']).not.toBe(first['webhook-signature']);
    new Webhook(secretOf('a')).verify(signed(1).body, second);
  });

  it('is over the bytes that are sent, whatever they are', async () => {
    const title = 'ünï ☃ \ud800 \u2028 %';
    await deliver(
      openSink({ secret: secretOf('a'), body: '{{ alert.title }}', contentType: 'text/plain' }),
      sampleDelivery({ alert: sampleAlert({ title }) }),
    );
    const { body, headers } = signed();
    new Webhook(secretOf('a')).verify(body, headers, { jsonParse: false });
    expect(body).toBe(title.replace('\ud800', '\ufffd'));
  });

  it('is missing without a secret, but the id is not', async () => {
    await deliver(openSink());
    expect(signed().headers).toHaveProperty('webhook-id');
    expect(signed().headers).not.toHaveProperty('webhook-signature');
  });
});

describe('an answer', () => {
  it('of 410 ends it until an operator says otherwise', async () => {
    server.always({ kind: 'answer', status: 410 });
    expect(await deliver(openSink())).toMatchObject({
      kind: 'parked',
      isFinal: true,
      reason: 'answered 410 Gone: this URL has been given up',
    });
  });

  it('that repeats the URL or a header tells neither', async () => {
    const sink = openSink({
      url: `${server.url}/services/T0K3N-IN-PATH?sig=s3cret%2Fin%2Fquery`,
      headers: { 'X-Key': 'k3y-of-theirs' },
    });
    server.always({
      kind: 'answer',
      status: 400,
      body: 'no T0K3N-IN-PATH, no s3cret/in/query (s3cret%2Fin%2Fquery), no k3y-of-theirs',
    });
    const outcome = await deliver(sink);
    expect(JSON.stringify(outcome)).toContain('no [secret], no [secret] ([secret]), no [secret]');
  });
});

describe('an alert that the template cannot write', () => {
  it('is a dead letter of ours, and nothing is sent', async () => {
    const sink = openSink({ body: '{"a": 1{% if alert.title == "x" %},{% endif %}}' });
    const outcome = await deliver(sink, sampleDelivery({ alert: sampleAlert({ title: 'x' }) }));
    expect(outcome).toMatchObject({ kind: 'rejected', cause: 'plugin' });
    expect(outcome).toHaveProperty('reason', expect.stringContaining('the template cannot write this alert'));
    expect(server.requests).toHaveLength(0);
    expect(await deliver(sink)).toMatchObject({ kind: 'delivered' });
  });
});

describe('the options', () => {
  const complaintsAbout = (block: object): string => {
    const errors = validateSync(plainToInstance(WebhookOptions, { url: 'https://hooks.example.com/a', ...block }));
    return errors.flatMap(({ constraints }) => Object.values(constraints ?? {})).join('\n');
  };

  it.each([
    {},
    { method: 'PUT', format: 'ocsf', contentType: 'application/vnd.acme+json; charset=utf-8' },
    { secret: secretOf('a'), headers: { 'x-a': 'b', Authorization: 'Bearer x' }, concurrency: 1 },
    { url: 'http://10.1.2.3:9000/a?b=c', allowCidrs: '10.0.0.0/8' },
    { url: 'https://hooks.example.com:4443', allowPorts: 4443 },
    { body: '{"a": "{{ alert.title }}"}' },
  ])('may be %j', (block) => {
    expect(complaintsAbout(block)).toBe('');
  });

  it.each([
    [{ url: undefined }, 'url must be a URL such as https://'],
    [{ url: 'hooks.example.com' }, 'url must be a URL such as https://'],
    [{ url: 'https://127.0.0.1/' }, 'url cannot be called: 127.0.0.1 is not a public address'],
    [{ url: 'http://hooks.example.com/' }, 'url cannot be called: plain http'],
    [{ url: 'https://hooks.example.com:22/' }, 'url cannot be called: port 22 belongs to another protocol'],
    [{ method: 'GET' }, 'method must be one of the following values: POST, PUT'],
    [{ format: 'cef' }, 'format must be one of the following values: alert, ocsf'],
    [{ secret: 'whsec_c2hvcnQ=' }, 'secret must be whsec_ and 24 to 64 bytes'],
    [{ secret: Buffer.alloc(32, 'a').toString('base64') }, 'secret must be whsec_'],
    [{ secret: `${secretOf('a')}!` }, 'secret must be whsec_'],
    [{ secret: [] }, 'secret should not be empty'],
    [{ contentType: 'json' }, 'contentType must be a media type'],
    [{ contentType: 'text/plain\r\nx: y' }, 'contentType must be a media type'],
    [{ headers: 'x: y' }, 'headers must be a block of names and values'],
    [{ headers: { 'x y': 'z' } }, 'headers must hold names of headers, which "x y" is not'],
    [{ headers: { 'x-a': 7 } }, 'headers must hold text for x-a: put it in quotes'],
    [{ headers: { 'x-a': 'b\r\nc: d' } }, 'headers holds a value for x-a that no header can carry'],
    [{ headers: { 'Webhook-Id': 'x' } }, 'headers must not hold webhook-id'],
    [{ headers: { Host: 'x' } }, 'headers must not hold host'],
    [{ headers: { 'Content-Type': 'x' } }, 'use contentType'],
    [
      { body: '\n{{ alert.titel }}' },
      'body: the template has a mistake: line 2, column 4: undefined variable: alert.titel',
    ],
    [{ body: 7 }, 'body must be a string'],
    [{ concurrency: 0 }, 'concurrency must not be less than 1'],
  ])('such as %j are told what is wanted', (block, complaint) => {
    expect(complaintsAbout(block)).toContain(complaint);
  });

  it('tell no credential in what they complain about', () => {
    const told = complaintsAbout({ url: 'https://127.0.0.1/s3cret', secret: 's3cret', headers: { 'x-a': 's3cret\n' } });
    expect(told).not.toBe('');
    expect(told).not.toContain('s3cret');
  });
});
