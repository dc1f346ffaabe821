import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, type BrotliOptions, type ZlibOptions } from 'node:zlib';

/** A body below this many bytes may inflate to it whatever the ratio: short texts repeat themselves. */
const alwaysInflatable = 1_000_000;
/** What a longer body may inflate to, for each byte of it. */
const maxRatio = 100;

/** Why a body was not taken: the HTTP status to answer and what to say. */
export type BodyProblem = { readonly status: 400 | 413 | 415 | 429 | 503; readonly detail: string };
export type BodyLimits = {
  /** Bytes on the wire. */
  readonly maxBody: number;
  /** Bytes after inflating. */
  readonly maxInflated: number;
};

type Inflate = (body: Buffer, options: ZlibOptions & BrotliOptions) => Promise<Buffer>;
const gunzipBody: Inflate = promisify<Buffer, ZlibOptions, Buffer>(gunzip);
const inflaters: Readonly<Record<string, Inflate>> = {
  gzip: gunzipBody,
  'x-gzip': gunzipBody,
  deflate: inflateEither,
  br: promisify<Buffer, BrotliOptions, Buffer>(brotliDecompress),
};

/** Tells from the headers alone that a body cannot be taken, before a byte of it is read. */
export function headersProblem(request: IncomingMessage, limits: BodyLimits): BodyProblem | undefined {
  const { 'content-length': length, 'transfer-encoding': transfer, 'content-encoding': coding } = request.headers;
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    return { status: 400, detail: 'Transfer-Encoding must be chunked or absent.' };
  }
  if (length !== undefined && Number(length) > limits.maxBody) return tooLarge(limits.maxBody);
  if (codingOf(coding) === undefined) {
    return { status: 415, detail: 'Content-Encoding must be one of gzip, deflate, br, identity.' };
  }
  return undefined;
}

/**
 * Reads a whole body as bytes. Resolves with a problem when it exceeds the limit or `arrived`, told of each chunk's
 * length, names one; and with undefined when the sender went away: then nobody is left to answer.
 */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  arrived: (bytes: number) => BodyProblem | undefined,
): Promise<Buffer | BodyProblem | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      const problem = bytes > limits.maxBody ? tooLarge(limits.maxBody) : arrived(chunk.length);
      if (problem) {
        request.off('data', take);
        request.pause();
        chunks.length = 0;
        resolve(problem);
        return;
      }
      chunks.push(chunk);
    };
    request.on('data', take);
    request.on('end', () => {
      const [only] = chunks;
      resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks, bytes));
    });
    request.on('close', () => {
      resolve(undefined);
    });
  });
}

/** Undoes the content coding within the limits; what is not coded comes back as it is. */
export async function inflateBody(
  body: Buffer,
  contentEncoding: string,
  limits: BodyLimits,
): Promise<Buffer | BodyProblem> {
  const coding = codingOf(contentEncoding);
  const inflater = coding === undefined ? undefined : inflaters[coding];
  if (!inflater) return body;
  const maxOutputLength = Math.min(limits.maxInflated, Math.max(alwaysInflatable, body.length * maxRatio));
  try {
    return await inflater(body, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      return { status: 413, detail: `The body inflates to more than ${maxOutputLength} bytes.` };
    }
    return { status: 400, detail: `The body is not valid ${coding ?? ''}.` };
  }
}

/** The one coding, `identity` for none; undefined for several or an unknown one. */
function codingOf(header: string | undefined): string | undefined {
  const coding = (header ?? 'identity').trim().toLowerCase();
  return coding === 'identity' || Object.hasOwn(inflaters, coding) ? coding : undefined;
}

/** RFC 9110 §8.4.1.2: `deflate` means zlib, but some senders leave its wrapper out. */
async function inflateEither(body: Buffer, options: ZlibOptions): Promise<Buffer> {
  const hasWrapper = body.length > 1 && body.readUInt16BE(0) % 31 === 0 && (body[0] ?? 0) % 16 === 8;
  return promisify<Buffer, ZlibOptions, Buffer>(hasWrapper ? inflate : inflateRaw)(body, options);
}

function tooLarge(maxBody: number): BodyProblem {
  return { status: 413, detail: `The body is larger than ${maxBody} bytes.` };
}
