import hawk from 'hawk';
import { Secret } from '../../../core/secret.js';
import type { ApiAnswer, ApiAttempt } from '../../../kit/api.js';
import type { Signer } from './connection.js';

export type HawkCredentials = { readonly userId: string; readonly apiKey: Secret; readonly orgId: string };

/**
 * Hawk (https://github.com/mozilla/hawk/blob/main/API.md), as API v2 wants it: the id is the user's, `ext` is the
 * organization's, and a payload is hashed. A clock that is too far from the vendor's is put right by the vendor's word.
 */
export class HawkSigner implements Signer {
  /** How far the vendor's clock is ahead of ours. */
  #aheadMs = 0;

  constructor(
    private readonly credentials: HawkCredentials,
    private readonly now: () => number,
  ) {}

  headers({ method, url, payload }: ApiAttempt): { readonly authorization: Secret } {
    const { header } = hawk.client.header(url, method, {
      credentials: this.#key(),
      timestamp: Math.floor((this.now() + this.#aheadMs) / 1_000),
      ext: this.credentials.orgId,
      ...(payload !== undefined && { payload, contentType: 'application/json' }),
    });
    return { authorization: new Secret(header) };
  }

  /** The time in a challenge is signed with our own key (`tsm`), so that nobody else can set our clock. */
  learn({ status, headers }: ApiAnswer): boolean {
    const challenge = status === 401 ? /^Hawk (.*)$/i.exec(headers['www-authenticate'] ?? '')?.[1] : undefined;
    const ts = Number(/(?:^|[ ,])ts="(\d{1,12})"/.exec(challenge ?? '')?.[1]);
    const tsm = /(?:^|[ ,])tsm="([^"]*)"/.exec(challenge ?? '')?.[1];
    if (Number.isNaN(ts) || tsm !== hawk.crypto.calculateTsMac(String(ts), this.#key())) return false;
    const aheadMs = ts * 1_000 - this.now();
    if (Math.abs(aheadMs - this.#aheadMs) < worthwhileMs) return false;
    this.#aheadMs = aheadMs;
    return true;
  }

  #key() {
    return { id: this.credentials.userId, key: this.credentials.apiKey.reveal(), algorithm: 'sha256' as const };
  }
}

/** A second or two are the network's. */
const worthwhileMs = 5_000;
