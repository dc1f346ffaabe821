import { field } from '../../kit/read.js';

/**
 * A field by its path, nested or under a dotted key: `part(body, 'incident.summary')` is what stands at
 * `"incident.summary"` or else under `"incident"` at `"summary"`, an order taken from the vendor's own client
 * (nepal-client-libs, packages/iris). A null counts as not sent.
 */
export function part(value: unknown, path: string): unknown {
  const whole = field(value, path) ?? undefined;
  if (whole !== undefined) return whole;
  for (const [head, tail] of splitsOf(path)) {
    const outer = field(value, head);
    const found = outer === undefined ? undefined : part(outer, tail);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `part` for several paths at once, in their order. */
export function parts(value: unknown, ...paths: readonly string[]): readonly unknown[] {
  return paths.map((path) => part(value, path));
}

/** Cutting a path up costs more than following it, and there are only as many paths as are written in this folder. */
const knownSplits = new Map<string, readonly (readonly [head: string, tail: string])[]>();

/** The ways to cut a path in two, the longest head first. */
function splitsOf(path: string): readonly (readonly [head: string, tail: string])[] {
  const known = knownSplits.get(path);
  if (known !== undefined) return known;
  const names = path.split('.');
  const splits = names
    .slice(1)
    .map((_, index) => [names.slice(0, index + 1).join('.'), names.slice(index + 1).join('.')] as const)
    .reverse();
  knownSplits.set(path, splits);
  return splits;
}
