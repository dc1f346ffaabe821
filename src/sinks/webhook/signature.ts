import { Webhook } from 'standardwebhooks';
import type { Secret } from '../../core/secret.js';

/**
 * The headers of Standard Webhooks for one attempt
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md): `webhook-id` stays the
 * same over all attempts, `webhook-timestamp` (seconds) is that of this one, and `webhook-signature` has one signature
 * for each secret, so that the receiver can change from one to the next. Without a secret there is no signature.
 */
export function signer(
  secrets: readonly Secret[],
): (id: string, body: string, now: number) => Readonly<Record<string, string>> {
  const webhooks = secrets.map((secret) => new Webhook(secret.reveal()));
  return (id, body, now) => {
    const timestamp = new Date(now);
    const signatures = webhooks.map((webhook) => webhook.sign(id, timestamp, body));
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now / 1_000)),
      ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
    };
  };
}

const leastKeyBytes = 24;
const mostKeyBytes = 64;

/** `whsec_` and 24 to 64 bytes in base64, as the specification has them. */
export function isSigningSecret(text: string): boolean {
  const [, key = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const bytes = Buffer.from(key, 'base64');
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === key.replace(/=+$/, '') && key.length % 4 === 0;
  return isWhole && bytes.length >= leastKeyBytes && bytes.length <= mostKeyBytes;
}
