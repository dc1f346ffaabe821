import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { ActivityStream, type Activity } from '../core/activity.js';
import type { NewAlert } from '../core/alert.js';
import { EnrichmentView, type EnrichmentStanding } from '../core/enrichment-view.js';
import { Journal, type LookupRecord } from '../core/journal.js';
import { pendingFlag } from '../core/knowledge.js';
import type { Source } from '../core/source.js';
import { EnrichOptions, type VerifyOptions } from '../kit/source-options.js';
import { Router } from '../routing/router.js';
import type { NamedSource } from '../routing/triage.js';
import { Asker } from './asker.js';
import { judge, type Purpose } from './judgement.js';

/** A source whose alerts are looked up before they are sent on. */
export type AskingSource = {
  readonly name: string;
  /** One with `lookup`. */
  readonly source: Source;
  readonly enrich?: EnrichOptions;
  readonly verify?: VerifyOptions;
};

type Received = Extract<Activity, { kind: 'received' }>;

/** What is left of the wait for the journal: so that what timed out is flagged before it is due. */
const shareForJournal = 0.1;
const mostForJournalMs = 500;
/** Alerts under way at once; what is beyond it goes out when its wait is over, flagged as pending. */
const mostAlerts = 10_000;

/**
 * Asks the vendor for each alert that is held, decides anew where it goes, and lets it go. It meets ingest only at the
 * stream of activities and delivery only at the journal: whatever becomes of it, what is held is due when its time comes.
 */
@Injectable()
export class Enricher extends EnrichmentView implements OnModuleInit, BeforeApplicationShutdown {
  readonly #askers = new Map<string, { readonly asking: AskingSource; readonly asker: Asker }>();
  readonly #underWay = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  #isEnding = false;

  constructor(
    sources: readonly AskingSource[],
    private readonly router: Router,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {
    super();
    this.use(sources);
  }

  onModuleInit(): void {
    this.#subscription = this.activity.subscribe((activity) => {
      if (activity.kind === 'received') this.#take(activity);
    });
  }

  /** What is held stays held: it goes out when it is due, after the next start if need be. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    this.#subscription?.unsubscribe();
    for (const { asker } of this.#askers.values()) asker.close('the router ends');
    await Promise.all(this.#underWay);
  }

  /** From now on looks up the alerts of these sources and no others; one whose source is the same goes on. */
  use(sources: readonly AskingSource[]): void {
    for (const [name, { asking, asker }] of this.#askers) {
      if (sources.some((each) => each.name === name && each.source === asking.source)) continue;
      this.#askers.delete(name);
      asker.close('the source was changed');
    }
    for (const asking of sources) {
      if (!this.#askers.has(asking.name)) this.#askers.set(asking.name, { asking, asker: askerOf(asking) });
    }
  }

  standing(source: string): EnrichmentStanding | undefined {
    return this.#askers.get(source)?.asker.standing;
  }

  #take({ source, alerts, isPull }: Received): void {
    const known = this.#askers.get(source);
    if (!known) return;
    for (const { alert, status } of alerts) {
      if (status !== 'accepted' || !alert.quality.includes(pendingFlag) || this.#underWay.size >= mostAlerts) continue;
      // What a pull brought came from the vendor's own API.
      const purpose = {
        enrich: known.asking.enrich !== undefined,
        verify: known.asking.verify !== undefined && !isPull,
      };
      const done = this.#lookUp(alert, known.asking, known.asker, purpose).catch((error: unknown) => {
        this.#fault(error);
      });
      this.#underWay.add(done);
      void done.then(() => this.#underWay.delete(done));
    }
  }

  async #lookUp(alert: NewAlert, asking: AskingSource, asker: Asker, purpose: Purpose): Promise<void> {
    const at = Date.now();
    const waitMs = maxWaitOf(asking);
    const dueAt = Date.parse(alert.receivedAt) + waitMs;
    const margin = Math.min(mostForJournalMs, waitMs * shareForJournal);
    const { finding, isShared } = await asker.ask(alert, dueAt - margin - at);
    if (this.#isEnding && finding.kind === 'failed') return;
    const { alert: judged, added } = judge(alert, finding, purpose);
    const { routes, sinks } = this.router.decide(judged);
    const lookup: LookupRecord = {
      at,
      durationMs: Date.now() - at,
      outcome: finding.kind,
      ...('reason' in finding && { reason: finding.reason }),
      ...(isShared && { isShared: true }),
      added,
    };
    const isDone = await this.journal.amend(alert.id, { alert: judged, routes, sinks, lookup });
    this.activity.next({
      kind: 'looked-up',
      at: Date.now(),
      source: asking.name,
      alertId: alert.id,
      lookup: isDone ? lookup : { ...lookup, isLate: true },
      sinks: isDone ? sinks.map(({ sink }) => sink) : [],
    });
  }

  /** The alert goes out when its wait is over, as it was accepted. */
  #fault(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.activity.next({ kind: 'fault', at: Date.now(), part: 'enrichment', reason });
  }
}

/** How long the alerts of a source are held at most; undefined: not at all. A pull needs no verifying. */
export function holdOf(asking: AskingSource): NamedSource['hold'] {
  if (!asking.source.lookup || (!asking.enrich && !asking.verify)) return undefined;
  const webhookMs = maxWaitOf(asking);
  return { webhookMs, ...(asking.enrich && { pullMs: webhookMs }) };
}

/** In milliseconds. */
function maxWaitOf({ enrich = new EnrichOptions() }: Pick<AskingSource, 'enrich'>): number {
  return enrich.maxWait;
}

function askerOf({ source, enrich = new EnrichOptions(), verify }: AskingSource): Asker {
  const { concurrency, cache, cacheFor } = enrich;
  return new Asker({
    lookup: (alert, signal) => source.lookup?.(alert, signal) ?? Promise.reject(new Error('it cannot be asked')),
    concurrency,
    cache,
    cacheFor,
    ...(verify && { maxPerMinute: verify.maxPerMinute }),
    now: Date.now,
  });
}
