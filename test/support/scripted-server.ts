import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request as the server got it; `body` is the bytes on the wire. */
export type ServedRequest = {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The sender's port: one for each connection. */
  readonly port: number;
  /** Milliseconds since the epoch, when the whole request was there. */
  readonly at: number;
};

export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** What becomes of one request. */
export type Step =
  /** The usual answer, late. */
  | { readonly kind: 'usual'; readonly delayMs?: number }
  /** This answer instead; the request is not taken up. */
  | ({ readonly kind: 'answer'; readonly delayMs?: number } & Reply)
  /** Takes the request up and answers with this instead of the usual words. */
  | ({ readonly kind: 'take-and-answer'; readonly delayMs?: number } & Reply)
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  /** Status and headers, and then nothing. */
  | { readonly kind: 'hang-after-headers' }
  /** A body that does not end: 16 kB at a time, as fast as it is read. */
  | { readonly kind: 'endless-body' }
  /** The connection is reset: at once, within the answer's body, or after the request was taken up. */
  | { readonly kind: 'reset'; readonly when: 'at-once' | 'mid-body' | 'after-taking' };

export type ScriptedServer = {
  /** `http://127.0.0.1:port`, no slash at the end. */
  readonly url: string;
  readonly requests: readonly ServedRequest[];
  /** Steps for the next requests that are not GET, one each; after them things are as usual again. */
  script(...steps: Step[]): void;
  /** What `usual` is from now on, until called without a step. */
  always(step?: Step): void;
  /** Resolves when it holds; looked at after each request. */
  waitFor(holds: () => boolean, timeoutMs?: number): Promise<void>;
  /** Forgets requests, script and `always`. */
  clear(): void;
  close(): Promise<void>;
};

/**
 * An HTTP server on loopback that answers as `handle` says unless a script says otherwise, and remembers its requests.
 * Built for few microseconds a request: it also serves benchmarks.
 */
export async function startScriptedServer(
  handle: (request: ServedRequest) => Reply | Promise<Reply>,
  options: { readonly port?: number; readonly remember?: boolean } = {},
): Promise<ScriptedServer> {
  const requests: ServedRequest[] = [];
  const waiting = new Set<() => void>();
  let steps: Step[] = [];
  let usual: Step | undefined;

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await receive(incoming);
    if (options.remember !== false) requests.push(request);
    const step = request.method === 'GET' ? undefined : (steps.shift() ?? usual);
    if (step) await perform(step, request, response, handle);
    else send(response, await handle(request));
    for (const look of waiting) look();
  };

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    script: (...more) => {
      steps.push(...more);
    },
    always: (step) => {
      usual = step;
    },
    waitFor: (holds, timeoutMs = 10_000) => waitUntil(holds, waiting, timeoutMs),
    clear: () => {
      requests.length = 0;
      steps = [];
      usual = undefined;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function receive(incoming: IncomingMessage): Promise<ServedRequest> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', reject);
    incoming.on('end', () => {
      const [first] = chunks;
      resolve({
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: first && chunks.length === 1 ? first : Buffer.concat(chunks),
        port: incoming.socket.remotePort ?? 0,
        at: Date.now(),
      });
    });
  });
}

async function perform(
  step: Step,
  request: ServedRequest,
  response: ServerResponse,
  handle: (request: ServedRequest) => Reply | Promise<Reply>,
): Promise<void> {
  switch (step.kind) {
    case 'usual':
      if (step.delayMs !== undefined) await sleep(step.delayMs);
      send(response, await handle(request));
      return;
    case 'answer':
      if (step.delayMs !== undefined) await sleep(step.delayMs);
      send(response, step);
      return;
    case 'take-and-answer':
      if (step.delayMs !== undefined) await sleep(step.delayMs);
      await handle(request);
      send(response, step);
      return;
    case 'hang':
      return;
    case 'hang-after-headers':
      response.writeHead(202, { 'content-type': 'application/json', 'content-length': '64' });
      response.flushHeaders();
      return;
    case 'endless-body':
      pour(response);
      return;
    case 'reset':
      if (step.when === 'after-taking') await handle(request);
      if (step.when === 'mid-body') await writeHalf(response);
      response.socket?.resetAndDestroy();
      return;
  }
}

function send(response: ServerResponse, reply: Reply): void {
  const body = reply.body ?? '';
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...reply.headers,
  });
  response.end(body);
}

function pour(response: ServerResponse): void {
  const more = 'x'.repeat(16_384);
  response.writeHead(202, { 'content-type': 'text/plain' });
  const write = (): void => {
    while (!response.destroyed && response.write(more));
  };
  response.on('drain', write);
  write();
}

async function writeHalf(response: ServerResponse): Promise<void> {
  response.writeHead(202, { 'content-type': 'application/json', 'content-length': '64' });
  await new Promise<void>((resolve) =>
    response.write('{"status":', () => {
      resolve();
    }),
  );
}

function waitUntil(holds: () => boolean, waiting: Set<() => void>, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (!holds()) return;
      waiting.delete(look);
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.delete(look);
      reject(new Error(`not within ${String(timeoutMs)} ms: ${holds.toString()}`));
    }, timeoutMs);
    waiting.add(look);
    look();
  });
}
