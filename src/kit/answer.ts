import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { Outcome } from '../core/sink.js';
import type { HttpAnswer, HttpResult } from './exchange.js';

/**
 * What one exchange means for a delivery, where the other side keeps to HTTP: 2xx is delivered; 408, 425, 429, 5xx and
 * lost connections are tried again; redirects, refused credentials, unknown places, names and certificates wait for an
 * operator; every other 4xx says that this request will never pass. `now` in milliseconds.
 */
export function outcomeOf(result: HttpResult, now: number): Outcome {
  if (result.kind === 'failure') {
    const { cause, reason, needsOperator } = result;
    return { kind: needsOperator ? 'parked' : 'retry', cause, reason };
  }
  const { status } = result;
  if (status >= 200 && status < 300) return { kind: 'delivered', answer: { status } };

  const answer = { status, excerpt: result.excerpt() };
  const said = `answered ${saidOf(result)}`;
  if (operatorHints[status] !== undefined) {
    const reason = `${said}: ${operatorHints[status]}`;
    return { kind: 'parked', cause: 'http', reason, ...(status === gone && { isFinal: true }), answer };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'parked',
      cause: 'http',
      reason: `${said}: redirects are not followed, configure its target`,
      answer,
    };
  }
  if (status < 400 || status >= 500 || passing.has(status)) {
    const afterMs = retryAfterMs(result.headers, now);
    return { kind: 'retry', cause: 'http', reason: said, ...(afterMs !== undefined && { afterMs }), answer };
  }
  return { kind: 'rejected', cause: status === 413 ? 'size' : 'http', reason: said, answer };
}

/** Too slow, too early, too many: worth another try, as 5xx is. */
export const passing: ReadonlySet<number> = new Set([408, 425, 429]);

const gone = 410;

const operatorHints: Readonly<Record<number, string>> = {
  401: 'the credential is missing or not accepted',
  403: 'the credential is not accepted',
  404: 'there is nothing at this URL',
  407: 'a proxy wants a credential',
  410: 'this URL has been given up',
};

function saidOf({ status }: HttpAnswer): string {
  const words = STATUS_CODES[status];
  return words === undefined ? String(status) : `${status} ${words}`;
}

const longestWaitMs = 15 * 60_000;

/**
 * How long the other side asks us to wait: the longer of `Retry-After` (seconds or a date, RFC 9110 §10.2.3) and
 * `X-RateLimit-Reset` (seconds to go, as Datadog has it; it asks for nothing while requests remain). At most 15
 * minutes; undefined where it asked for nothing, or for nonsense.
 */
export function retryAfterMs(headers: IncomingHttpHeaders, now: number): number | undefined {
  const remaining = seconds(headers['x-ratelimit-remaining']) ?? 0;
  const waits = [
    seconds(headers['retry-after']) ?? secondsUntil(headers['retry-after'], now),
    remaining > 0 ? undefined : seconds(headers['x-ratelimit-reset']),
  ].filter((wait) => wait !== undefined);
  if (waits.length === 0) return undefined;
  return Math.min(longestWaitMs, Math.round(Math.max(...waits) * 1_000));
}

function seconds(header: string | string[] | undefined): number | undefined {
  const text = first(header);
  return text !== undefined && /^\d+(?:\.\d+)?(?:e\d{1,2})?$/i.test(text) ? Number(text) : undefined;
}

/** A date that has passed asks for nothing. A date has letters: `Date.parse` would read `-5` as one. */
function secondsUntil(header: string | string[] | undefined, now: number): number | undefined {
  const text = first(header);
  const date = text !== undefined && /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
  return date > now ? (date - now) / 1_000 : undefined;
}

function first(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header[0] : header)?.trim();
}
