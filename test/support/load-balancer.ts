import { createServer, request as openRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer as it went back to the client. */
export type PassedAnswer = {
  /** On `performance.now()`. */
  readonly at: number;
  readonly status: number;
  readonly retryAfter: string | undefined;
};

/** An HTTP load balancer on loopback, as plain as those in front of a service are. */
export type LoadBalancer = {
  readonly url: string;
  /** Of all that were not questions about health. */
  readonly answers: readonly PassedAnswer[];
  close(): Promise<void>;
};

type Request = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};
type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };
type Target = { readonly url: string; isReady: boolean };

const lookEveryMs = 100;
const lookWithinMs = 2_000;

/**
 * Sends each request to one of the targets in turn: of those whose `/readyz` says yes, or of all when none does. One
 * that refuses the connection is passed over. A request that was begun is not sent again: 502.
 */
export async function startLoadBalancer(urls: readonly string[]): Promise<LoadBalancer> {
  const targets: readonly Target[] = urls.map((url) => ({ url, isReady: true }));
  const answers: PassedAnswer[] = [];
  let turn = 0;

  const inTurn = (): readonly Target[] => {
    turn += 1;
    const ready = targets.filter(({ isReady }) => isReady);
    const candidates = ready.length > 0 ? ready : targets;
    return candidates.map((_, index) => candidates[(turn + index) % candidates.length] as Target);
  };

  const pass = async (request: Request): Promise<Answer> => {
    for (const target of inTurn()) {
      const answer = await forward(target.url, request);
      if (answer !== 'refused') return answer;
      target.isReady = false;
    }
    return badGateway;
  };

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming;
      void pass({ method, path, headers, body: Buffer.concat(chunks) }).then(({ status, headers: own, body }) => {
        answers.push({ at: performance.now(), status, retryAfter: own['retry-after'] });
        response.writeHead(status, withoutHops(own));
        response.end(body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = new AbortController();
  const watching = targets.map((target) => watch(target, end.signal));

  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    answers,
    close: async () => {
      end.abort();
      await Promise.all(watching);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const badGateway: Answer = { status: 502, headers: {}, body: Buffer.from('no target took it') };

async function watch(target: Target, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    const signal = AbortSignal.any([end, AbortSignal.timeout(lookWithinMs)]);
    const answer = await fetch(`${target.url}/readyz`, { signal }).catch(() => undefined);
    target.isReady = answer?.ok === true;
    await sleep(lookEveryMs, undefined, { signal: end }).catch(() => undefined);
  }
}

/** Headers that are of one connection alone. */
function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const hops = ['connection', 'keep-alive', 'transfer-encoding'];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hops.includes(name)));
}

/** On a connection of its own: one that is kept may be closed by the target while something is sent on it. */
function forward(url: string, { method, path, headers, body }: Request): Promise<Answer | 'refused'> {
  return new Promise((resolve) => {
    const request = openRequest(url + path, { method, headers: withoutHops(headers), agent: false });
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', () => {
        resolve(badGateway);
      });
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : badGateway);
    });
    request.end(body);
  });
}
