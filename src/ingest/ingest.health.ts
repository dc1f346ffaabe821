import type { Journal, SinkBacklog } from '../core/journal.js';
import { isReady, type Readiness } from '../core/readiness.js';

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
  #legacy: { readonly at: number; readonly body: Promise<object> } | undefined;

  constructor(
    private readonly options: HealthOptions,
    private readonly journal: Journal,
    private readonly readiness: Readiness,
    private readonly now: () => number = Date.now,
  ) {}

  /** From now on not ready: a load balancer should send nothing more. */
  drain(): void {
    this.readiness.drain();
  }

  /** The answer to a GET, or undefined where the path is none of ours. What is wrong is for the admin port to tell. */
  async answer(path: string): Promise<HealthAnswer | undefined> {
    if (path === '/healthz') return { status: 200, body: { status: 'ok' } };
    if (path === '/readyz') {
      const condition = await this.readiness.condition();
      return { status: isReady(condition) ? 200 : 503, body: { status: condition.status } };
    }
    return path === legacyPath && this.options.isSuccessor
      ? { status: 200, body: await this.#legacyBody() }
      : undefined;
  }

  knows(path: string): boolean {
    return path === '/healthz' || path === '/readyz' || (path === legacyPath && this.options.isSuccessor);
  }

  #legacyBody(): Promise<object> {
    const now = this.now();
    if (!this.#legacy || now - this.#legacy.at > freshForMs) this.#legacy = { at: now, body: this.#legacyStatus(now) };
    return this.#legacy.body;
  }

  /**
   * The predecessor's three fields, with the truth in them: whether events from Threat Stack can be kept, and whether
   * every Datadog sink is running and not behind. Like the predecessor's, always with status 200.
   */
  async #legacyStatus(now: number): Promise<object> {
    const { status } = await this.readiness.condition();
    const isWritable = status !== 'journal unavailable';
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
