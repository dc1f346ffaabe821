import type { IncomingHttpHeaders } from 'node:http';
import type { Secret } from '../core/secret.js';
import { passing, retryAfterMs } from './answer.js';
import { systemClock, type Clock } from './api-clock.js';
import { ApiError } from './api-error.js';
import { backoffMs, type Backoff } from './backoff.js';
import type { EgressOptions } from './egress.js';
import type { HttpAnswer, HttpResult } from './exchange.js';
import { openHttp, type HttpClient, type HttpHeaders, type HttpRequest } from './http.js';
import { parseJsonText } from './json.js';
import { Pace } from './pace.js';

export type ApiOptions = {
  /** Absolute, http or https, without credentials, query and fragment. Every request goes to a path below it. */
  readonly baseUrl: string;
  /** For each attempt, to the last byte of its answer. */
  readonly timeoutMs: number;
  /** Sent with every request. */
  readonly headers?: HttpHeaders;
  /** Cut out of excerpts beside the headers, e.g. a key that only signs. */
  readonly confidential?: readonly Secret[];
  /** At most so many attempts begin within any minute; the others wait. */
  readonly perMinute?: number;
  /** How much of an answer is read; 8 MB unless said otherwise. */
  readonly maxAnswerBytes?: number;
  /** `trust-base-url` for a client made in code; what the config says for one that is configured. */
  readonly egress: 'trust-base-url' | EgressOptions;
  readonly retries?: Partial<Retries>;
  /** The most connections; further requests wait. 4 unless said otherwise. */
  readonly connections?: number;
  readonly clock?: Partial<Clock>;
};

/** What bounds the attempts of one request. */
export type Retries = {
  /** All of them, the first included: 5. */
  readonly attempts: number;
  /** No attempt begins later than this after the first: 60 s. */
  readonly withinMs: number;
};

export type ApiRequest = {
  readonly method: HttpRequest['method'];
  /** Below the base URL, e.g. `/alerts/4711`; whoever puts an id in writes it with `encodeURIComponent`. */
  readonly path: string;
  /** A list is sent as a parameter repeated; what is undefined is not sent. */
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** For this request alone, in place of the client's where they have one name. A function is asked anew for each attempt: a signature has a time and a nonce. */
  readonly headers?: HttpHeaders | ((attempt: ApiAttempt) => HttpHeaders);
};

/** What a signature is made over. */
export type ApiAttempt = {
  readonly method: string;
  /** Absolute, with its query. */
  readonly url: string;
  readonly payload: string | undefined;
};

/** An answer of any status: what a 404 or a 401 means, the vendor's client knows. */
export type ApiAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** As the vendor's support may ask for it. */
  readonly requestId?: string;
  /** How long the vendor asks us to wait, up to 15 minutes. */
  readonly retryAfterMs?: number;
  /** Whole numbers beyond 2^53 come out as texts. Throws `ApiError` when the answer is no JSON or was cut. */
  json(): unknown;
  /** At most 2 kB for people to read, without our credentials. */
  excerpt(): string;
};

const usualRetries: Retries = { attempts: 5, withinMs: 60_000 };
const backoff: Backoff = { firstMs: 500, longestMs: 10_000, longestAskedMs: Infinity };
const usualMaxAnswerBytes = 8 * 1024 * 1024;
const usualConnections = 4;
const maxConnectMs = 5_000;

/**
 * A vendor's HTTP API: what its client stands on. 408, 425, 429, 5xx and lost connections are tried again with full
 * jitter, or when the vendor asks, within a bound. What is left after it is the last answer; where there was none, an
 * `ApiError` is thrown, without a credential in it. An abort throws the signal's reason.
 */
export class Api {
  readonly #http: HttpClient;
  readonly #base: string;
  readonly #headers: HttpHeaders;
  readonly #retries: Retries;
  readonly #clock: Clock;
  readonly #pace: Pace | undefined;
  readonly #closing = new AbortController();

  constructor(options: ApiOptions) {
    const { egress, timeoutMs, perMinute } = options;
    this.#base = baseOf(options.baseUrl);
    this.#headers = lowerCased({ accept: 'application/json', ...options.headers });
    this.#retries = { ...usualRetries, ...options.retries };
    this.#clock = { ...systemClock, ...options.clock };
    this.#pace = perMinute === undefined ? undefined : new Pace(perMinute, this.#clock);
    this.#http = openHttp({
      ...(egress === 'trust-base-url' ? { trust: this.#base } : egress),
      headers: {},
      ...(options.confidential && { confidential: options.confidential }),
      connections: options.connections ?? usualConnections,
      deadlines: { connectMs: Math.min(maxConnectMs, timeoutMs), headersMs: timeoutMs, totalMs: timeoutMs },
      maxAnswerBytes: options.maxAnswerBytes ?? usualMaxAnswerBytes,
    });
  }

  async request(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    const { method } = request;
    const url = urlOf(this.#base, request);
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    const begunAt = this.#clock.now();
    const pace = this.#pace;
    for (let attempt = 1; ; attempt += 1) {
      if (pace) await this.#whileOpen(signal, (either) => pace.turn(either));
      const headers = { ...this.#headers, ...headersOf(request, { method, url, payload }) };
      const sent = { method, url, headers, ...(payload !== undefined && { body: payload }) };
      const result = await this.#http.send(sent, signal);
      if (result.kind === 'failure') signal?.throwIfAborted();
      if (this.#closing.signal.aborted) throw closed();
      const waitMs = this.#waitAfter(result, attempt, begunAt);
      if (waitMs === undefined) return answerOf(result, attempt, this.#clock.now());
      await this.#whileOpen(signal, (either) => this.#clock.sleep(waitMs, either));
    }
  }

  /** Requests under way throw an `ApiError`; may be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#http.close();
  }

  /** Milliseconds to the next attempt; undefined where there is none. */
  #waitAfter(result: HttpResult, attempt: number, begunAt: number): number | undefined {
    if (attempt >= this.#retries.attempts || !mayPass(result)) return undefined;
    const now = this.#clock.now();
    const askedMs = result.kind === 'answer' ? retryAfterMs(result.headers, now) : undefined;
    const waitMs = backoffMs(attempt, this.#clock.random(), askedMs, backoff);
    return now + waitMs <= begunAt + this.#retries.withinMs ? waitMs : undefined;
  }

  /** Waits, unless the caller gives up or the client is closed. */
  async #whileOpen(signal: AbortSignal | undefined, wait: (either: AbortSignal) => Promise<void>): Promise<void> {
    const closing = this.#closing.signal;
    try {
      await wait(signal ? AbortSignal.any([signal, closing]) : closing);
    } catch (error) {
      signal?.throwIfAborted();
      throw closing.aborted ? closed() : error;
    }
  }
}

/** Without a slash at the end. The complaint does not repeat it: it may hold a credential. */
function baseOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash !== '') {
    throw new TypeError(
      'baseUrl must be a URL such as https://api.example.com/v1, without credentials, query and fragment',
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** What would end the path, what the URL parser leaves out or turns round, and `.` and `..` in every spelling. */
const noPath = /[?#\\\s]|(?:^|\/)(?:\.|%2e){1,2}(?:$|\/)/i;

function urlOf(base: string, { path, query = {} }: ApiRequest): string {
  if (noPath.test(path)) throw new ApiError('refused', 'a part of the path cannot be sent in a path');
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of typeof value === 'object' ? value : [value]) {
      if (each !== undefined) parameters.append(name, String(each));
    }
  }
  const search = parameters.size === 0 ? '' : `?${parameters.toString()}`;
  return `${base}${path.startsWith('/') ? '' : '/'}${path}${search}`;
}

function headersOf({ headers = {} }: ApiRequest, attempt: ApiAttempt): HttpHeaders {
  return {
    ...(attempt.payload !== undefined && { 'content-type': 'application/json' }),
    ...lowerCased(typeof headers === 'function' ? headers(attempt) : headers),
  };
}

function lowerCased(headers: HttpHeaders): HttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function mayPass(result: HttpResult): boolean {
  return result.kind === 'failure' ? !result.needsOperator : result.status >= 500 || passing.has(result.status);
}

function answerOf(result: HttpResult, attempts: number, now: number): ApiAnswer {
  if (result.kind === 'failure') {
    const kind = result.needsOperator ? 'refused' : 'no_answer';
    throw new ApiError(kind, attempts === 1 ? result.reason : `${result.reason}, ${String(attempts)} times`);
  }
  const { status, headers, text } = result;
  const requestId = requestIdOf(headers);
  const askedMs = retryAfterMs(headers, now);
  return {
    status,
    headers,
    text,
    ...(requestId !== undefined && { requestId }),
    ...(askedMs !== undefined && { retryAfterMs: askedMs }),
    json: () => jsonOf(result, requestId),
    excerpt: () => result.excerpt(),
  };
}

function jsonOf({ text, status, isCut }: HttpAnswer, requestId: string | undefined): unknown {
  const about = { status, ...(requestId !== undefined && { requestId }) };
  if (isCut) throw new ApiError('too_large', `the answer has more than ${String(text.length)} characters`, about);
  const parsed = parseJsonText(text);
  if (parsed.kind === 'json') return parsed.value;
  throw new ApiError('not_json', `the answer cannot be read (${parsed.reason})`, about);
}

const requestIdHeaders = ['x-request-id', 'x-amzn-requestid', 'x-amz-request-id', 'x-correlation-id', 'request-id'];

function requestIdOf(headers: IncomingHttpHeaders): string | undefined {
  const name = requestIdHeaders.find((header) => headers[header] !== undefined);
  return name === undefined ? undefined : String(headers[name]);
}

function closed(): ApiError {
  return new ApiError('closed', 'the client was closed');
}
