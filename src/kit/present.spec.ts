import { describe, expect, it } from '@jest/globals';
import { present } from './present.js';

describe('present', () => {
  it('leaves out what is undefined, and nothing else', () => {
    const absent: string | undefined = undefined;
    expect(present({ id: 'a-1', name: absent, count: 0, note: '', list: [] })).toStrictEqual({
      id: 'a-1',
      count: 0,
      note: '',
      list: [],
    });
  });
});
