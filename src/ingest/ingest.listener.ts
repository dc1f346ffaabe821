import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ActivityStream } from '../core/activity.js';
import type { Recognition, RequestHead } from '../core/source.js';
import { clientAddress } from '../kit/address.js';
import type { NamedSource } from '../routing/triage.js';
import { headersProblem, inflateBody, readBody, type BodyProblem } from './body.js';
import { InFlight } from './in-flight.js';
import { IngestHealth } from './ingest.health.js';
import { IngestOptions } from './ingest.options.js';
import { IngestService, type IngestAnswer } from './ingest.service.js';
import { Newcomers } from './newcomers.js';
import { Pressure } from './pressure.js';
import { rawProblem, sendProblem, strangerDetail, type Problem } from './problem.js';
import { SourcePaths } from './source-paths.js';
import { Strangers } from './strangers.js';

/** How often Node looks for requests that took too long; its default of 30 s would make the limit coarse. */
const timeoutCheckMs = 1_000;
const headersTimeoutMs = 10_000;
const keepAliveTimeoutMs = 5_000;
/** A sender told to come back does so after 1 s to this many seconds, so that not all come at once. */
const maxRetryAfterSeconds = 5;
/** A full backlog takes longer to shrink than a moment's rush. */
const maxFullRetryAfterSeconds = 30;
/** How often what changes by itself is looked at: whether the backlog has shrunk, who was quiet for long. */
const lookMs = 1_000;
/** A body up to this long costs less to read and to check than to think about. */
const smallBody = 65_536;

/**
 * HTTP as close to the wire as Node allows: bytes, limits and answers, and nothing else. It does not sit on Express,
 * whose routing and prototype swapping cost several times what the rest of a webhook's path costs together, and whose
 * body parsers would come between an HMAC and the bytes it signs.
 */
@Injectable()
export class IngestListener implements OnModuleDestroy {
  readonly #server: Server;
  /** Connections that end with the answer they were given; what the parser still finds on them gets none. */
  readonly #ending = new WeakSet<Socket>();
  readonly #inFlight = new InFlight();
  readonly #strangers = new Strangers();
  readonly #newcomers: Newcomers;
  /** What to do once something on a connection was accepted. */
  readonly #unproven = new WeakMap<Socket, () => void>();
  #isDraining = false;
  #look: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: IngestOptions,
    private readonly paths: SourcePaths,
    private readonly ingest: IngestService,
    private readonly health: IngestHealth,
    private readonly activity: ActivityStream,
    private readonly pressure: Pressure,
  ) {
    this.#server = createServer({
      requestTimeout: options.requestTimeout,
      headersTimeout: Math.min(headersTimeoutMs, options.requestTimeout),
      connectionsCheckingInterval: timeoutCheckMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      // Else Node keeps the first of two Authorization headers and the second goes unseen.
      joinDuplicateHeaders: true,
    });
    this.#server.maxConnections = options.maxConnections;
    this.#newcomers = new Newcomers(options.maxConnections);
    this.#server.on('connection', (socket: Socket) => {
      this.#admit(socket);
    });
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response, true);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#refuseUnparsed(error, socket);
    });
  }

  /** Opens the port of the config (0: any free one); resolves with the address it got. */
  async listen(): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.options.port, this.options.host, resolve);
    });
    this.#look = setInterval(() => {
      this.pressure.look();
      this.#strangers.forget();
    }, lookMs).unref();
    return this.#server.address() as AddressInfo;
  }

  /** Takes no new connection, answers what is in flight within its time limit, and ends. */
  async onModuleDestroy(): Promise<void> {
    this.#isDraining = true;
    this.health.drain();
    clearInterval(this.#look);
    if (!this.#server.listening) return;
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeIdleConnections();
    });
  }

  /** Ends a connection of an address that has its share of those on which nothing was accepted; of no trusted proxy. */
  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.options.trustedProxies?.(address) === true) return;
    if (!this.#newcomers.add(address)) {
      this.activity.next({ kind: 'refused', at: Date.now(), status: 503, reason: crowded, remoteAddress: address });
      this.#ending.add(socket);
      socket.end(rawProblem(503, crowded, retryAfter()));
      return;
    }
    const leave = (): void => {
      if (this.#unproven.delete(socket)) this.#newcomers.remove(address);
    };
    this.#unproven.set(socket, leave);
    socket.once('close', leave);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, isAsking = false): Promise<void> {
    if (this.#ending.has(request.socket)) return;
    try {
      const url = request.url ?? '';
      const query = url.indexOf('?');
      const path = query < 0 ? url : url.slice(0, query);
      const found = this.paths.find(path);
      if (found && request.method === 'POST') {
        const { source, key } = found;
        const head = {
          headers: request.headers,
          path,
          ...(key !== undefined && { pathKey: key }),
          remoteAddress: this.#senderOf(request),
        };
        await this.#receive(source, head, request, response, isAsking);
      } else {
        await this.#answerOther(request, response, path, found !== undefined);
      }
    } catch (error) {
      this.#refuse(request, response, unavailable(error));
    }
  }

  /** `isAsking`: the sender waits for a word before it sends the body. */
  async #receive(
    source: NamedSource,
    head: RequestHead,
    request: IncomingMessage,
    response: ServerResponse,
    isAsking: boolean,
  ): Promise<void> {
    const recognition = this.#recognize(source, head);
    const refused =
      this.#busyProblem(source.name) ??
      headersProblem(request, this.options) ??
      this.#strangerProblem(recognition, head);
    if (refused) {
      this.#refuse(request, response, { ...refused, close: true }, source.name);
      return;
    }
    if (isAsking) response.writeContinue();
    let counted = 0;
    const arrived = (bytes: number): BodyProblem | undefined => {
      counted += bytes;
      this.#inFlight.add(source.name, bytes);
      const full = this.#inFlight.refusal(source.name);
      return full && tooMuch(full);
    };
    try {
      const read = await readBody(request, this.options, arrived);
      if (read !== undefined) await this.#take(source, head, recognition, request, response, read);
    } finally {
      this.#inFlight.add(source.name, -counted);
    }
  }

  /** Why nothing can be taken of a source now, whoever sends it. */
  #busyProblem(source: string): BodyProblem | undefined {
    if (this.pressure.refuses(source)) return backlogFull();
    const full = this.#inFlight.refusal(source);
    return full && tooMuch(full);
  }

  /**
   * Who sends, told from the head where that is worth it: before a body is read that is long, coded or of unknown length,
   * and when others at this address were not recognised lately. Nearly every webhook is spared it.
   */
  #recognize({ source }: NamedSource, head: RequestHead): Recognition | undefined {
    if (isSmall(head) && !this.#strangers.knows(head.remoteAddress)) return undefined;
    return source.recognize?.(head) ?? 'unproven';
  }

  /**
   * Why a body is not even read: its sender is a stranger; or may be one, the body is large, and this address has sent
   * too much that proved to be nobody's and nothing that proved genuine.
   */
  #strangerProblem(recognition: Recognition | undefined, head: RequestHead): Problem | undefined {
    const { remoteAddress } = head;
    if (recognition === 'stranger') return this.#turnAway(remoteAddress, unknownSender);
    const isDoubtful = recognition === 'unproven' && !isSmall(head) && this.#strangers.isSpent(remoteAddress);
    if (!isDoubtful || this.#strangers.hasProved(remoteAddress)) return undefined;
    return this.#turnAway(remoteAddress, unknownSender);
  }

  /** What a request gets that nobody recognised: the answer due to it, until its address has sent too many. */
  #turnAway(remoteAddress: string, problem: Problem): Problem {
    const seconds = this.#strangers.turnedAway(remoteAddress);
    return seconds === 0 ? problem : tooManyUnknown(seconds);
  }

  async #take(
    source: NamedSource,
    head: RequestHead,
    recognition: Recognition | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    read: Buffer | BodyProblem,
  ): Promise<void> {
    const coding = request.headers['content-encoding'];
    const body = isProblem(read) || coding === undefined ? read : await inflateBody(read, coding, this.options);
    if (isProblem(body)) {
      this.#refuse(request, response, { ...body, close: true }, source.name);
      return;
    }
    const answer = await this.ingest.accept(source, { body, ...head });
    if (answer.kind === 'refused') {
      this.#refuse(request, response, this.#turnAway(head.remoteAddress, unknownSender), source.name);
      return;
    }
    if (recognition === 'unproven') this.#strangers.proved(head.remoteAddress);
    this.#unproven.get(request.socket)?.();
    this.#sendAccepted(response, answer);
  }

  #sendAccepted(response: ServerResponse, answer: Extract<IngestAnswer, { kind: 'accepted' }>): void {
    const { accepted, duplicates, quarantined, alerts } = answer;
    const body = JSON.stringify({ accepted, duplicates, quarantined, alerts });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    response.writeHead(202, this.#isDraining ? { ...headers, connection: 'close' } : headers);
    response.end(body);
  }

  /** Everything that is not a webhook: the two health questions, the predecessor's status, and wrong doors. */
  async #answerOther(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    isIngest: boolean,
  ): Promise<void> {
    const isQuestion = request.method === 'GET' || request.method === 'HEAD';
    const status = isQuestion ? await this.health.answer(path) : undefined;
    if (status) {
      const body = JSON.stringify(status.body);
      response.writeHead(status.status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
      });
      response.end(request.method === 'HEAD' ? undefined : body);
      return;
    }
    const wrongDoor: Problem =
      isIngest || this.health.knows(path)
        ? {
            status: 405,
            detail: `Use ${isIngest ? 'POST' : 'GET'} here.`,
            headers: { allow: isIngest ? 'POST' : 'GET, HEAD' },
          }
        : { status: 404, detail: strangerDetail };
    const problem = this.#turnAway(this.#senderOf(request), wrongDoor);
    this.#refuse(request, response, { ...problem, close: !isQuestion });
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    problem: Problem & { readonly reason?: string },
    source?: string,
  ): void {
    this.activity.next({
      kind: 'refused',
      at: Date.now(),
      ...(source !== undefined && { source }),
      status: problem.status,
      reason: problem.reason ?? problem.detail,
      remoteAddress: this.#senderOf(request),
    });
    if (problem.close === true) this.#ending.add(request.socket);
    sendProblem(response, problem);
  }

  /** What Node's parser turned away, and what took too long: no request object, only the socket. */
  #refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#ending.has(socket)) return;
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, detail] = unparsed[error.code ?? ''] ?? [400, 'The request is not valid HTTP/1.1.'];
    this.activity.next({
      kind: 'refused',
      at: Date.now(),
      status,
      reason: detail,
      remoteAddress: socket.remoteAddress ?? '',
    });
    socket.end(rawProblem(status, detail));
  }

  #senderOf(request: IncomingMessage): string {
    return clientAddress(
      request.socket.remoteAddress ?? '',
      request.headers['x-forwarded-for'],
      this.options.trustedProxies,
    );
  }
}

const crowded = 'Too many connections of this address are open on which nothing was accepted. Close some.';

const unknownSender: Problem = {
  status: 401,
  detail: strangerDetail,
  headers: { 'www-authenticate': 'Bearer' },
};

function tooManyUnknown(seconds: number): Problem {
  const detail =
    'Too many requests came from this address that no source recognised. Wait, and send the right credential.';
  return { status: 429, detail, headers: { 'retry-after': String(seconds) } };
}

/** Of a length that is declared and short, and not coded. */
function isSmall({ headers }: RequestHead): boolean {
  return Number(headers['content-length'] ?? 0) <= smallBody && !isCodedOrEndless(headers);
}

function isCodedOrEndless(headers: RequestHead['headers']): boolean {
  return headers['content-encoding'] !== undefined || headers['transfer-encoding'] !== undefined;
}

const unparsed: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than 16 kB.'],
};

function isProblem(body: Buffer | BodyProblem): body is BodyProblem {
  return !Buffer.isBuffer(body);
}

/** 429: this source has its share under way. 503: all together have theirs. */
function tooMuch(status: 429 | 503): BodyProblem & Problem {
  const whose = status === 429 ? 'this source' : 'all sources';
  return { status, detail: `Too much of ${whose} is under way. Send it again later.`, headers: retryAfter() };
}

function backlogFull(): BodyProblem & Problem {
  const detail = 'The backlog is full. Nothing of this request was kept. Send it again later.';
  return { status: 503, detail, headers: retryAfter(maxFullRetryAfterSeconds) };
}

function retryAfter(maxSeconds = maxRetryAfterSeconds): Record<string, string> {
  return { 'retry-after': String(1 + Math.floor(Math.random() * maxSeconds)) };
}

/** Whatever went wrong, the sender keeps its copy; the reason is for our log, not for strangers. */
function unavailable(error: unknown): Problem & { readonly reason: string } {
  return {
    status: 503,
    detail: 'This request is not known to be kept. Send it again later: a report that comes twice counts once.',
    headers: retryAfter(),
    reason: error instanceof Error ? error.message : String(error),
  };
}
