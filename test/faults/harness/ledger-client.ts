import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Notebook } from './notebook.js';
import { alertOf, newFinding, reportOf, type Report } from './report.js';

/** A report that the router answered 2xx for, and the id it gave it. */
export type Acked = Report & { readonly id: string };

export type SentBody = {
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** With its question mark. */
  readonly query?: string;
};

type Answer = { readonly alerts: readonly { readonly id: string; readonly status: string }[] };

const usualAgainMs = 50;

export const sourceToken = 'SEKRET_vendor';

/** A vendor with a good memory: it writes down what it is about to send, and what it was answered 2xx for. */
export class LedgerClient {
  readonly #sent: Notebook<Report>;
  readonly #acked: Notebook<Acked>;

  /** `url`: where it posts to. */
  constructor(
    folder: string,
    private readonly url: () => string,
  ) {
    this.#sent = new Notebook(join(folder, 'sent.ndjson'));
    this.#acked = new Notebook(join(folder, 'acked.ndjson'));
  }

  /**
   * Posts reports in one body, new findings unless told which, with further fields in each; the status, or undefined
   * when the connection broke.
   */
  async post(
    reports: readonly Report[] = [reportOf(newFinding())],
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<number | undefined> {
    return this.#noted(reports, await this.send(reports, fields));
  }

  /** Posts to another place than usual. */
  async postTo(url: string, reports: readonly Report[]): Promise<number | undefined> {
    return this.#noted(reports, await this.send(reports, {}, url));
  }

  /** Posts a body of the case's own making, in which these reports are. */
  async postBody(reports: readonly Report[], { body, headers, query = '' }: SentBody): Promise<number | undefined> {
    this.noteSent(reports);
    const answer = await fetch(this.url() + query, {
      method: 'POST',
      headers: { authorization: `Bearer ${sourceToken}`, 'content-type': 'application/json', ...headers },
      body: new Uint8Array(Buffer.from(body)),
      signal: AbortSignal.timeout(30_000),
    }).catch(() => undefined);
    return this.#noted(reports, answer);
  }

  async #noted(reports: readonly Report[], answer: Response | undefined): Promise<number | undefined> {
    if (!answer) return undefined;
    const text = await answer.text().catch(() => undefined);
    if (text === undefined) return undefined;
    if (answer.ok) {
      const { alerts } = JSON.parse(text) as Answer;
      this.#acked.note(...reports.map((report, index) => ({ ...report, id: alerts[index]?.id ?? '' })));
    }
    return answer.status;
  }

  /** Posts as `post` does; the answer as it comes, which is not noted. */
  async send(
    reports: readonly Report[],
    fields: Readonly<Record<string, unknown>> = {},
    url = this.url(),
  ): Promise<Response | undefined> {
    this.noteSent(reports);
    return fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${sourceToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ alerts: reports.map((report) => ({ ...alertOf(report), ...fields })) }),
      signal: AbortSignal.timeout(30_000),
    }).catch(() => undefined);
  }

  /** Notes what a case is about to post by a way of its own. */
  noteSent(reports: readonly Report[]): void {
    this.#sent.note(...reports);
  }

  /** Posts a body until it is answered 2xx, as a vendor that retries. */
  async insist(
    reports: readonly Report[] = [reportOf(newFinding())],
    withinMs = 30_000,
    againMs = usualAgainMs,
  ): Promise<void> {
    const end = performance.now() + withinMs;
    while (performance.now() < end) {
      const status = await this.post(reports);
      if (status !== undefined && status < 300) return;
      await sleep(againMs);
    }
    throw new Error(`not taken within ${String(withinMs)} ms: ${reports.map(({ name }) => name).join()}`);
  }

  /**
   * Posts about so many new findings a second until the signal aborts, each with two reports, the second after the first
   * was taken; what fails is posted again after `againMs`. Resolves when nothing is under way any more.
   */
  async load(findingsPerSecond: number, signal: AbortSignal, againMs = usualAgainMs): Promise<void> {
    const underWay = new Set<Promise<void>>();
    while (!signal.aborted) {
      const story = this.#story(againMs);
      underWay.add(story);
      void story.finally(() => underWay.delete(story)).catch(() => undefined);
      await sleep(1_000 / findingsPerSecond);
    }
    await Promise.all(underWay);
  }

  /** Everything that was sent, whether or not it arrived. */
  sent(): readonly Report[] {
    return this.#sent.entries();
  }

  /** What was answered 2xx for, in the order of the answers. */
  acked(): readonly Acked[] {
    return this.#acked.entries();
  }

  close(): void {
    this.#sent.close();
    this.#acked.close();
  }

  async #story(againMs: number): Promise<void> {
    const finding = newFinding();
    await this.insist([reportOf(finding, 1)], 60_000, againMs);
    await this.insist([reportOf(finding, 2)], 60_000, againMs);
  }
}
