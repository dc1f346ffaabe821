import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { Webhook } from 'standardwebhooks';
import type { Secret } from '../core/secret.js';
import type { Authentication, WebhookRequest } from '../core/source.js';
import { addressList } from './address.js';
import type { AuthOptions, HmacAuth, NoAuth, SourceOptions, StandardWebhooksAuth } from './source-options.js';

/** Tells whether a request proves its sender in one particular way. */
type Check = (request: WebhookRequest) => boolean;

/**
 * Compiles a source's `auth` and `allow` to the function that decides on each request, before anything is parsed.
 * Constant time: digests under a key of this process are compared, with every secret configured, and what is missing
 * is compared like what is wrong. `method` is the `type` of the auth that held. Throws on options that were not validated.
 */
export function authenticator(
  options: SourceOptions,
  context: { readonly now: () => number },
): (request: WebhookRequest) => Authentication {
  const isAllowed = options.allow ? addressList(options.allow) : () => true;
  const ways = [options.auth].flat().map((auth) => ({ method: auth.type, holds: compile(auth, context.now) }));
  return (request) => {
    let method: string | undefined;
    for (const way of ways) {
      const holds = way.holds(request);
      if (holds) method ??= way.method;
    }
    return isAllowed(request.remoteAddress) && method !== undefined ? { ok: true, method } : { ok: false };
  };
}

/**
 * Tells whether a text is one of some secrets, in a time that says nothing about either. Texts are as Node gives
 * header values (one character a byte); secrets are compared by their UTF-8 bytes.
 */
export function secretMatcher(secrets: readonly Secret[]): (text: string) => boolean {
  return matcher(secrets.map((secret) => secret.reveal()));
}

/** The token of an `Authorization: Bearer` header; empty where there is none. */
export function bearerToken(authorization: string | undefined): string {
  return credentials(authorization, 'bearer');
}

function compile(auth: NoAuth | AuthOptions, now: () => number): Check {
  switch (auth.type) {
    case 'none':
      return () => true;
    case 'bearer': {
      const matches = secretMatcher(auth.secret);
      return ({ headers }) => matches(bearerToken(headers.authorization));
    }
    case 'basic': {
      const matches = matcher(auth.secret.map((secret) => `${auth.username}:${secret.reveal()}`));
      return ({ headers }) => matches(fromBase64(credentials(headers.authorization, 'basic')));
    }
    case 'header': {
      const matches = secretMatcher(auth.secret);
      const name = auth.name.toLowerCase();
      return ({ headers }) => matches(only(headers[name]));
    }
    case 'path': {
      const matches = secretMatcher(auth.secret);
      return ({ pathKey }) => matches(pathKey ?? '');
    }
    case 'hmac':
      return hmacCheck(auth);
    case 'standard-webhooks':
      return standardWebhooksCheck(auth, now);
  }
}

function hmacCheck(auth: HmacAuth): Check {
  const { algorithm, encoding, prefix = '' } = auth;
  const name = auth.header.toLowerCase();
  return ({ headers, body }) => {
    const header = only(headers[name]);
    const given = header.startsWith(prefix) ? header.slice(prefix.length) : '';
    const macs = auth.secret.map((secret) => createHmac(algorithm, secret.reveal()).update(body).digest(encoding));
    return matcher(macs)(encoding === 'hex' ? given.toLowerCase() : given);
  };
}

/**
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The library makes the
 * signature; the timestamp is checked here because the library knows only its own clock and tolerance.
 */
function standardWebhooksCheck(auth: StandardWebhooksAuth, now: () => number): Check {
  const webhooks = auth.secret.map((secret) => new Webhook(secret.reveal()));
  return ({ headers, body }) => {
    const id = only(headers['webhook-id']);
    const stamp = only(headers['webhook-timestamp']);
    const sentAt = /^\d{1,12}$/.test(stamp) ? Number(stamp) * 1_000 : Number.NaN;
    const isTimely = Math.abs(now() - sentAt) <= auth.tolerance;
    // The library signs text: bytes that are no UTF-8 would be replaced, and could then be altered unseen.
    if (id === '' || !isTimely || !isUtf8(body)) return false;
    const matches = matcher(webhooks.map((webhook) => webhook.sign(id, new Date(sentAt), body)));
    let holds = false;
    for (const signature of only(headers['webhook-signature']).split(' ')) holds = matches(signature) || holds;
    return holds;
  };
}

const key = randomBytes(32).toString('hex');

/**
 * `timingSafeEqual` takes only equal lengths, so digests are compared instead of texts; under a random key, so that
 * nobody can choose a text whose digest resembles another.
 */
function matcher(wanted: readonly string[]): (text: string) => boolean {
  const digests = wanted.map((text) => digestOf(Buffer.from(text, 'utf8').toString('latin1')));
  return (text) => {
    const given = digestOf(text);
    let holds = false;
    for (const digest of digests) holds = timingSafeEqual(digest, given) || holds;
    return holds;
  };
}

function digestOf(text: string): Buffer {
  return hash('sha256', key + text, 'buffer');
}

/** What follows the scheme, whose case does not matter (RFC 9110 §11.1); empty where there is none. */
function credentials(authorization: string | undefined, scheme: string): string {
  const start = scheme.length + 1;
  if (authorization?.charAt(scheme.length) !== ' ') return '';
  return authorization.slice(0, scheme.length).toLowerCase() === scheme ? authorization.slice(start).trim() : '';
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('latin1');
}

/** A header sent once; one sent twice is joined by a comma or a list, and equals no secret. */
function only(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}
