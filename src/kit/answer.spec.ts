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

  it('of a place that was given up says so, and of no other', () => {
    expect(outcomeOf(answered(410), now)).toEqual({
      kind: 'parked',
      cause: 'http',
      reason: 'answered 410 Gone: this URL has been given up',
      isFinal: true,
      answer: { status: 410, excerpt: 'said so' },
    });
    expect(outcomeOf(answered(404), now)).not.toHaveProperty('isFinal');
  });

  it('that leads elsewhere is not followed, and the operator is told what to do', () => {
    expect(outcomeOf(answered(302), now)).toEqual({
      kind: 'parked',
      cause: 'http',
      reason: 'answered 302 Found: redirects are not followed, configure its target',
      answer: { status: 302, excerpt: 'said so' },
    });
  });

  it('may have a number without a name', () => {
    expect(outcomeOf(answered(599), now)).toEqual({
      kind: 'retry',
      cause: 'http',
      reason: 'answered 599',
      answer: { status: 599, excerpt: 'said so' },
    });
    expect(outcomeOf(answered(199), now)).toMatchObject({ kind: 'retry' });
  });

  it('that this request will never pass is kept as it was said', () => {
    expect(outcomeOf(answered(422), now)).toEqual({
      kind: 'rejected',
      cause: 'http',
      reason: 'answered 422 Unprocessable Entity',
      answer: { status: 422, excerpt: 'said so' },
    });
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
    ['a date that is now', { 'retry-after': new Date(now).toUTCString() }, undefined],
    ['a date of one letter', { 'retry-after': '2026-03-01T13:00Z' }, undefined],
    ['spaces around', { 'retry-after': ' 3 ' }, 3_000],
    ['the first of several', { 'x-ratelimit-reset': ['3', '9'] }, 3_000],
    ['a fraction', { 'retry-after': '1.234' }, 1_234],
    ['a fraction of a millisecond', { 'retry-after': '0.0004' }, 0],
    ['a number of many digits, in short', { 'retry-after': '1e12' }, 900_000],
    ['a number with a unit', { 'retry-after': '3s' }, undefined],
    ['a number behind a word', { 'retry-after': 'in 3' }, undefined],
    ['a number with an odd fraction', { 'retry-after': '3.x' }, undefined],
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
