import { PullError } from '../../core/source.js';
import { bool, field } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';

/** How far a pull has come: the cursor of its pages. */
export type Place = {
  /** Of alerts that were made before, all were read; by the vendor's clock, in milliseconds since the epoch. */
  readonly at: number;
  /** There was nothing after it: the next pull goes back by the overlap. A pull that was cut goes on where it was. */
  readonly isCaughtUp: boolean;
};

export function placeText({ at, isCaughtUp }: Place): string {
  return JSON.stringify({ at: new Date(at).toISOString(), isCaughtUp });
}

/** A cursor that cannot be read is as good as lost: everything since then is read anew, and what is known stays known. */
export function readPlace(cursor: string): Place {
  const parsed = parse(cursor);
  const at = timeText(field(parsed, 'at'), 'auto', Number.MAX_SAFE_INTEGER, new Set());
  const isCaughtUp = bool(field(parsed, 'isCaughtUp'));
  if (at === undefined || isCaughtUp === undefined) {
    throw new PullError({ kind: 'lost', reason: 'the place where the last pull ended cannot be read' });
  }
  return { at: Date.parse(at), isCaughtUp };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
