import type { AlertDraft } from '../core/alert.js';
import type { ReadElements } from '../core/source.js';

/** More than this could not be on disk before a vendor gives up waiting for the answer. */
export const maxAlerts = 20_000;
/** Read in one go: the largest that vendors send take no longer than a moment. */
const atOnce = 16;

/**
 * Reads the elements of a list in order, a few at a time: `readOne` makes a draft of one, or says why it cannot. All of
 * them or, where there are too many, none.
 */
export function readList(
  elements: readonly unknown[],
  readOne: (element: unknown, index: number) => AlertDraft | string,
): ReadElements {
  if (elements.length <= maxAlerts) return readFrom(0, elements, readOne);
  const reason = `too_many: ${elements.length} alerts in one body, of which at most ${maxAlerts} are read`;
  return { drafts: [], unread: [{ reason }] };
}

function readFrom(start: number, elements: readonly unknown[], readOne: Parameters<typeof readList>[1]): ReadElements {
  const drafts: AlertDraft[] = [];
  const unread: { index: number; reason: string }[] = [];
  const end = Math.min(start + atOnce, elements.length);
  for (let index = start; index < end; index += 1) {
    const read = readOne(elements[index], index);
    if (typeof read === 'string') unread.push({ index, reason: read });
    else drafts.push(read);
  }
  if (end === elements.length) return { drafts, unread };
  return { drafts, unread, rest: () => readFrom(end, elements, readOne) };
}
