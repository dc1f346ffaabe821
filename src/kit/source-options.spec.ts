import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { Secret } from '../core/secret.js';
import type { HmacAuth, StandardWebhooksAuth } from './source-options.js';
import { BearerAuth, SourceOptions } from './source-options.js';

const webhookSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

describe('the options of a source', () => {
  it.each([
    'none',
    { type: 'bearer', secret: 'one' },
    [
      { type: 'bearer', secret: ['old', 'new'] },
      { type: 'basic', username: 'vendor', secret: 'x' },
      { type: 'header', name: 'X-Api-Key', secret: 'x' },
      { type: 'path', secret: 'Abc-123_~.' },
      { type: 'hmac', header: 'X-Signature', secret: 'x', algorithm: 'sha512', encoding: 'base64', prefix: 'v0=' },
      { type: 'standard-webhooks', secret: webhookSecret, tolerance: '1m' },
    ],
  ])('accept auth as %j', (auth) => {
    expect(problems({ auth })).toEqual([]);
    expect(isInSchema({ auth })).toBe(true);
  });

  it('become one class per type, with secrets as a list and the defaults filled in', () => {
    const options = read({
      auth: [
        { type: 'bearer', secret: 'one' },
        { type: 'hmac', header: 'X-Signature', secret: ['a', 'b'] },
        { type: 'standard-webhooks', secret: webhookSecret },
      ],
    });
    const [bearer, hmac, webhooks] = options.auth as [BearerAuth, HmacAuth, StandardWebhooksAuth];
    expect(bearer).toBeInstanceOf(BearerAuth);
    expect(bearer.secret).toEqual([new Secret('one')]);
    expect(hmac).toMatchObject({ algorithm: 'sha256', encoding: 'hex' });
    expect(hmac.secret.map((secret) => secret.reveal())).toEqual(['a', 'b']);
    expect(webhooks.tolerance).toBe(300_000);
  });

  it.each<[unknown, string, RegExp]>([
    [undefined, 'auth', /auth must be .* or the word none/],
    ['bearer', 'auth', /auth must be/],
    [[], 'auth', /auth must be/],
    [['none'], 'auth.0', /auth must be/],
    [{ type: 'baerer', secret: 'x' }, 'auth.type', /type must be one of bearer, basic, header/],
    [{ secret: 'x' }, 'auth.type', /type must be one of/],
    [{ type: 'constructor' }, 'auth.type', /type must be one of/],
    [{ type: 'bearer' }, 'auth.secret', /secret/],
    [{ type: 'bearer', secret: '' }, 'auth.secret', /non-empty/],
    [{ type: 'bearer', secret: [] }, 'auth.secret', /not be empty/],
    [
      [
        { type: 'bearer', secret: 'x' },
        { type: 'bearer', secret: 7 },
      ],
      'auth.1.secret',
      /non-empty/,
    ],
    [[{ type: 'bearer', secret: 'x', user: 'y' }], 'auth.0.user', /should not exist/],
    [{ type: 'basic', username: 'a:b', secret: 'x' }, 'auth.username', /:/],
    [{ type: 'header', name: 'X Key', secret: 'x' }, 'auth.name', /name of a header/],
    [{ type: 'path', secret: 'a/b' }, 'auth.secret', /only letters/],
    [{ type: 'hmac', header: 'X-Sig', secret: 'x', algorithm: 'md5' }, 'auth.algorithm', /sha1, sha256, sha512/],
    [{ type: 'standard-webhooks', secret: 'whsec_§' }, 'auth.secret', /whsec_/],
    [{ type: 'standard-webhooks', secret: webhookSecret, tolerance: 'soon' }, 'auth.tolerance', /duration/],
  ])('do not accept auth as %j', (auth, path, message) => {
    expect(problems({ auth })).toEqual([[path, expect.stringMatching(message)]]);
  });

  it('do not print a secret in a problem', () => {
    const text = JSON.stringify(validate({ auth: { type: 'path', secret: 'SEKRET/1', other: 1 } }));
    expect(text).not.toContain('SEKRET');
  });

  it.each(['/api/v1/datadog/event', '/hooks/a-b_c.d~e', '/v1x', '/'])('accept %s as a further path', (path) => {
    expect(problems({ auth: 'none', paths: path })).toEqual([]);
  });

  it.each(['hooks', '', '/healthz', '/readyz', '/v1', '/v1/ingest/other', '/a?b=c', '/a b', 7])(
    'do not accept %j as a further path',
    (path) => {
      expect(problems({ auth: 'none', paths: [path] })).toEqual([['paths', expect.stringContaining('begin with /')]]);
    },
  );

  it('accept networks to be called from, one or a list', () => {
    expect(read({ auth: 'none', allow: '192.0.2.0/24' }).allow).toEqual(['192.0.2.0/24']);
    expect(problems({ auth: 'none', allow: ['192.0.2.0/24', 'nowhere'] })).toEqual([
      ['allow', expect.stringContaining('10.0.0.0/8')],
    ]);
  });

  it('describe auth to editors', () => {
    expect(isInSchema({ auth: { type: 'bearer' } })).toBe(false);
    expect(isInSchema({ auth: { type: 'baerer', secret: 'x' } })).toBe(false);
    expect(isInSchema({ auth: { type: 'bearer', secret: 'x', more: 1 } })).toBe(false);
    expect(isInSchema({ auth: [] })).toBe(false);
  });

  it('are inherited by a source with options of its own', () => {
    class VendorOptions extends SourceOptions {}
    const options = plainToInstance(VendorOptions, { auth: { type: 'bearer', secret: 'x' } });
    expect(options.auth).toBeInstanceOf(BearerAuth);
    expect(validateSync(options, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
  });
});

function read(plain: object): SourceOptions {
  return plainToInstance(SourceOptions, plain);
}

function validate(plain: object): ValidationError[] {
  const validationError = { target: false, value: false };
  return validateSync(read(plain), { whitelist: true, forbidNonWhitelisted: true, validationError });
}

/** The path and the first message of each problem. */
function problems(plain: object): [string, string][] {
  const flatten = (errors: readonly ValidationError[], parent: string): [string, string][] =>
    errors.flatMap((error) => {
      const path = parent + error.property;
      const own = Object.values(error.constraints ?? {}).slice(-1);
      return [...own.map((message): [string, string] => [path, message]), ...flatten(error.children ?? [], `${path}.`)];
    });
  return flatten(validate(plain), '');
}

function isInSchema(plain: object): boolean {
  const schema = targetConstructorToSchema(SourceOptions);
  return new Ajv({ strict: false }).validate(schema, plain);
}
