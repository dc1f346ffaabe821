import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/secret.js';
import type { Recognition, RequestHead, Source, WebhookRequest } from '../core/source.js';
import { addressList } from './address.js';
import type { AuthOptions, HmacAuth, NoAuth, SourceOptions, StandardWebhooksAuth } from './source-options.js';

/** One particular way for a request to prove its sender, and what can be said of that before the body is read. */
type Check = {
  readonly holds: (request: WebhookRequest) => boolean;
  readonly recognize: (head: RequestHead) => Recognition;
};

/**
 * Compiles a source's `auth` and `allow` to the functions that decide on each request, before anything is parsed.
 * Constant time: digests under a key of this process are compared, with every secret configured, and what is missing
 * is compared like what is wrong. Without `auth` nobody may post. `method` is the `type` of the auth that held. Throws on options that were not validated.
 */
export function authenticator(
  options: SourceOptions,
  context: { readonly now: () => number },
): Required<Pick<Source, 'authenticate' | 'recognize'>> {
  const isAllowed = options.allow ? addressList(options.allow) : () => true;
  const ways = [options.auth ?? []].flat().map((auth) => ({ method: auth.type, ...compile(auth, context.now) }));
  return {
    authenticate: (request) => {
      let method: string | undefined;
      for (const way of ways) {
        const holds = way.holds(request);
        if (holds) method ??= way.method;
      }
      return isAllowed(request.remoteAddress) && method !== undefined ? { ok: true, method } : { ok: false };
    },
    recognize: (head) => {
      const found = new Set(ways.map((way) => way.recognize(head)));
      if (!isAllowed(head.remoteAddress)) return 'stranger';
      if (found.has('known')) return 'known';
      return found.has('unproven') ? 'unproven' : 'stranger';
    },
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
      return byHead(() => true);
    case 'bearer': {
      const matches = secretMatcher(auth.secret);
      return byHead(({ headers }) => matches(bearerToken(headers.authorization)));
    }
    case 'basic': {
      const matches = matcher(auth.secret.map((secret) => `${auth.username}:${secret.reveal()}`));
      return byHead(({ headers }) => matches(fromBase64(credentials(headers.authorization, 'basic'))));
    }
    case 'header': {
      const matches = secretMatcher(auth.secret);
      const name = auth.name.toLowerCase();
      return byHead(({ headers }) => matches(only(headers[name])));
    }
    case 'path': {
      const matches = secretMatcher(auth.secret);
      return byHead(({ pathKey }) => matches(pathKey ?? ''));
    }
    case 'hmac':
      return hmacCheck(auth);
    case 'standard-webhooks':
      return standardWebhooksCheck(auth, now);
  }
}

/** A way that needs no body. */
function byHead(holds: (head: RequestHead) => boolean): Check {
  return { holds, recognize: (head) => (holds(head) ? 'known' : 'stranger') };
}

function hmacCheck(auth: HmacAuth): Check {
  const { algorithm, encoding, prefix = '' } = auth;
  const name = auth.header.toLowerCase();
  const length = createHmac(algorithm, '').digest(encoding).length;
  const shown = ({ headers }: RequestHead): string => {
    const header = only(headers[name]);
    return header.startsWith(prefix) ? header.slice(prefix.length) : '';
  };
  return {
    holds: (request) => {
      const given = shown(request);
      const macs = auth.secret.map((secret) =>
        createHmac(algorithm, secret.reveal()).update(request.body).digest(encoding),
      );
      return matcher(macs)(encoding === 'hex' ? given.toLowerCase() : given);
    },
    recognize: (head) => (shown(head).length === length ? 'unproven' : 'stranger'),
  };
}

/** https://www.standardwebhooks.com signs `{id}.{timestamp}.{body}` and sends `v1,` and base64, several after a space. */
const v1Signature = /(?:^| )v1,[\w+/]{43}=(?: |$)/;

/**
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, with the platform's HMAC:
 * the library's takes 56 ms for 5 MB, of whoever sends them, and knows only its own clock and tolerance.
 */
function standardWebhooksCheck(auth: StandardWebhooksAuth, now: () => number): Check {
  const keys = auth.secret.map((secret) => Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64'));
  const shown = ({ headers }: RequestHead) => {
    const id = only(headers['webhook-id']);
    const stamp = only(headers['webhook-timestamp']);
    const sentAt = /^\d{1,12}$/.test(stamp) ? Number(stamp) * 1_000 : Number.NaN;
    const isTimely = Math.abs(now() - sentAt) <= auth.tolerance;
    const signatures = only(headers['webhook-signature']);
    return id !== '' && isTimely && v1Signature.test(signatures)
      ? { signed: `${id}.${stamp}.`, signatures: signatures.split(' ') }
      : undefined;
  };
  return {
    holds: (request) => {
      const given = shown(request);
      if (!given) return false;
      const macs = keys.map(
        (key) => `v1,${createHmac('sha256', key).update(given.signed).update(request.body).digest('base64')}`,
      );
      const matches = matcher(macs);
      let holds = false;
      for (const signature of given.signatures) holds = matches(signature) || holds;
      return holds;
    },
    recognize: (head) => (shown(head) ? 'unproven' : 'stranger'),
  };
}

const key = randomBytes(32).toString('hex');

/**
 * `timingSafeEqual` takes only equal lengths, so digests are compared instead of texts; under a random key, so that
 * nobody can choose a text whose digest resembles another.
 */
function matcher(wanted: readonly string[]): (text: string) => boolean {
  const digests = wanted.map((text) => digestOf(Buffer.from(text, 'utf8').toString('latin1')));
  const given = Buffer.alloc(digestLength);
  return (text) => {
    digestOf(text, given);
    let holds = false;
    for (const digest of digests) holds = timingSafeEqual(digest, given) || holds;
    return holds;
  };
}

const digestLength = 64;

/** In hexadecimal, which Node gives at less than half the cost of a buffer for each. */
function digestOf(text: string, into = Buffer.alloc(digestLength)): Buffer {
  into.write(hash('sha256', key + text, 'hex'), 'latin1');
  return into;
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
