import { PullError } from '../../core/source.js';
import { parseJsonText } from '../../kit/json.js';
import { present } from '../../kit/present.js';
import { count, field, oneOf, text } from '../../kit/read.js';
import type { Product } from './api-options.js';

/** How far a pull has come: the cursor that is kept, as JSON. Times in milliseconds since the epoch. */
export type Place = {
  /** What was made before is left out: it was pulled before, or lies before the first pull. */
  readonly floor: number;
  /** Set within a reading of the lists: when it began, and where it goes on. */
  readonly reading?: { readonly begunAt: number; readonly product: Product; readonly next?: string };
};

export function placeText({ floor, reading }: Place): string {
  return JSON.stringify({ floor, ...reading });
}

/** Throws where it is none: the pull begins anew. */
export function readPlace(cursor: string): Place {
  const parsed = parseJsonText(cursor);
  const read = parsed.kind === 'json' ? parsed.value : undefined;
  const floor = count(field(read, 'floor'));
  if (floor === undefined) throw new PullError({ kind: 'lost', reason: 'the kept place of the pull cannot be read' });
  const begunAt = count(field(read, 'begunAt'));
  const product = oneOf<Product>(field(read, 'product'), { api: 'api', mobile: 'mobile' });
  if (begunAt === undefined || product === undefined) return { floor };
  return { floor, reading: { begunAt, product, ...present({ next: text(field(read, 'next')) }) } };
}
