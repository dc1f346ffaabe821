import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** What came out of a compressed body. */
export type Inflated = {
  readonly bytes: Buffer;
  /** The end is missing: it was not captured, or cannot be decoded, or is more than was wanted. */
  readonly isPartial: boolean;
};

/** Undoes one coding; throws when the bytes are not of it. `isWhole`: also when their end is missing. */
type Decode = (bytes: Buffer, maxOutputLength: number, isWhole: boolean) => Buffer;

/** What is there of a stream that was cut off comes out, too. */
const flush = (isWhole: boolean) => (isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH });

const gunzip: Decode = (bytes, maxOutputLength, isWhole) => gunzipSync(bytes, { ...flush(isWhole), maxOutputLength });
const inflate: Decode = (bytes, maxOutputLength, isWhole) => inflateSync(bytes, { ...flush(isWhole), maxOutputLength });
const inflateRaw: Decode = (bytes, maxOutputLength, isWhole) =>
  inflateRawSync(bytes, { ...flush(isWhole), maxOutputLength });
const brotli: Decode = (bytes, maxOutputLength, isWhole) =>
  brotliDecompressSync(bytes, {
    ...(!isWhole && { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
    maxOutputLength,
  });

/** By the names of Content-Encoding (RFC 9110, section 8.4). `deflate` is sent with zlib's wrapping and without. */
const codings: Readonly<Record<string, readonly Decode[]>> = {
  gzip: [gunzip],
  'x-gzip': [gunzip],
  deflate: [inflate, inflateRaw],
  br: [brotli],
};

/** More input than a capture has; what is beyond it is not looked at. */
const maxInput = 1024 * 1024;
/** Nobody compresses more often; whoever made it up should not keep us busy. */
const maxLayers = 4;

/** The first three bytes of every gzip stream whose method is deflate (RFC 1952). */
export const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);

/** True for a `Content-Encoding` of which at least one layer can be undone. */
export function isCompressed(contentEncoding: string): boolean {
  return layersOf(contentEncoding).some((coding) => Object.hasOwn(codings, coding));
}

/**
 * Undoes a `Content-Encoding`, its layers from the last to the first, to at most `max` bytes. Undefined where nothing
 * comes out. Time and memory are bounded by `max` and by 1 MB of input, whatever the bytes claim to hold.
 */
export function inflated(bytes: Buffer, contentEncoding: string, max: number): Inflated | undefined {
  const layers = layersOf(contentEncoding).reverse();
  if (layers.length > maxLayers) return undefined;
  let current: Inflated = { bytes, isPartial: false };
  let hasDecoded = false;
  for (const coding of layers) {
    if (coding === 'identity') continue;
    const next = Object.hasOwn(codings, coding) ? firstOf(codings[coding] ?? [], current.bytes, max) : undefined;
    if (next === undefined) return undefined;
    current = { bytes: next.bytes, isPartial: current.isPartial || next.isPartial };
    hasDecoded = true;
  }
  return hasDecoded && current.bytes.length > 0 ? current : undefined;
}

function layersOf(contentEncoding: string): string[] {
  return contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '');
}

function firstOf(decodes: readonly Decode[], bytes: Buffer, max: number): Inflated | undefined {
  const input = bytes.subarray(0, maxInput);
  for (const decode of decodes) {
    const whole = attempt(decode, input, max, true);
    if (whole) return { bytes: whole, isPartial: false };
  }
  for (const decode of decodes) {
    const beginning = attempt(decode, input, max, false) ?? longest(decode, input, max);
    if (beginning.length > 0) return { bytes: beginning, isPartial: true };
  }
  return undefined;
}

/** Undefined where the bytes are not of this form, or more than `max` comes out. */
function attempt(decode: Decode, bytes: Buffer, max: number, isWhole: boolean): Buffer | undefined {
  try {
    return decode(bytes, max, isWhole);
  } catch {
    return undefined;
  }
}

/** What the longest beginning gives that can be decoded within `max`: every beginning of that one can, too. */
function longest(decode: Decode, bytes: Buffer, max: number): Buffer {
  let best: Buffer = Buffer.alloc(0);
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const decoded = attempt(decode, bytes.subarray(0, middle), max, false);
    if (decoded === undefined) bad = middle;
    else [good, best] = [middle, decoded];
  }
  return best;
}
