import { Secret } from '../../../core/secret.js';
import type { Clock } from '../../../kit/api-clock.js';
import type { Api, ApiAnswer } from '../../../kit/api.js';
import { at, id, number, text } from '../../../kit/read.js';
import { asked, codeOf, jsonOf, refusalOf } from './asking.js';
import { AlertLogicError } from './errors.js';
import { untilAborted } from './until-aborted.js';

/** A token of AIMS, and the account that its user belongs to. */
export type Token = {
  /** For `X-AIMS-Auth-Token`. */
  readonly secret: Secret;
  readonly accountId: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
};

/** A token is not used in its last minute: a request is on its way for a while, and clocks differ. */
const marginMs = 60_000;

/**
 * Signs in at AIMS with an access key, as often as a token expires (`POST /aims/v1/authenticate`, aims.v1.yaml of
 * alertlogic-sdk-definitions). Whoever asks while a sign-in is under way waits for that one.
 */
export class Session {
  readonly #api: Api;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #authorization: Secret;
  #token: Token | undefined;
  #pending: Promise<Token> | undefined;

  constructor(
    api: Api,
    credentials: { readonly accessKeyId: string; readonly secretKey: Secret },
    clock: Pick<Clock, 'now'>,
  ) {
    this.#api = api;
    this.#clock = clock;
    this.#authorization = basicAuthorization(credentials.accessKeyId, credentials.secretKey);
  }

  /** The token that is valid now. An abort ends the waiting, not the sign-in, which others may wait for. */
  async token(signal?: AbortSignal): Promise<Token> {
    signal?.throwIfAborted();
    if (this.#token && this.#token.expiresAt - marginMs > this.#clock.now()) return this.#token;
    this.#pending ??= this.#signIn().finally(() => {
      this.#pending = undefined;
    });
    return untilAborted(this.#pending, signal);
  }

  /** Forgets a token that was refused before its time; another one that has come since stays. */
  forget(token: Token): void {
    if (this.#token === token) this.#token = undefined;
  }

  async #signIn(): Promise<Token> {
    const answer = await asked(
      this.#api,
      { method: 'POST', path: '/aims/v1/authenticate', headers: { authorization: this.#authorization } },
      undefined,
    );
    if (answer.status === 401 || answer.status === 400) throw refusalOf(answer, whyNot(answer));
    this.#token = tokenOf(jsonOf(answer));
    return this.#token;
  }
}

export function basicAuthorization(name: string, password: Secret): Secret {
  return new Secret(`Basic ${Buffer.from(`${name}:${password.reveal()}`).toString('base64')}`);
}

/** The words of aims.v1.yaml, and what to do about each. A wrong key is answered without any. */
const reasons: Readonly<Record<string, string>> = {
  mfa_code_required:
    'this user signs in with a second factor (MFA), which a program has not: use an access key, made in the console for this user',
  mfa_enrollment_required:
    'this account requires a second factor (MFA), and this user has not set one up yet: sign in to the console once, then use an access key',
  invalid_session_token: 'the sign-in with a second factor (MFA) took longer than its three minutes',
  password_expired: 'the password has expired: change it in the console, or use an access key',
  account_inactive: 'the account is not active',
};

function whyNot(answer: ApiAnswer): string | undefined {
  const code = codeOf(answer);
  if (code !== undefined && Object.hasOwn(reasons, code)) return `${code}: ${reasons[code] ?? ''}`;
  return answer.status === 401 ? 'the access key is not accepted' : undefined;
}

function tokenOf(body: unknown): Token {
  const token = text(at(body, 'authentication', 'token'));
  const accountId = id(at(body, 'authentication', 'account', 'id'));
  const expiration = number(at(body, 'authentication', 'token_expiration'));
  if (token === undefined || accountId === undefined || expiration === undefined) {
    throw new AlertLogicError('Alert Logic: the answer to the sign-in has no token, account or expiration');
  }
  return { secret: new Secret(token), accountId, expiresAt: expiration * 1_000 };
}
