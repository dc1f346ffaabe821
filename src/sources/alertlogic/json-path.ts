/** The keys and positions that lead to a value. */
export type JsonPath = readonly (string | number)[];

export type ParsedPath =
  { readonly ok: true; readonly path: JsonPath } | { readonly ok: false; readonly reason: string };

/** One step: `name` or `.name`, `[0]`, `['a.b']` or `["a.b"]` with `\` before a quote or a backslash. */
const step = /(\.?)([^.[\]'"\s]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;

/**
 * Reads a path such as `$.incident.summary`, `items[0].name` or `$['incident.summary']`. The leading `$.` may be left
 * out. There are no wildcards, filters or expressions. A reason says what to write instead.
 */
export function parsePath(written: string): ParsedPath {
  const path: (string | number)[] = [];
  const start = written === '$' || /^\$[.[]/.test(written) ? 1 : 0;
  let position = start;
  while (position < written.length) {
    step.lastIndex = position;
    const match = step.exec(written);
    const [, dot, name, index, single, double] = match ?? [];
    // Only the first name of a path without `$` stands without a dot.
    const isFirstName = position === 0;
    if (match === null || (name !== undefined && (dot === '') !== isFirstName)) return unreadable(written, position);
    path.push(name ?? (index === undefined ? unescaped(single ?? double ?? '') : Number(index)));
    position = step.lastIndex;
  }
  return path.length === 0 ? { ok: false, reason: `"${written}" names no field: ${example}` } : { ok: true, path };
}

/** The value at a path; own properties only, `undefined` where there is none. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>((at, key) => {
    if (typeof at !== 'object' || at === null || Array.isArray(at) !== (typeof key === 'number')) return undefined;
    return Object.hasOwn(at, key) ? (at as Readonly<Record<string | number, unknown>>)[key] : undefined;
  }, value);
}

const example = `write a path such as $.incident.summary, $.items[0].name or $['a.b']`;

function unreadable(written: string, position: number): ParsedPath {
  return { ok: false, reason: `"${written}" is no path from character ${position + 1} on: ${example}` };
}

function unescaped(quoted: string): string {
  return quoted.replace(/\\(.)/gs, '$1');
}
