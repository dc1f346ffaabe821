import { describe, expect, it } from '@jest/globals';
import { clockProblem } from './clock.js';

describe('a clock', () => {
  it.each(['2025-01-01T00:00:00Z', '2099-12-31T23:59:59Z'])('that says %s may be right', (time) => {
    expect(clockProblem(Date.parse(time))).toBeUndefined();
  });

  it.each(['1970-01-01T00:00:05Z', '2024-12-31T23:59:59Z', '2100-01-01T00:00:00Z'])(
    'that says %s is wrong, and that time is told',
    (time) => {
      expect(clockProblem(Date.parse(time))).toContain(time.slice(0, 19));
    },
  );
});
