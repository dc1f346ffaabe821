import type { Api, ApiAnswer, ApiAttempt, ApiRequest } from '../../../kit/api.js';
import type { HttpHeaders } from '../../../kit/http.js';
import { isObject } from '../../../kit/read.js';
import { oursFor, refusalOf, ThreatStackApiError, ThreatStackClientError } from './errors.js';
import type { ApiRecord } from './records.js';

export type Query = NonNullable<ApiRequest['query']>;

/** How requests say who sends them; each API version has a way of its own. */
export type Signer = {
  /** Asked anew for each attempt. */
  headers(attempt: ApiAttempt): HttpHeaders;
  /** True where the answer taught it something with which the request may succeed: it is sent once more. */
  learn?(answer: ApiAnswer): boolean;
};

/** An answer that was read; `answer` is for the errors of whoever expected another one. */
export type Read = { readonly body: unknown; readonly answer: ApiAnswer; readonly answeredAt?: number };

/** What the resources of either API stand on: requests that say who sends them, answers that are errors where they say no. */
export class Connection {
  constructor(
    private readonly api: Api,
    private readonly signer: Signer,
  ) {}

  /** Throws `ThreatStackError`, or the signal's reason. */
  async read(path: string, query: Query, signal?: AbortSignal): Promise<Read> {
    const answer = await this.#ask({ method: 'GET', path, query }, signal);
    if (!isSuccess(answer)) throw refusalOf(answer);
    return readingOf(answer);
  }

  /** The same for one thing by its id; undefined where the vendor has none, or answers with nothing in it. */
  async find(path: string, query: Query, signal?: AbortSignal): Promise<ApiRecord | undefined> {
    const answer = await this.#ask({ method: 'GET', path, query }, signal);
    if (answer.status === 404) return undefined;
    if (!isSuccess(answer)) throw refusalOf(answer);
    const { body } = readingOf(answer);
    if (isObject(body)) return Object.keys(body).length === 0 ? undefined : body;
    throw new ThreatStackApiError('the answer is no object', answer);
  }

  /** Whatever a success says is not looked at. */
  async write(path: string, body: unknown, signal?: AbortSignal): Promise<void> {
    const answer = await this.#ask({ method: 'POST', path, body }, signal);
    if (!isSuccess(answer)) throw refusalOf(answer);
  }

  async #ask(request: ApiRequest, signal: AbortSignal | undefined): Promise<ApiAnswer> {
    const signed: ApiRequest = { ...request, headers: (attempt) => this.signer.headers(attempt) };
    try {
      const answer = await this.api.request(signed, signal);
      return this.signer.learn?.(answer) === true ? await this.api.request(signed, signal) : answer;
    } catch (error) {
      throw oursFor(error);
    }
  }
}

function isSuccess({ status }: ApiAnswer): boolean {
  return status >= 200 && status < 300;
}

function readingOf(answer: ApiAnswer): Read {
  const answeredAt = Date.parse(answer.headers.date ?? '');
  try {
    return { body: answer.json(), answer, ...(!Number.isNaN(answeredAt) && { answeredAt }) };
  } catch (error) {
    throw oursFor(error);
  }
}

/** An id as a part of a path. Without one, what is one thing's path would be the list's. */
export function part(id: string): string {
  if (id === '') throw new ThreatStackClientError('the id must not be empty');
  return encodeURIComponent(id);
}
