import { ApiError } from '../../../kit/api-error.js';
import type { ApiAnswer } from '../../../kit/api.js';
import { field, isObject, list, text } from '../../../kit/read.js';

/** What an error knows of the answer behind it. */
type About = { readonly status?: number; readonly requestId?: string; readonly retryAfterMs?: number };

/** Whatever the client throws, but for the reason of an abort. Holds no credential. */
export class ThreatStackError extends Error {
  override readonly name: string = 'ThreatStackError';
  /** Of the last answer; absent where there was none. */
  readonly status?: number;
  /** As the vendor's support may ask for it. */
  readonly requestId?: string;
  /** How long the vendor asks us to wait, in milliseconds. */
  readonly retryAfter?: number;

  constructor(message: string, about: About = {}, options?: ErrorOptions) {
    super(message, options);
    if (about.status !== undefined) this.status = about.status;
    if (about.requestId !== undefined) this.requestId = about.requestId;
    if (about.retryAfterMs !== undefined) this.retryAfter = about.retryAfterMs;
  }
}

/** The client is used in a way that cannot work: nothing was sent. */
export class ThreatStackClientError extends ThreatStackError {
  override readonly name = 'ThreatStackClientError';
}

/** No answer came, or none that is called: the network, a certificate, a name, the timeout. */
export class ThreatStackConnectionError extends ThreatStackError {
  override readonly name = 'ThreatStackConnectionError';
}

/** The API said no, or what cannot be read. */
export class ThreatStackApiError extends ThreatStackError {
  override readonly name: string = 'ThreatStackApiError';
}

/** 401 or 403: the key, the user or the organization is not accepted, or may not do this. */
export class ThreatStackAuthError extends ThreatStackApiError {
  override readonly name = 'ThreatStackAuthError';
}

/** 429, and again after every wait that the client allows itself. */
export class ThreatStackRateLimitError extends ThreatStackApiError {
  override readonly name = 'ThreatStackRateLimitError';
}

/** A list that never ends: a page that came before, a token that leads back, nothing but empty pages. */
export class ThreatStackPagingError extends ThreatStackApiError {
  override readonly name = 'ThreatStackPagingError';
}

const meanings: Readonly<Record<number, string>> = {
  401: 'the credentials are not accepted',
  403: 'the credentials may not do this',
  404: 'there is nothing at this URL',
  429: 'too many requests',
};

/** What an answer that is no success is thrown as. */
export function refusalOf(answer: ApiAnswer): ThreatStackApiError {
  const { status } = answer;
  const said = [meanings[status], wordsOf(answer.excerpt())].filter((words) => words !== undefined).join(': ');
  const message = `Threat Stack answered ${String(status)}${said === '' ? '' : `: ${said}`}`;
  if (status === 401 || status === 403) return new ThreatStackAuthError(message, answer);
  if (status === 429) return new ThreatStackRateLimitError(message, answer);
  return new ThreatStackApiError(message, answer);
}

const maxQuoted = 300;

/** API v1 says `{"status":"error","message":…}`, v2 `{"errors":[…]}`; a proxy between says what it likes. */
function wordsOf(excerpt: string): string | undefined {
  const body = parsed(excerpt);
  const words = text(field(body, 'message')) ?? text(list(field(body, 'errors')).map(text).join('; '));
  return (words ?? (isObject(body) ? undefined : text(excerpt)))?.slice(0, maxQuoted);
}

function parsed(excerpt: string): unknown {
  try {
    return JSON.parse(excerpt);
  } catch {
    return undefined;
  }
}

/** Ours for an `ApiError`; anything else is the reason of an abort. */
export function oursFor(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const Ours = error.status === undefined ? ThreatStackConnectionError : ThreatStackApiError;
  return new Ours(error.message, error, { cause: error });
}
