import { dechunked } from './chunked.js';
import type { Stream } from './streams.js';

type Message = {
  /** By name in lower case; of several of one name, the first. */
  readonly headers: ReadonlyMap<string, string>;
  /** Without its chunks, still compressed. */
  readonly body: Buffer;
  /** More was announced than captured. */
  readonly isPartial: boolean;
};

export type HttpRequest = Message & {
  readonly kind: 'request';
  readonly verb: string;
  /** As it stands in the request line. */
  readonly target: string;
  /** `HTTP/1.1`; absent where the line was cut. */
  readonly protocol?: string;
};

export type HttpResponse = Message & {
  readonly kind: 'response';
  readonly protocol: string;
  /** Three digits. */
  readonly code: string;
  readonly message: string;
};

export type HttpMessage = HttpRequest | HttpResponse;

type StartLine =
  | Pick<HttpRequest, 'kind' | 'verb' | 'target' | 'protocol'>
  | Pick<HttpResponse, 'kind' | 'protocol' | 'code' | 'message'>;

const maxMessages = 500;
const maxLine = 65_536;
/** `A / HTTP/1` and `HTTP/1 200`. */
const shortestLine = 10;
const maxHeaders = 200;

/**
 * The HTTP/1 messages of a stream of bytes, in their order. One begins at the beginning of a packet, of a line, or where
 * the one before ends; a body that is announced is not searched for another. Never throws.
 */
export function messagesOf({ bytes, boundaries }: Stream): readonly HttpMessage[] {
  const messages: HttpMessage[] = [];
  let at = 0;
  while (messages.length < maxMessages) {
    const found = nextStart(bytes, boundaries, at);
    if (found === undefined) break;
    const message = messageAt(bytes, boundaries, found);
    messages.push(message.read);
    at = message.end;
  }
  return messages;
}

type Found = { readonly start: StartLine; readonly next: number };

function nextStart(bytes: Buffer, boundaries: readonly number[], from: number): Found | undefined {
  const found = startAt(bytes, from);
  if (found) return found;
  const candidates = mergedCandidates(bytes, boundaries, from);
  for (const at of candidates) {
    const later = startAt(bytes, at);
    if (later) return later;
  }
  return undefined;
}

/** Positions after line feeds and of packet beginnings, rising. */
function* mergedCandidates(bytes: Buffer, boundaries: readonly number[], from: number): Generator<number> {
  let boundary = boundaries.findIndex((at) => at > from);
  if (boundary < 0) boundary = boundaries.length;
  let feed = bytes.indexOf(0x0a, from);
  for (;;) {
    const line = feed < 0 ? Infinity : feed + 1;
    const packet = boundaries[boundary] ?? Infinity;
    if (line === Infinity && packet === Infinity) return;
    yield Math.min(line, packet);
    if (packet <= line) boundary += 1;
    if (line <= packet) feed = bytes.indexOf(0x0a, line);
  }
}

function startAt(bytes: Buffer, at: number): Found | undefined {
  const first = bytes[at];
  if (first === undefined || !isLetter(first)) return undefined;
  const feed = bytes.subarray(at, at + maxLine).indexOf(0x0a);
  const isCut = feed < 0;
  if (!isCut && feed < shortestLine) return undefined;
  const end = isCut ? Math.min(bytes.length, at + maxLine) : at + feed;
  const line = bytes.toString('latin1', at, end).trimEnd();
  const start = responseLine(line) ?? requestLine(line, isCut);
  return start && { start, next: isCut ? end : end + 1 };
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function responseLine(line: string): StartLine | undefined {
  const match = /^(HTTP\/\d(?:\.\d)?)[ \t]+(\d{3})(?=[ \t]|$)/i.exec(line);
  if (!match) return undefined;
  const [all, protocol = '', code = ''] = match;
  return { kind: 'response', protocol: protocol.toUpperCase(), code, message: line.slice(all.length).trim() };
}

/** Those of RFC 9110 and RFC 5789: known without a protocol behind them, where the line was cut off. */
const usualVerbs = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** Any token is a verb, as WebDAV's are and what attackers make up, if the line ends as a request line does. */
function requestLine(line: string, isCut: boolean): StartLine | undefined {
  const verb = /^[A-Za-z][\w-]{0,29}(?=[ \t])/.exec(line)?.[0];
  if (verb === undefined) return undefined;
  const rest = line.slice(verb.length).trim();
  const protocol = /[ \t](HTTP\/\d(?:\.\d)?)$/i.exec(rest.slice(-12))?.[1];
  if (protocol !== undefined) {
    const target = rest.slice(0, -protocol.length).trim();
    return target === '' ? undefined : { kind: 'request', verb, target, protocol: protocol.toUpperCase() };
  }
  return isCut && usualVerbs.has(verb) && rest.startsWith('/') ? { kind: 'request', verb, target: rest } : undefined;
}

function messageAt(
  bytes: Buffer,
  boundaries: readonly number[],
  { start, next }: Found,
): { readonly read: HttpMessage; readonly end: number } {
  const { headers, end: bodyStart } = headersAt(bytes, next);
  const body = bodyAt(bytes, boundaries, bodyStart, headers, start.kind);
  return {
    read: { ...start, headers, body: body.bytes, isPartial: body.isPartial },
    end: Math.max(body.end, next),
  };
}

function headersAt(bytes: Buffer, from: number): { readonly headers: Map<string, string>; readonly end: number } {
  const headers = new Map<string, string>();
  let at = from;
  for (let count = 0; count < maxHeaders; count += 1) {
    const feed = bytes.subarray(at, at + maxLine).indexOf(0x0a);
    const end = feed < 0 ? bytes.length : at + feed;
    const line = bytes.toString('latin1', at, Math.min(end, at + maxLine)).replace(/\r$/, '');
    // Captured without the blank line: another message begins.
    if (line !== '' && startAt(bytes, at)) return { headers, end: at };
    at = Math.min(end + 1, bytes.length);
    if (line === '') return { headers, end: at };
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { headers, end: at };
}

function bodyAt(
  bytes: Buffer,
  boundaries: readonly number[],
  start: number,
  headers: ReadonlyMap<string, string>,
  kind: HttpMessage['kind'],
): { readonly bytes: Buffer; readonly end: number; readonly isPartial: boolean } {
  if (/\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')) {
    const chunks = dechunked(bytes, start);
    // What does not even begin as a chunk is a body all the same.
    if (chunks.end > start) return chunks;
  }
  const length = /^\d{1,10}$/.exec(headers.get('content-length') ?? '')?.[0];
  if (length !== undefined && start + Number(length) <= bytes.length) {
    const end = start + Number(length);
    return { bytes: bytes.subarray(start, end), end, isPartial: false };
  }
  // A request says how long its body is; a response may end with the connection.
  if (length === undefined && kind === 'request') return { bytes: Buffer.alloc(0), end: start, isPartial: false };
  const end = endBefore(bytes, boundaries, start);
  return { bytes: bytes.subarray(start, end), end, isPartial: length !== undefined };
}

/** Where the next message begins, or the end. */
function endBefore(bytes: Buffer, boundaries: readonly number[], from: number): number {
  if (startAt(bytes, from)) return from;
  for (const at of mergedCandidates(bytes, boundaries, from)) if (startAt(bytes, at)) return at;
  return bytes.length;
}
