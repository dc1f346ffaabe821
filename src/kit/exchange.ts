import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Cause } from '../core/answer.js';
import { EgressRefused } from './egress.js';
import type { Redact } from './redact.js';

export type HttpResult = HttpAnswer | HttpFailure;

export type HttpAnswer = {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As much as `maxAnswerBytes` lets through; the connection is cut where more would come. */
  readonly text: string;
  /** True when more would have come. */
  readonly isCut: boolean;
  /** At most 2 kB of `text` for people to read, without the client's credentials and without control characters. */
  excerpt(): string;
};

/** No answer. Built from scratch, so that neither the request nor a credential can be in it. */
export type HttpFailure = {
  readonly kind: 'failure';
  readonly cause: Cause;
  readonly reason: string;
  /** True for what time alone will not mend: an unknown name, a bad certificate, an address that is refused. */
  readonly needsOperator: boolean;
};

export type Deadlines = {
  /** Name, TCP and TLS. */
  readonly connectMs: number;
  /** From the request written to the answer's headers read. */
  readonly headersMs: number;
  /** From `send` to the last byte of the answer. */
  readonly totalMs: number;
};

export type Limits = Deadlines & {
  /** How much of an answer's body is read. */
  readonly maxAnswerBytes: number;
};

const maxExcerptBytes = 2_048;

/** One request and its answer, as undici reports them; settles once, whatever comes first. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #controller: Dispatcher.DispatchController | undefined;
  #isSettled = false;
  readonly #timer: NodeJS.Timeout;
  readonly #stoppable: Set<Exchange> | undefined;

  constructor(
    private readonly resolve: (result: HttpResult) => void,
    private readonly hostname: string,
    private readonly limits: Limits,
    signal: AbortSignal | undefined,
    private readonly redact: Redact,
  ) {
    this.#timer = setTimeout(() => {
      this.#giveUp(failure('deadline', `${hostname} did not finish its answer within ${inSeconds(limits.totalMs)}`));
    }, limits.totalMs);
    this.#stoppable = signal && exchangesOf(signal);
    this.#stoppable?.add(this);
  }

  stop(): void {
    this.#giveUp(aborted);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isSettled) controller.abort(new Error('given up'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.limits.maxAnswerBytes) this.#giveUp(this.#answer());
  }

  onResponseEnd(): void {
    this.#settle(this.#answer());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(failureOf(error, this.hostname));
  }

  #answer(): HttpAnswer {
    const [first] = this.#chunks;
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const { redact, limits } = this;
    const text = bytes.toString('utf8', 0, limits.maxAnswerBytes);
    return {
      kind: 'answer',
      status: this.#status,
      headers: this.#headers,
      text,
      isCut: bytes.length > limits.maxAnswerBytes,
      excerpt: () => redact(text, maxExcerptBytes),
    };
  }

  /** Also cuts the connection: what it would still say is of no use. */
  #giveUp(result: HttpResult): void {
    this.#settle(result);
    this.#controller?.abort(new Error('given up'));
  }

  #settle(result: HttpResult): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#stoppable?.delete(this);
    this.resolve(result);
  }
}

const stoppable = new WeakMap<AbortSignal, Set<Exchange>>();

/** The exchanges an abort stops. One listener a signal: a sink's calls share one, and a listener each is dear. */
function exchangesOf(signal: AbortSignal): Set<Exchange> {
  const known = stoppable.get(signal);
  if (known) return known;
  const exchanges = new Set<Exchange>();
  stoppable.set(signal, exchanges);
  const stopAll = (): void => {
    for (const exchange of exchanges) exchange.stop();
  };
  signal.addEventListener('abort', stopAll, { once: true });
  return exchanges;
}

export const aborted = failure('deadline', 'stopped before an answer came');

export function failure(cause: Cause, reason: string, needsOperator = false): HttpFailure {
  return { kind: 'failure', cause, reason, needsOperator };
}

export function refused(reason: string): HttpFailure {
  return failure('refused', reason, true);
}

/** OpenSSL's verdicts on a certificate, as Node names them; `UNSPECIFIED` are those it has no name for: SHA-1, short keys. */
const badCertificate =
  /^(?:CERT_|UNABLE_TO_|ERR_TLS_CERT_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH|UNSPECIFIED$)|SELF_SIGNED/;

function failureOf(error: Error, hostname: string): HttpFailure {
  if (error instanceof EgressRefused) return refused(error.message);
  const code = codeOf(error);
  if (code === 'ENOTFOUND') return failure('dns', `the name ${hostname} is not known`, true);
  if (code.startsWith('EAI_')) return failure('dns', `the name ${hostname} could not be looked up (${code})`);
  if (badCertificate.test(code))
    return failure('tls', `the certificate of ${hostname} was not accepted (${code})`, true);
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code)) return failure('tls', `no TLS with ${hostname} (${code})`);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return failure('deadline', `${hostname} did not answer in time`);
  return failure('network', `no answer from ${hostname} (${code})`);
}

/** Where several addresses were tried, the first one's code. */
function codeOf(error: Error): string {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: readonly NodeJS.ErrnoException[] };
  return code ?? errors?.[0]?.code ?? error.name;
}

function inSeconds(milliseconds: number): string {
  return `${String(milliseconds / 1_000)} s`;
}
