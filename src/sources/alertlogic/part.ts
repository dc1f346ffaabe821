import { field } from '../../kit/read.js';

/**
 * A field by its path, nested or under a dotted key: `part(body, 'incident.summary')` is what stands at
 * `"incident.summary"` or else under `"incident"` at `"summary"`, an order taken from the vendor's own client
 * (nepal-client-libs, packages/iris). A null counts as not sent.
 */
export function part(value: unknown, path: string): unknown {
  const whole = field(value, path) ?? undefined;
  if (whole !== undefined) return whole;
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const found = part(field(value, path.slice(0, dot)), path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `part` for several paths at once, in their order. */
export function parts(value: unknown, ...paths: readonly string[]): readonly unknown[] {
  return paths.map((path) => part(value, path));
}
