import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { Secret } from '../core/secret.js';
import type { Authentication, WebhookRequest } from '../core/source.js';
import { authenticator, secretMatcher } from './authenticate.js';
import { SourceOptions } from './source-options.js';

const refused = { ok: false };
const now = Date.parse('2026-03-01T12:00:00Z');

describe('a sender with a bearer token', () => {
  const check = compile({ auth: { type: 'bearer', secret: ['new-token', 'old-token'] } });

  it.each(['Bearer new-token', 'bearer old-token', 'BEARER  new-token'])('is recognised by %j', (authorization) => {
    expect(check({ headers: { authorization } })).toEqual({ ok: true, method: 'bearer' });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Bearer new-toke',
    'Bearer new-token2',
    'Bearer new-token, Bearer new-token',
    'Basic new-token',
    'Bearernew-token',
    'new-token',
    'Bearer tökèn',
    `Bearer ${'x'.repeat(1_000_000)}`,
  ])('is refused with %j', (authorization) => {
    expect(check({ headers: { authorization } })).toEqual(refused);
  });

  it('is recognised by a token that is not ASCII, as HTTP carries its bytes', () => {
    const umlaut = compile({ auth: { type: 'bearer', secret: 'schlüssel' } });
    const authorization = `Bearer ${Buffer.from('schlüssel').toString('latin1')}`;
    expect(umlaut({ headers: { authorization } })).toMatchObject({ ok: true });
  });

  it('is not recognised by a token in a place of another way', () => {
    expect(check({ headers: { 'x-api-key': 'new-token' }, pathKey: 'new-token' })).toEqual(refused);
  });
});

describe('a sender with a user name and password', () => {
  const check = compile({ auth: { type: 'basic', username: 'vendor', secret: 'pass:wörd' } });
  const basic = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } });

  it('is recognised', () => {
    expect(check(basic('vendor:pass:wörd'))).toEqual({ ok: true, method: 'basic' });
  });

  it.each(['vendor:', 'vendor', ':pass:wörd', 'Vendor:pass:wörd', 'vendor:pass:word', ''])(
    'is refused as %j',
    (text) => {
      expect(check(basic(text))).toEqual(refused);
    },
  );
});

describe('a sender with a header of its own', () => {
  const check = compile({ auth: { type: 'header', name: 'X-Api-Key', secret: 'k3y' } });

  it('is recognised', () => {
    expect(check({ headers: { 'x-api-key': 'k3y' } })).toEqual({ ok: true, method: 'header' });
  });

  it.each(['', 'K3Y', 'k3y, k3y'])('is refused with %j', (value) => {
    expect(check({ headers: { 'x-api-key': value } })).toEqual(refused);
  });

  it('is refused when the header comes as a list', () => {
    expect(
      compile({ auth: { type: 'header', name: 'set-cookie', secret: 'k3y' } })({ headers: { 'set-cookie': ['k3y'] } }),
    ).toEqual(refused);
  });
});

describe('a sender with a capability URL', () => {
  const check = compile({ auth: { type: 'path', secret: ['first-key', 'second-key'] } });

  it('is recognised by the key at the end of the path', () => {
    expect(check({ pathKey: 'second-key' })).toEqual({ ok: true, method: 'path' });
  });

  it('is refused without the key', () => {
    expect(check({})).toEqual(refused);
    expect(check({ pathKey: '' })).toEqual(refused);
    expect(check({ pathKey: 'third-key' })).toEqual(refused);
  });
});

describe('a sender that signs the body', () => {
  const body = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
  const mac = (algorithm: string, secret: string, encoding: 'hex' | 'base64') =>
    createHmac(algorithm, secret).update(body).digest(encoding);

  it.each(['sha1', 'sha256', 'sha512'])('is recognised with %s, in hex or base64', (algorithm) => {
    for (const encoding of ['hex', 'base64'] as const) {
      const check = compile({ auth: { type: 'hmac', header: 'X-Sig', secret: 'k', algorithm, encoding } });
      const value = mac(algorithm, 'k', encoding);
      expect(check({ headers: { 'x-sig': value }, body })).toEqual({ ok: true, method: 'hmac' });
      expect(check({ headers: { 'x-sig': value }, body: Buffer.from('{}') })).toEqual(refused);
    }
  });

  it('may prefix the digits, where the config says so', () => {
    const check = compile({ auth: { type: 'hmac', header: 'X-Sig', secret: ['a', 'b'], prefix: 'sha256=' } });
    const digits = mac('sha256', 'b', 'hex');
    expect(check({ headers: { 'x-sig': `sha256=${digits}` }, body })).toMatchObject({ ok: true });
    expect(check({ headers: { 'x-sig': `sha256=${digits.toUpperCase()}` }, body })).toMatchObject({ ok: true });
    expect(check({ headers: { 'x-sig': digits }, body })).toEqual(refused);
  });

  it('is refused with a signature that is missing, cut, longer, or made with another key', () => {
    const check = compile({ auth: { type: 'hmac', header: 'X-Sig', secret: 'k' } });
    const digits = mac('sha256', 'k', 'hex');
    for (const value of ['', digits.slice(0, -1), `${digits}zz`, mac('sha256', 'other', 'hex'), '\u00ff'.repeat(64)]) {
      expect(check({ headers: { 'x-sig': value }, body })).toEqual(refused);
    }
    expect(check({ body })).toEqual(refused);
  });
});

describe('a sender of Standard Webhooks', () => {
  const secrets = ['first', 'second'].map((word) => `whsec_${Buffer.from(word.padEnd(24)).toString('base64')}`);
  const [first = '', second = ''] = secrets;
  const check = compile({ auth: { type: 'standard-webhooks', secret: secrets } });
  const body = Buffer.from('{"b":1,"a":"é"}');

  function signed(secret: string, { id = 'msg.1', at = now, payload = body } = {}): IncomingHttpHeaders {
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, new Date(at), payload),
    };
  }

  it('is recognised by any of the secrets', () => {
    expect(check({ headers: signed(first), body })).toEqual({ ok: true, method: 'standard-webhooks' });
    expect(check({ headers: signed(second), body })).toMatchObject({ ok: true });
  });

  it('is recognised when one of several signatures holds', () => {
    const headers = signed(second);
    const signature = `v1a,AAAA v1,AAAA ${String(headers['webhook-signature'])} v1,BBBB`;
    expect(check({ headers: { ...headers, 'webhook-signature': signature }, body })).toMatchObject({ ok: true });
  });

  it('is refused when the body is another, even by the order of its keys', () => {
    expect(check({ headers: signed(first), body: Buffer.from('{"a":"é","b":1}') })).toEqual(refused);
  });

  it('is refused when bytes that are no UTF-8 could have been exchanged', () => {
    const payload = Buffer.from([0x22, 0xff, 0x22]);
    expect(check({ headers: signed(first, { payload }), body: Buffer.from([0x22, 0xfe, 0x22]) })).toEqual(refused);
  });

  it('is recognised within five minutes of our clock, and no further', () => {
    for (const at of [now - 300_000, now + 300_000])
      expect(check({ headers: signed(first, { at }), body }).ok).toBe(true);
    for (const at of [now - 301_000, now + 301_000])
      expect(check({ headers: signed(first, { at }), body }).ok).toBe(false);
  });

  it('may be given another tolerance', () => {
    const patient = compile({ auth: { type: 'standard-webhooks', secret: first, tolerance: '1h' } });
    expect(patient({ headers: signed(first, { at: now - 3_599_000 }), body }).ok).toBe(true);
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('is refused without %s', (name) => {
    expect(check({ headers: { ...signed(first), [name]: undefined }, body })).toEqual(refused);
    expect(check({ headers: { ...signed(first), [name]: 'x' }, body })).toEqual(refused);
  });
});

describe('a source with several ways', () => {
  const check = compile({
    auth: [
      { type: 'header', name: 'x-api-key', secret: 'k3y' },
      { type: 'bearer', secret: 'token' },
    ],
  });

  it('takes any one of them, and says which', () => {
    expect(check({ headers: { authorization: 'Bearer token' } })).toEqual({ ok: true, method: 'bearer' });
    expect(check({ headers: { 'x-api-key': 'k3y' } })).toEqual({ ok: true, method: 'header' });
    expect(check({ headers: { 'x-api-key': 'token' } })).toEqual(refused);
  });
});

describe('a source with networks', () => {
  it('asks for the network in addition to the credential', () => {
    const check = compile({ auth: { type: 'bearer', secret: 'token' }, allow: '192.0.2.0/24' });
    const headers = { authorization: 'Bearer token' };
    expect(check({ headers, remoteAddress: '::ffff:192.0.2.9' })).toMatchObject({ ok: true });
    expect(check({ headers, remoteAddress: '198.51.100.9' })).toEqual(refused);
    expect(check({ remoteAddress: '192.0.2.9' })).toEqual(refused);
  });

  it('asks for the network alone where auth is none', () => {
    const check = compile({ auth: 'none', allow: '192.0.2.0/24' });
    expect(check({ remoteAddress: '192.0.2.9' })).toEqual({ ok: true, method: 'none' });
    expect(check({ remoteAddress: '198.51.100.9' })).toEqual(refused);
  });
});

describe('a list of secrets', () => {
  it('matches each of them and nothing else', () => {
    const matches = secretMatcher([new Secret('a'), new Secret('b')]);
    expect(['a', 'b', 'c', 'ab', ''].map(matches)).toEqual([true, true, false, false, false]);
    expect(secretMatcher([])('')).toBe(false);
  });
});

describe('the head of a request', () => {
  const head = { headers: {}, path: '/v1/ingest/x', remoteAddress: '203.0.113.1' };
  const recognition = (auth: unknown, headers: IncomingHttpHeaders, more: object = {}) =>
    authenticator(plainToInstance(SourceOptions, { auth }), { now: () => now }).recognize({
      ...head,
      ...more,
      headers,
    });

  it('tells who is known where the credential is in it', () => {
    const bearer = { type: 'bearer', secret: 'token' };
    expect(recognition(bearer, { authorization: 'Bearer token' })).toBe('known');
    expect(recognition(bearer, { authorization: 'Bearer wrong' })).toBe('stranger');
    expect(recognition({ type: 'path', secret: 'k3y' }, {}, { pathKey: 'k3y' })).toBe('known');
    expect(recognition('none', {})).toBe('known');
  });

  it('leaves a signature to be proved, and knows what is none', () => {
    const hmac = { type: 'hmac', header: 'x-sig', prefix: 'sha256=', secret: 's' };
    expect(recognition(hmac, { 'x-sig': `sha256=${'0'.repeat(64)}` })).toBe('unproven');
    for (const sig of ['sha256=', 'sha256=0', '0'.repeat(64), undefined])
      expect(recognition(hmac, { 'x-sig': sig })).toBe('stranger');
    const webhooks = { type: 'standard-webhooks', secret: `whsec_${Buffer.alloc(24, 1).toString('base64')}` };
    const signed = (at: number, signature = `v1,${Buffer.alloc(32).toString('base64')}`) => ({
      'webhook-id': 'm',
      'webhook-timestamp': String(at / 1_000),
      'webhook-signature': signature,
    });
    expect(recognition(webhooks, signed(now))).toBe('unproven');
    expect(recognition(webhooks, signed(now - 600_000))).toBe('stranger');
    expect(recognition(webhooks, signed(now, 'v1,AAAA'))).toBe('stranger');
    expect(recognition(webhooks, {})).toBe('stranger');
  });

  it('takes the best of several ways', () => {
    const auth = [
      { type: 'bearer', secret: 'token' },
      { type: 'hmac', header: 'x-sig', secret: 's' },
    ];
    const signature = { 'x-sig': '0'.repeat(64) };
    expect(recognition(auth, signature)).toBe('unproven');
    expect(recognition(auth, { ...signature, authorization: 'Bearer token' })).toBe('known');
  });

  it('outside the networks is a stranger’s whatever it shows', () => {
    const options = plainToInstance(SourceOptions, { auth: 'none', allow: '192.0.2.0/24' });
    expect(authenticator(options, { now: () => now }).recognize(head)).toBe('stranger');
  });
});

function compile(plain: object): (request: Partial<WebhookRequest>) => Authentication {
  const { authenticate } = authenticator(plainToInstance(SourceOptions, plain), { now: () => now });
  const blank = { headers: {}, body: Buffer.alloc(0), path: '/v1/ingest/x', remoteAddress: '203.0.113.1' };
  return (request) => authenticate({ ...blank, ...request });
}
