/**
 * The candidate that was most likely meant, or undefined when none is close. Upper case, dashes and underscores do not
 * count, so that `trusted_proxies` finds `trustedProxies`.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = simplified(word);
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, simplified(candidate));
    if (distance <= allowed(wanted) && distance < (best?.distance ?? Infinity)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** What to write instead: the word that was most likely meant, or else the whole choice. */
export function instead(word: string, choice: readonly string[]): string {
  const meant = nearest(word, choice);
  if (meant !== undefined) return `; did you mean ${JSON.stringify(meant)}?`;
  if (choice.length > 1) return `; use one of ${choice.join(', ')}`;
  return choice[0] === undefined ? '' : `; use ${choice[0]}`;
}

/** One slip in a short word, one in every three letters of a long one. */
function allowed(word: string): number {
  return Math.max(1, Math.floor(word.length / 3));
}

const longestCompared = 64;

function simplified(word: string): string {
  return word.slice(0, longestCompared).toLowerCase().replace(/[-_]/g, '');
}

/** Letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(current, column - 1) + 1,
          at(last, column) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          swapped ? at(beforeLast, column - 2) + 1 : Infinity,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
