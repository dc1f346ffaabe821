import { describe, expect, it } from '@jest/globals';
import { tooMany } from './batch.js';

describe('the alerts of one body', () => {
  it('are read up to five thousand, and none of more', () => {
    expect(tooMany(5_000)).toBeUndefined();
    expect(tooMany(5_001)).toBe('too_many: 5001 alerts in one body, of which at most 5000 are read');
  });
});
