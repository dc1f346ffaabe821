import { STATUS_CODES, type ServerResponse } from 'node:http';

/** An RFC 9457 answer. `close`: the rest of the request is not worth reading, so the connection ends with it. */
export type Problem = {
  readonly status: number;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly close?: boolean;
};

/** How long a sender that is still writing has to read our answer before the connection goes. */
const lingerMs = 500;
/** What is still read of it meanwhile: a short rest of a body, and no flood. */
const lingerBytes = 65_536;

/** The same words for an unknown source and a wrong credential: a stranger learns nothing from them. */
export const strangerDetail = 'There is no such source, or the request does not carry a credential that it accepts.';

/** Answers with a problem, as `application/problem+json`. */
export function sendProblem(response: ServerResponse, { status, detail, headers, close }: Problem): void {
  if (response.headersSent || response.destroyed) return;
  const body = problemBody(status, detail);
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    ...headers,
    ...(close === true && { connection: 'close' }),
  });
  if (close === true && !response.req.complete) lingerWith(body, response);
  else response.end(body);
}

/**
 * Sends the whole answer, and ends the connection a little later: a socket closed on bytes that were not read is reset,
 * and a reset takes with it what the sender has not read yet. A little of what still comes is thrown away.
 */
function lingerWith(body: string, response: ServerResponse): void {
  response.write(body);
  const { req } = response;
  const timer = setTimeout(() => response.end(), lingerMs).unref();
  req.once('end', () => {
    clearTimeout(timer);
    response.end();
  });
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > lingerBytes) req.pause();
  });
  req.resume();
}

/** The bytes of a whole answer, for a socket on which no request could be parsed. */
export function rawProblem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): string {
  const body = problemBody(status, detail);
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ].join('\r\n');
}

function problemBody(status: number, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail });
}
