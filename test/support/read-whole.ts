import type { ReadElements, Reading } from '../../src/core/source.js';

/** A reading with all that follows in it. */
export function readWhole({ rest, ...first }: Reading): Reading {
  const drafts = [...first.drafts];
  const unread = [...first.unread];
  for (let next: ReadElements | undefined = rest?.(); next; next = next.rest?.()) {
    drafts.push(...next.drafts);
    unread.push(...next.unread);
  }
  return { ...first, drafts, unread };
}
