import { hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { text as cleanText } from './read.js';

/** What a body turned out to be. `flags` are codes for `AlertDraft.quality`; a reason starts with a code, too. */
export type ParsedJson =
  | { readonly kind: 'json'; readonly value: unknown; readonly flags: readonly string[] }
  | { readonly kind: 'unreadable'; readonly reason: string };

const maxDepth = 64;

/**
 * Reads a body as JSON, whatever its content type says: UTF-8, or UTF-16 with a byte order mark. Bytes that are neither
 * are replaced and flagged `invalid_utf8_replaced`. Whole numbers beyond 2^53 come out as strings of their digits, since
 * vendors use them as ids. Members named `__proto__` are left out and flagged `unsafe_key_dropped`. Not read: nothing at
 * all, more than 64 levels, what is not JSON.
 */
export function parseJson(bytes: Buffer): ParsedJson {
  const { text, flags } = decode(bytes);
  const scan = needsScan(text) ? scanTokens(text) : harmless;
  if (scan.isTooDeep) return { kind: 'unreadable', reason: `too_deep: nested more than ${maxDepth} levels` };
  try {
    return parseSafely(quoted(text, scan.hugeIntegers), flags);
  } catch (error) {
    const isEmpty = text.trim() === '';
    return { kind: 'unreadable', reason: isEmpty ? 'empty_body: nothing was sent' : `not_json: ${syntaxOf(error)}` };
  }
}

/** Parses JSON inside JSON, as message queues wrap it; the same rules and reasons. */
export function parseJsonText(text: string): ParsedJson {
  return parseJson(Buffer.from(text));
}

/** A JSON value with the keys of every object sorted: one text for all spellings of it. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const object = value as Readonly<Record<string, unknown>>;
  const entries = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  return `{${entries.join(',')}}`;
}

/** SHA-256, in hex, of a value's canonical JSON: the version of what has no id. */
export function contentHash(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}

function decode(bytes: Buffer): { text: string; flags: readonly string[] } {
  const encoding = utf16Of(bytes);
  if (encoding === undefined) {
    const text = bytes.toString('utf8');
    return { text: text.startsWith('\ufeff') ? text.slice(1) : text, flags: isUtf8(bytes) ? [] : replaced };
  }
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), flags: [] };
  } catch {
    return { text: new TextDecoder(encoding).decode(bytes), flags: replaced };
  }
}

const replaced: readonly string[] = ['invalid_utf8_replaced'];

function utf16Of(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** The one name that a copy of an object may take for its prototype instead of a member. */
const unsafeKey = '__proto__';

function parseSafely(json: string, flags: readonly string[]): ParsedJson {
  if (!mayHoldUnsafeKey(json)) return { kind: 'json', value: JSON.parse(json) as unknown, flags };
  const dropped = new Set<string>();
  const value: unknown = JSON.parse(json, (key, member: unknown) => {
    if (key !== unsafeKey) return member;
    dropped.add('unsafe_key_dropped');
    return undefined;
  });
  return { kind: 'json', value, flags: [...flags, ...dropped] };
}

/** Written out, or with one of its characters escaped: `\u005f` is the underscore, the letters are in 006 and 007. */
function mayHoldUnsafeKey(json: string): boolean {
  return json.includes(unsafeKey) || (json.includes('\\u00') && /\\u00[5-7]/.test(json));
}

type Scan = {
  readonly isTooDeep: boolean;
  /** Start and end of every whole number that a double cannot hold. */
  readonly hugeIntegers: readonly (readonly [number, number])[];
};

const harmless: Scan = { isTooDeep: false, hugeIntegers: [] };
const hugeDigits = 16;

/** False for nearly every body of a few alerts, at a tenth of what the scan costs. */
function needsScan(text: string): boolean {
  return countUpTo(maxDepth + 1, '{', text) + countUpTo(maxDepth + 1, '[', text) > maxDepth || hasLongDigits(text);
}

function countUpTo(limit: number, character: string, text: string): number {
  let count = 0;
  for (let i = text.indexOf(character); i >= 0 && count < limit; i = text.indexOf(character, i + 1)) count++;
  return count;
}

/** Looks at every sixteenth character only: a run of sixteen digits has to cover one of them. */
function hasLongDigits(text: string): boolean {
  for (let i = hugeDigits - 1; i < text.length; i += hugeDigits) {
    if (!isDigit(text.charCodeAt(i))) continue;
    let start = i;
    while (isDigit(text.charCodeAt(start - 1))) start--;
    while (isDigit(text.charCodeAt(i + 1))) i++;
    if (i - start + 1 >= hugeDigits) return true;
  }
  return false;
}

/** One pass ahead of `JSON.parse`, which would follow any depth and round any number. */
function scanTokens(text: string): Scan {
  let depth = 0;
  const hugeIntegers: [number, number][] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"') {
      i = endOfString(text, i);
    } else if (character === '{' || character === '[') {
      if (++depth > maxDepth) return { isTooDeep: true, hugeIntegers };
    } else if (character === '}' || character === ']') {
      depth--;
    } else if (isDigit(text.charCodeAt(i))) {
      const start = i;
      while (isDigit(text.charCodeAt(i + 1))) i++;
      if (isHugeInteger(text, start, i + 1)) hugeIntegers.push([start, i + 1]);
    }
  }
  return { isTooDeep: false, hugeIntegers };
}

/** The position of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charAt(first - 1) === '\\') first--;
    if ((end - first) % 2 === 0) return end;
  }
  return text.length;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Neither part of a fraction nor with an exponent. What begins with 0 is no JSON, for the parser to refuse. */
function isHugeInteger(text: string, start: number, end: number): boolean {
  if (end - start < hugeDigits || text.charAt(start) === '0') return false;
  const isPart = /[.eE][+-]?$/.test(text.slice(Math.max(0, start - 2), start)) || /[.eE]/.test(text.charAt(end));
  return !isPart && !Number.isSafeInteger(Number(text.slice(start, end)));
}

function quoted(text: string, spans: readonly (readonly [number, number])[]): string {
  if (spans.length === 0) return text;
  let from = 0;
  const parts: string[] = [];
  for (const [start, end] of spans) {
    const first = text.charAt(start - 1) === '-' ? start - 1 : start;
    parts.push(text.slice(from, first), '"', text.slice(first, end), '"');
    from = end;
  }
  return parts.join('') + text.slice(from);
}

/** The engine's words without the excerpt it quotes: reasons are logged, and bodies are not ours to log. */
function syntaxOf(error: unknown): string {
  const words = error instanceof Error ? cleanText(error.message.replace(/, (\.\.\.)?".*$/s, '')) : undefined;
  return words ?? 'no JSON';
}
