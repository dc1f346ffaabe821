import { PullError } from '../../core/source.js';
import { parseJsonText } from '../../kit/json.js';
import { field, number } from '../../kit/read.js';

/** Where a pull goes on, in milliseconds since the epoch. */
export type Place = {
  /** What was made before it has been read, but for what an overlap reads again. */
  readonly at: number;
  /** Where the first pull began: the days since then are the ones to account for. */
  readonly since: number;
};

export function placeText({ at, since }: Place): string {
  return JSON.stringify({ at, since });
}

/** Throws `PullError` of kind `lost` for what is none of ours. */
export function readPlace(cursor: string): Place {
  const parsed = parseJsonText(cursor);
  const [at, since] = ['at', 'since'].map((name) => number(field(parsed.kind === 'json' ? parsed.value : {}, name)));
  if (at === undefined || since === undefined || at < 0 || since < 0) {
    throw new PullError({ kind: 'lost', reason: 'the place where the last pull ended cannot be read' });
  }
  return { at, since };
}
