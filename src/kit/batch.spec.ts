import { describe, expect, it } from '@jest/globals';
import type { AlertDraft } from '../core/alert.js';
import type { ReadElements } from '../core/source.js';
import { readList } from './batch.js';

const draft = (title: string): AlertDraft => ({
  kind: 'other',
  state: 'open',
  severity: 'low',
  title,
  version: '1',
  vendorIds: {},
  resources: [],
  tags: [],
  quality: [],
});
const read = (element: unknown, index: number) =>
  typeof element === 'string' ? { ...draft(element), index } : `${typeof element} is no text`;
const whole = (first: ReadElements): readonly ReadElements[] => {
  const all: ReadElements[] = [];
  for (let next: ReadElements | undefined = first; next; next = next.rest?.()) all.push(next);
  return all;
};

describe('the elements of one body', () => {
  it('are read in one go where they are few, each as a draft or with the reason why not', () => {
    expect(readList(['a', 7, 'b'], read)).toEqual({
      drafts: [
        { ...draft('a'), index: 0 },
        { ...draft('b'), index: 2 },
      ],
      unread: [{ index: 1, reason: 'number is no text' }],
    });
    expect(readList([], read)).toEqual({ drafts: [], unread: [] });
  });

  it('are read a few at a time, in order, and none before it is asked for', () => {
    const seen: number[] = [];
    const elements = Array.from({ length: 100 }, (_, index) => (index % 10 === 3 ? index : `text ${String(index)}`));
    const first = readList(elements, (element, index) => {
      seen.push(index);
      return read(element, index);
    });
    expect(seen.length).toBeLessThanOrEqual(32);
    const parts = whole(first);
    expect(seen).toEqual(elements.map((_, index) => index));
    expect(parts.flatMap(({ drafts }) => drafts.map(({ title }) => title))).toEqual(
      elements.filter((element) => typeof element === 'string'),
    );
    expect(parts.flatMap(({ unread }) => unread.map(({ index }) => index))).toEqual(
      elements.filter((element) => typeof element === 'number'),
    );
  });

  it('end with the last of them, though they fill the last go', () => {
    for (const length of [15, 16, 17, 32]) {
      const parts = whole(readList(Array<string>(length).fill('a'), read));
      expect(parts.map(({ drafts }) => drafts.length).filter((count) => count === 0)).toEqual([]);
    }
  });

  it('are read up to twenty thousand, and none of more', () => {
    expect(readList(Array<string>(20_000).fill('a'), read).drafts).not.toEqual([]);
    expect(readList(Array<string>(20_001).fill('a'), read)).toEqual({
      drafts: [],
      unread: [{ reason: 'too_many: 20001 alerts in one body, of which at most 20000 are read' }],
    });
  });
});
