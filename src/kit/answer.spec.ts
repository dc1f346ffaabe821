import { describe, expect, it } from '@jest/globals';
import { outcomeOf, retryAfterMs } from './answer.js';
import type { HttpAnswer } from './exchange.js';

const now = Date.UTC(2026, 2, 1, 12);

const answered = (status: number, headers: Record<string, string> = {}): HttpAnswer => ({
  kind: 'answer',
  status,
  headers,
  text: 'said so',
  isCut: false,
  excerpt: () => 'said so',
});

describe('an answer', () => {
  it.each([
    ['delivered', [200, 201, 202, 204]],
    ['retry', [408, 425, 429, 500, 501, 502, 503, 504, 520, 599]],
    ['parked', [300, 301, 302, 303, 307, 308, 401, 403, 404, 407, 410]],
    ['rejected', [400, 402, 405, 406, 409, 411, 413, 414, 415, 422, 431]],
  ])('becomes %s for %j', (kind, statuses) => {
    for (const status of statuses) expect(outcomeOf(answered(status), now)).toMatchObject({ kind, answer: { status } });
  });

  it('is kept with what the other side said, unless it was good', () => {
    expect(outcomeOf(answered(403), now)).toEqual({
      kind: 'parked',
      cause: 'http',
      reason: 'answered 403 Forbidden: the credential is not accepted',
      answer: { status: 403, excerpt: 'said so' },
    });
    expect(outcomeOf(answered(202), now)).toEqual({ kind: 'delivered', answer: { status: 202 } });
  });

  it('says that it was the size', () => {
    expect(outcomeOf(answered(413), now)).toMatchObject({ kind: 'rejected', cause: 'size' });
  });

  it('hands on for how long to wait', () => {
    expect(outcomeOf(answered(429, { 'retry-after': '3' }), now)).toMatchObject({ kind: 'retry', afterMs: 3_000 });
    expect(outcomeOf(answered(503), now)).not.toHaveProperty('afterMs');
  });
});

describe('no answer', () => {
  const failed = (needsOperator: boolean) =>
    outcomeOf({ kind: 'failure', cause: 'dns', reason: 'unknown', needsOperator }, now);

  it('is tried again, or waits for an operator', () => {
    expect(failed(false)).toEqual({ kind: 'retry', cause: 'dns', reason: 'unknown' });
    expect(failed(true)).toEqual({ kind: 'parked', cause: 'dns', reason: 'unknown' });
  });
});

describe('the wait that is asked for', () => {
  it.each([
    ['seconds', { 'retry-after': '3' }, 3_000],
    ['no wait', { 'retry-after': '0' }, 0],
    ['a date', { 'retry-after': new Date(now + 7_000).toUTCString() }, 7_000],
    ['a date that has passed', { 'retry-after': new Date(now - 7_000).toUTCString() }, undefined],
    ['less than nothing', { 'retry-after': '-5' }, undefined],
    ['an age, in digits', { 'retry-after': '1000000000' }, 900_000],
    ['an age, in short', { 'retry-after': '1e9' }, 900_000],
    ['no number', { 'retry-after': 'NaN' }, undefined],
    ['infinity', { 'retry-after': 'Infinity' }, undefined],
    ['nothing', { 'retry-after': '' }, undefined],
    ['words', { 'retry-after': 'soon' }, undefined],
    ['no header', {}, undefined],
    ['a rate limit', { 'x-ratelimit-reset': '42' }, 42_000],
    ['a rate limit with nothing left', { 'x-ratelimit-reset': '42', 'x-ratelimit-remaining': '0' }, 42_000],
    ['a rate limit with requests left', { 'x-ratelimit-reset': '42', 'x-ratelimit-remaining': '9' }, undefined],
    ['both', { 'retry-after': '3', 'x-ratelimit-reset': '2' }, 3_000],
    ['both, the other way', { 'retry-after': '3', 'x-ratelimit-reset': '20' }, 20_000],
    ['sense beside nonsense', { 'retry-after': '-5', 'x-ratelimit-reset': '2' }, 2_000],
  ])('reads %s', (_name, headers, expected) => {
    expect(retryAfterMs(headers, now)).toBe(expected);
  });
});
