/**
 * Tolerant readers of what vendors send, once it is parsed (`json.ts`); times are in `time.ts`. None throws, none looks
 * beyond an object's own properties, and what cannot be read is `undefined`. Text comes out well-formed and without
 * control characters; the body's own bytes stay in the journal.
 */

/** Collects the codes of the guesses and losses of one draft, each once, in the order met: `AlertDraft.quality`. */
export type Flags = Set<string>;

/** A JSON object: neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object's own field, as it is; `undefined` where there is none or the value is no object. */
export function field(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The field at the end of a path of names: `at(alert, 'rule', 'original_rule', 'name')`. */
export function at(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce(field, value);
}

/** The elements of a list; none where the value is no list. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A string, number or boolean as trimmed text, never empty. Tabs and line feeds inside it stay. */
export function text(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return isPlain(value) ? value : nonEmpty(cleaned(value).trim());
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}

/** An identifier as text: a string or a number. Whole numbers beyond 2^53 keep all digits when read by `parseJson`. */
export function id(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : text(value);
}

/** A finite number, also from a text such as `"3"` or `"0.25"`. */
export function number(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const digits = typeof value === 'string' && value.length <= 32 ? value.trim() : '';
  return /^-?\d+(\.\d+)?$/.test(digits) ? Number(digits) : undefined;
}

/** A whole number from 0, such as how often something was seen. */
export function count(value: unknown): number | undefined {
  const times = number(value);
  return times !== undefined && Number.isSafeInteger(times) && times >= 0 ? Math.abs(times) : undefined;
}

/** A truth value, also as `"true"`, `"False"`, 1, 0, `"1"` or `"0"`. */
export function bool(value: unknown): boolean | undefined {
  return oneOf(value, { true: true, false: false, '1': true, '0': false });
}

/** What the table says of a word. Case does not matter: the table's keys are in lower case. */
export function oneOf<T>(value: unknown, table: Readonly<Record<string, T>>): T | undefined {
  const word = text(value)?.toLowerCase();
  return word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
}

const maxTitle = 500;

/** One line of at most 500 code points, without bidirectional controls; `title_truncated` when it was longer. */
export function titleText(value: unknown, flags: Flags): string | undefined {
  const whole = text(value);
  if (whole === undefined) return undefined;
  const line = isPlain(whole) && !whole.includes('  ') ? whole : withoutBidi(whole).replace(/\s+/g, ' ').trim();
  if (line.length <= maxTitle) return nonEmpty(line);
  // Two code units a code point at most, so this much decides; a pair cut at the end is beyond the limit anyway.
  const points = Array.from(line.slice(0, 2 * maxTitle + 2));
  if (points.length <= maxTitle) return line;
  flags.add('title_truncated');
  return `${points.slice(0, maxTitle - 1).join('')}…`;
}

const maxBody = 16_000;

/** Text of several lines, at most 16 kB of UTF-8 or as told, without bidirectional controls; else `text_truncated`. */
export function bodyText(value: unknown, flags: Flags, maxBytes = maxBody): string | undefined {
  const whole = text(value);
  if (whole === undefined) return undefined;
  const body = isPlain(whole) ? whole : withoutBidi(whole).trim();
  if (body.length * 3 <= maxBytes || Buffer.byteLength(body) <= maxBytes) return nonEmpty(body);
  flags.add('text_truncated');
  // `encodeInto` stops before a character that does not fit.
  const { read } = new TextEncoder().encodeInto(body, new Uint8Array(Math.max(0, maxBytes - 3)));
  return `${body.slice(0, read).trimEnd()}…`;
}

const maxUrl = 2_000;

/** A link that may be shown: https, no credentials in it, at most 2,000 characters once encoded. */
export function httpsUrl(value: unknown): string | undefined {
  const written = typeof value === 'string' && value.length <= maxUrl ? text(value) : undefined;
  if (written === undefined || !URL.canParse(written)) return undefined;
  const url = new URL(written);
  const isFit = url.protocol === 'https:' && url.username === '' && url.password === '' && url.href.length <= maxUrl;
  return isFit ? url.href : undefined;
}

const maxCopy = 64_000;

/**
 * A copy of any JSON that may go into an alert: clean texts, and at most about 64 kB or as told. The rest, from the
 * first part that does not fit, is left out and flagged `enrichment_truncated`.
 */
export function jsonCopy(value: unknown, flags: Flags, maxBytes = maxCopy): unknown {
  let left = maxBytes;
  const copyText = (string: string): string | undefined => {
    left -= string.length + 2;
    if (left < 0) return undefined;
    return isPlain(string) ? string : cleaned(string);
  };
  const copy = (node: unknown): unknown => {
    if (typeof node === 'string') return copyText(node);
    left -= 4;
    if (left < 0) return undefined;
    if (Array.isArray(node)) return node.map(copy).filter((element) => element !== undefined);
    if (!isObject(node)) return node;
    const members = Object.entries(node).map(([name, member]) => [copyText(name), copy(member)] as const);
    return Object.fromEntries(members.filter(([, member]) => member !== undefined));
  };
  const copied = copy(value);
  if (left < 0) flags.add('enrichment_truncated');
  return copied;
}

/** Printable ASCII with nothing to trim, which most of what vendors send is: what needs no work. */
function isPlain(value: string): boolean {
  const { length } = value;
  if (length === 0 || length > 4_000) return false;
  if (value.charCodeAt(0) === 0x20 || value.charCodeAt(length - 1) === 0x20) return false;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** Without control characters but tab and line feed, and with U+FFFD for each half of a surrogate pair. */
function cleaned(value: string): string {
  return value.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Without the controls that can make a text read as something else (Unicode TR 36, section 2.2). */
function withoutBidi(value: string): string {
  return value.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

function nonEmpty(value: string): string | undefined {
  return value === '' ? undefined : value;
}
