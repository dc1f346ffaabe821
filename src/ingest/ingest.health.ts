import type { Journal, SinkBacklog } from '../core/journal.js';

export type HealthOptions = {
  /** A source listens on the predecessor's path, so its monitors may come here too. */
  readonly isSuccessor: boolean;
  /** The names of the sinks of type `datadog`. */
  readonly datadogSinks: readonly string[];
};

export type HealthAnswer = { readonly status: 200 | 503; readonly body: object };

/** The predecessor (threatstack-to-datadog) served this path; monitors still ask it. */
const legacyPath = '/api/v1/datadog/status';
/** A Datadog sink with something older than this still to deliver is not doing its job. */
const staleAfterMs = 5 * 60_000;
/** Strangers may ask as often as they like; the journal is asked once in this time. */
const freshForMs = 1_000;

/** The questions that monitors and load balancers ask on the ingest port. */
export class IngestHealth {
  #isDraining = false;
  #known: { readonly at: number; readonly answers: Promise<ReadonlyMap<string, HealthAnswer>> } | undefined;

  constructor(
    private readonly options: HealthOptions,
    private readonly journal: Journal,
    private readonly now: () => number = Date.now,
  ) {}

  /** From now on not ready: a load balancer should send nothing more. */
  drain(): void {
    this.#isDraining = true;
  }

  /** The answer to a GET, or undefined where the path is none of ours. */
  async answer(path: string): Promise<HealthAnswer | undefined> {
    if (path === '/healthz') return { status: 200, body: { status: 'ok' } };
    if (path === '/readyz' && this.#isDraining) return { status: 503, body: { status: 'draining' } };
    return (await this.#fresh()).get(path);
  }

  knows(path: string): boolean {
    return path === '/healthz' || path === '/readyz' || (path === legacyPath && this.options.isSuccessor);
  }

  async #fresh(): Promise<ReadonlyMap<string, HealthAnswer>> {
    const now = this.now();
    if (!this.#known || now - this.#known.at > freshForMs) this.#known = { at: now, answers: this.#ask(now) };
    return this.#known.answers;
  }

  async #ask(now: number): Promise<ReadonlyMap<string, HealthAnswer>> {
    const isWritable = await this.journal.check().then(
      () => true,
      () => false,
    );
    const answers = new Map<string, HealthAnswer>();
    answers.set(
      '/readyz',
      isWritable ? { status: 200, body: { status: 'ok' } } : { status: 503, body: { status: 'journal unavailable' } },
    );
    if (this.options.isSuccessor)
      answers.set(legacyPath, { status: 200, body: await this.#legacyStatus(isWritable, now) });
    return answers;
  }

  /**
   * The predecessor's three fields, with the truth in them: whether events from Threat Stack can be kept, and whether
   * every Datadog sink is running and not behind. Like the predecessor's, always with status 200.
   */
  async #legacyStatus(isWritable: boolean, now: number): Promise<object> {
    const sinks = await this.journal.counts().then(
      (counts) => counts.sinks,
      () => undefined,
    );
    const { datadogSinks } = this.options;
    const datadog =
      sinks !== undefined &&
      datadogSinks.length > 0 &&
      !sinks.some((backlog) => datadogSinks.includes(backlog.sink) && isTroubled(backlog, now));
    return {
      success: datadog && isWritable,
      datadog: { success: datadog },
      threatstack: { success: isWritable },
    };
  }
}

function isTroubled({ parked, oldestPendingAt }: SinkBacklog, now: number): boolean {
  return parked !== undefined || (oldestPendingAt !== undefined && now - oldestPendingAt > staleAfterMs);
}
