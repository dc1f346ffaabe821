import { incidentKeys, observationKeys } from './sample-template.js';
import type { Body } from './shape.js';

/**
 * Reads what the vendor's sample templates make when a description holds a quotation mark or a line break: the template
 * language (Mustache) fills it in as it is, and the result is no JSON. `undefined` for anything else.
 *
 * Where a text holds what looks like a field of the template, the fields outside the long texts win: up to the
 * description the first of a name counts, after it the last. So an attacker's words cannot replace an id or a rating.
 */
export function repaired(written: string): Body | undefined {
  const body = written.trim();
  if (!body.startsWith('{') || !body.endsWith('}')) return undefined;
  return byTemplate(body, incidentKeys) ?? byTemplate(body, observationKeys);
}

function byTemplate(body: string, keys: readonly string[]): Body | undefined {
  const places = placesOf(body, keys);
  if (places.length < keys.length) return undefined;
  const values = places.map(({ from }, index) => body.slice(from, places[index + 1]?.at ?? -1).trimEnd());
  if (!values.every((value) => value.endsWith('"'))) return undefined;
  // With a line break left as it was, so were backslashes; without one they may be the escapes that they look like.
  const read = values.some((value) => /[\r\n]/.test(value)) ? asIs : unescaped;
  return Object.fromEntries(places.map(({ key }, index) => [key, read(values[index]?.slice(0, -1) ?? '')]));
}

/** `at` is where the brace or comma before a key stands, `from` where its value begins, after the quotation mark. */
type Place = { readonly key: string; readonly at: number; readonly from: number };

/** Where each key stands, in the template's order. */
function placesOf(body: string, keys: readonly string[]): readonly Place[] {
  const turn = keys.indexOf('description') + 1;
  const head: Place[] = [];
  for (const key of keys.slice(0, turn)) {
    const place = occurrences(body, key, head.at(-1)?.from ?? 0).next().value;
    if (place !== undefined) head.push(place);
  }
  const start = head.at(-1)?.from ?? 0;
  const tail: Place[] = [];
  for (const key of keys.slice(turn).reverse()) {
    const end = tail[0]?.at ?? body.length;
    const place = [...occurrences(body, key, start)].findLast(({ from }) => from <= end);
    if (place !== undefined) tail.unshift(place);
  }
  return [...head, ...tail];
}

function* occurrences(body: string, key: string, start: number): Generator<Place, undefined> {
  const opening = new RegExp(`[{,]\\s*"${key}"\\s*:\\s*"`, 'g');
  opening.lastIndex = start;
  for (let match = opening.exec(body); match !== null; match = opening.exec(body)) {
    yield { key, at: match.index, from: opening.lastIndex };
  }
  return undefined;
}

function asIs(value: string): string {
  return value;
}

/** With the escapes that are there, and the quotation marks and backslashes that should have been escaped. */
function unescaped(value: string): string {
  const escaped = value.replace(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[\\"\u0000-\u001f]/g, (match) =>
    match.length > 1 ? match : JSON.stringify(match).slice(1, -1),
  );
  return JSON.parse(`"${escaped}"`) as string;
}
