/** A body in chunks (RFC 9112, section 7.1), put together; `end` is where it ends, trailers included. */
export type Dechunked = {
  readonly bytes: Buffer;
  readonly end: number;
  /** The last chunk was not captured, or a size cannot be read. */
  readonly isPartial: boolean;
};

/** A size of more digits is an attack of its own. */
const maxSizeDigits = 8;
const maxLine = 1_024;

/** Reads the chunks from `start` on, as far as they go. */
export function dechunked(stream: Buffer, start: number): Dechunked {
  const chunks: Buffer[] = [];
  const partial = (end: number): Dechunked => ({ bytes: Buffer.concat(chunks), end, isPartial: true });
  let at = start;
  for (;;) {
    const line = lineAt(stream, at);
    const size = line === undefined ? undefined : sizeOf(line.text);
    if (line === undefined || size === undefined) return partial(at);
    if (size === 0) return { bytes: Buffer.concat(chunks), end: endOfTrailers(stream, line.next), isPartial: false };
    const end = line.next + size;
    chunks.push(stream.subarray(line.next, end));
    if (end >= stream.length) return partial(stream.length);
    at = end + (stream[end] === 0x0d ? 1 : 0);
    at += stream[at] === 0x0a ? 1 : 0;
  }
}

/** After a semicolon stand extensions. */
function sizeOf(line: string): number | undefined {
  const digits = line.split(';', 1)[0]?.trim() ?? '';
  return digits.length <= maxSizeDigits && /^[0-9a-f]+$/i.test(digits) ? parseInt(digits, 16) : undefined;
}

function endOfTrailers(stream: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const line = lineAt(stream, at);
    if (line === undefined) return at;
    // A message that follows is none of this one's trailers.
    if (line.text !== '' && !/^[\w-]+:/.test(line.text)) return at;
    at = line.next;
    if (line.text === '') return at;
  }
}

function lineAt(stream: Buffer, at: number): { readonly text: string; readonly next: number } | undefined {
  const feed = stream.subarray(at, at + maxLine).indexOf(0x0a);
  if (feed < 0) return undefined;
  return { text: stream.toString('latin1', at, at + feed).replace(/\r$/, ''), next: at + feed + 1 };
}
