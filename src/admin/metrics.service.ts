import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Subscription } from 'rxjs';
import { ActivityStream, type Activity } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import { Journal } from '../core/journal.js';
import type { Ledger } from '../core/ledger.js';
import { sizeOf, type Missing } from '../core/missing.js';
import { fillOf } from '../core/pressure.js';
import type { NamedSource } from '../routing/triage.js';
import { AdminOptions } from './admin.options.js';

type Of<Kind extends Activity['kind']> = Extract<Activity, { kind: Kind }>;

const answerBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const lookupBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const deliveredBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 43_200, 259_200];

const itemStates = ['received', 'accepted', 'duplicates', 'quarantined', 'probes', 'routed', 'unrouted'] as const;
const owedStates = ['owed', 'delivered', 'pending', 'parked', 'dead', 'superseded'] as const;

/**
 * What Prometheus is told. Counters follow the stream of activities; the backlog is asked of the journal at each
 * scrape. A label's values come from the config or from a fixed list, never from a vendor.
 */
@Injectable()
export class MetricsService implements OnModuleInit, OnApplicationShutdown {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  #subscription: Subscription | undefined;
  /** The sources, routes and sinks whose series have begun. */
  readonly #begun = new Set<string>();

  readonly #received = new Counter({
    name: 'signalbox_alerts_received_total',
    help: 'Alerts (or parts of a body, or probes) received, by what became of them.',
    labelNames: ['source', 'result'] as const,
    registers: this.#registers,
  });
  readonly #refused = new Counter({
    name: 'signalbox_requests_refused_total',
    help: 'Requests turned away; source is empty where they named none that is configured.',
    labelNames: ['source', 'status'] as const,
    registers: this.#registers,
  });
  readonly #routed = new Counter({
    name: 'signalbox_alerts_routed_total',
    help: 'Accepted alerts that a route matched.',
    labelNames: ['route'] as const,
    registers: this.#registers,
  });
  readonly #unrouted = new Counter({
    name: 'signalbox_alerts_unrouted_total',
    help: 'Accepted alerts that no route matched.',
    labelNames: ['source'] as const,
    registers: this.#registers,
  });
  readonly #deliveries = new Counter({
    name: 'signalbox_deliveries_total',
    help: 'Attempts to deliver an alert, by how they ended.',
    labelNames: ['sink', 'outcome', 'reason'] as const,
    registers: this.#registers,
  });
  readonly #lookups = new Counter({
    name: 'signalbox_lookups_total',
    help: "Alerts that the vendor's API was to be asked for, by what came of it.",
    labelNames: ['source', 'outcome'] as const,
    registers: this.#registers,
  });
  readonly #lookupTime = new Histogram({
    name: 'signalbox_lookup_seconds',
    help: "Time from an alert's arrival at whoever looks it up to the end of that; what was not asked is left out.",
    labelNames: ['source'] as const,
    buckets: lookupBuckets,
    registers: this.#registers,
  });
  readonly #pulls = new Counter({
    name: 'signalbox_pulls_total',
    help: "Pulls of a vendor's API, by how they ended: done, cut (the most pages were taken) or failed.",
    labelNames: ['source', 'result'] as const,
    registers: this.#registers,
  });
  readonly #recovered = new Counter({
    name: 'signalbox_pull_accepted_total',
    help: 'Alerts that a pull brought before any webhook did.',
    labelNames: ['source'] as const,
    registers: this.#registers,
  });
  readonly #pullParked = new Gauge({
    name: 'signalbox_pull_parked',
    help: '1 while the pull of a source waits for an operator.',
    labelNames: ['source'] as const,
    registers: this.#registers,
  });
  readonly #pullBehind = new Gauge({
    name: 'signalbox_pull_behind_seconds',
    help: 'How long ago a pull last came to the end of what the vendor has; before the first time, to where it began.',
    labelNames: ['source'] as const,
    registers: this.#registers,
  });
  readonly #faults = new Counter({
    name: 'signalbox_faults_total',
    help: 'Failures of our own; the log has the reasons.',
    labelNames: ['part'] as const,
    registers: this.#registers,
  });
  readonly #reloads = new Counter({
    name: 'signalbox_config_reload_success_total',
    help: 'Configs taken over while running.',
    registers: this.#registers,
  });
  readonly #failedReloads = new Counter({
    name: 'signalbox_config_reload_failed_total',
    help: 'Configs that could not be used when they were read while running; the one before went on.',
    registers: this.#registers,
  });
  readonly #answerTime = new Histogram({
    name: 'signalbox_answer_seconds',
    help: 'From the whole request received to the answer, for requests that were kept.',
    labelNames: ['source'] as const,
    buckets: answerBuckets,
    registers: this.#registers,
  });
  readonly #deliveredAfter = new Histogram({
    name: 'signalbox_received_to_delivered_seconds',
    help: 'From an alert accepted to the same alert delivered.',
    labelNames: ['sink'] as const,
    buckets: deliveredBuckets,
    registers: this.#registers,
  });
  readonly #backlog = new Gauge({
    name: 'signalbox_backlog',
    help: 'Alerts owed to a sink (pending) and given up (dead).',
    labelNames: ['sink', 'state'] as const,
    registers: this.#registers,
  });
  readonly #oldest = new Gauge({
    name: 'signalbox_oldest_pending_seconds',
    help: 'Age of the oldest alert owed to a sink; 0 when nothing is owed.',
    labelNames: ['sink'] as const,
    registers: this.#registers,
  });
  readonly #fill = new Gauge({
    name: 'signalbox_backlog_fill_ratio',
    help: 'What is owed to all sinks as a share of the nearer of the limits ingest.maxPending and maxPendingBytes.',
    registers: this.#registers,
  });
  readonly #parked = new Gauge({
    name: 'signalbox_sink_parked',
    help: '1 while a sink waits for an operator.',
    labelNames: ['sink'] as const,
    registers: this.#registers,
  });
  readonly #gap = new Gauge({
    name: 'signalbox_journal_gap',
    help: 'What was on disk once and was found missing when the journal was opened: alerts, requests, writes. Ever above 0 is worth a page.',
    labelNames: ['what', 'acknowledged'] as const,
    registers: this.#registers,
  });
  readonly #items = new Gauge({
    name: 'signalbox_ledger_items',
    help: 'received = accepted + duplicates + quarantined + probes; accepted = routed + unrouted.',
    labelNames: ['source', 'state'] as const,
    registers: this.#registers,
  });
  readonly #owed = new Gauge({
    name: 'signalbox_ledger_deliveries',
    help: 'owed = delivered + pending + parked + dead + superseded.',
    labelNames: ['sink', 'state'] as const,
    registers: this.#registers,
  });
  readonly #balanced = new Gauge({
    name: 'signalbox_ledger_balanced',
    help: '0 while a sum of the ledger does not balance, or accepted alerts are missing that nobody acknowledged.',
    registers: this.#registers,
  });

  constructor(
    private readonly activity: ActivityStream,
    private readonly journal: Journal,
    private readonly options: AdminOptions,
  ) {
    collectDefaultMetrics({ register: this.#registry });
    this.#startAtZero();
  }

  onModuleInit(): void {
    this.#subscription = this.activity.subscribe((activity) => {
      this.#count(activity);
    });
  }

  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
  }

  /** The text of a scrape and its content type. Without a journal to ask, the backlog is as it was. */
  async scrape(): Promise<{ readonly contentType: string; readonly body: string }> {
    this.#fill.set(fillOf(this.journal.pending(), this.options.pendingLimits));
    await this.#askJournal().catch((error: unknown) => {
      if (!(error instanceof JournalUnavailableError)) throw error;
    });
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #count(activity: Activity): void {
    switch (activity.kind) {
      case 'received':
        this.#countReceived(activity);
        break;
      case 'refused':
        this.#refused.inc({ source: activity.source ?? '', status: String(activity.status) });
        break;
      case 'attempted':
        this.#countAttempt(activity);
        break;
      case 'fault':
        this.#faults.inc({ part: activity.part });
        break;
      case 'reloaded':
        this.#reloads.inc();
        this.#startAtZero();
        break;
      case 'reload-failed':
        this.#failedReloads.inc();
        break;
      case 'looked-up':
        this.#countLookup(activity);
        break;
      case 'pulled':
        this.#pulls.inc({ source: activity.source, result: activity.isCaughtUp ? 'done' : 'cut' });
        this.#recovered.inc({ source: activity.source }, activity.accepted);
        break;
      case 'pull-failed':
        this.#pulls.inc({ source: activity.source, result: 'failed' });
        break;
      case 'pull-parked':
      case 'pull-resumed':
      case 'parked':
      case 'resumed':
      case 'replay':
      case 'reread':
      case 'pressure':
        break;
    }
  }

  #countLookup({ source, lookup: { outcome, durationMs } }: Of<'looked-up'>): void {
    this.#lookups.inc({ source, outcome });
    if (outcome !== 'skipped') this.#lookupTime.observe({ source }, durationMs / 1_000);
  }

  #countReceived({ source, durationMs, alerts, unread, probe, isPull, isUnfinished }: Of<'received'>): void {
    let accepted = 0;
    let unrouted = 0;
    // Finding a series costs more than counting does, and the alerts of one request mostly go the same way.
    const routed = new Map<string, number>();
    for (const { status, routes } of alerts) {
      if (status === 'duplicate') continue;
      accepted += 1;
      if (routes.length === 0) unrouted += 1;
      for (const route of routes) routed.set(route, (routed.get(route) ?? 0) + 1);
    }
    for (const [route, count] of routed) this.#routed.inc({ route }, count);
    if (!isPull && !isUnfinished) this.#answerTime.observe({ source }, durationMs / 1_000);
    if (accepted > 0) this.#received.inc({ source, result: 'accepted' }, accepted);
    if (alerts.length > accepted) this.#received.inc({ source, result: 'duplicate' }, alerts.length - accepted);
    if (unread.length > 0) this.#received.inc({ source, result: 'quarantined' }, unread.length);
    if (probe !== undefined) this.#received.inc({ source, result: 'probe' });
    if (unrouted > 0) this.#unrouted.inc({ source }, unrouted);
  }

  #countAttempt({ sink, at, acceptedAt, attempt, next, isReplay }: Of<'attempted'>): void {
    const { outcome, cause, answer } = attempt;
    const reason = answer ? `http_${answer.status}` : (cause ?? 'none');
    this.#deliveries.inc({ sink, outcome, reason });
    // How long ago the alert of a replay was accepted says nothing of how fast we are.
    if (next === 'delivered' && !isReplay) this.#deliveredAfter.observe({ sink }, (at - acceptedAt) / 1_000);
  }

  async #askJournal(): Promise<void> {
    const { sinks, pulls, missing } = await this.journal.counts();
    const now = Date.now();
    for (const { source, since, caughtUpAt = since, parked } of pulls) {
      const isOurs = this.options.sources.some((each) => each.name === source && canPull(each));
      this.#pullParked.set({ source }, parked && isOurs ? 1 : 0);
      this.#pullBehind.set({ source }, isOurs ? Math.max(0, now - caughtUpAt) / 1_000 : 0);
    }
    this.#tellMissing(missing);
    this.#tellLedger(await this.journal.ledger());
    for (const { sink, pending, dead, oldestPendingAt, parked } of sinks) {
      this.#backlog.set({ sink, state: 'pending' }, pending);
      this.#backlog.set({ sink, state: 'dead' }, dead);
      this.#oldest.set({ sink }, oldestPendingAt === undefined ? 0 : Math.max(0, now - oldestPendingAt) / 1_000);
      this.#parked.set({ sink }, parked ? 1 : 0);
    }
  }

  #tellLedger({ balanced, totals: { sources, sinks } }: Ledger): void {
    for (const line of sources) {
      for (const state of itemStates) this.#items.set({ source: line.source, state }, line[state]);
    }
    for (const line of sinks) {
      for (const state of owedStates) this.#owed.set({ sink: line.sink, state }, line[state]);
    }
    this.#balanced.set(balanced ? 1 : 0);
  }

  #tellMissing(missing: readonly Missing[]): void {
    for (const acknowledged of [true, false]) {
      const of = missing.filter(({ acknowledgedAt }) => (acknowledgedAt !== undefined) === acknowledged);
      const unknown = of.filter(({ endUnknown }) => endUnknown !== undefined).length;
      this.#gap.set({ what: 'unknown', acknowledged: String(acknowledged) }, unknown);
      for (const what of ['alerts', 'requests', 'writes'] as const) {
        const count = of.reduce((sum, each) => sum + sizeOf(each[what]), 0);
        this.#gap.set({ what, acknowledged: String(acknowledged) }, count);
      }
    }
  }

  /** A series that begins at its first event hides that event from `rate()`. What a reload adds begins then. */
  #startAtZero(): void {
    const isNew = (kind: string) => {
      return ({ name }: { readonly name: string }): boolean => {
        const key = `${kind} ${name}`;
        return !this.#begun.has(key) && this.#begun.add(key).has(key);
      };
    };
    for (const { name: source } of this.options.sources.filter(isNew('source'))) {
      for (const result of ['accepted', 'duplicate', 'quarantined', 'probe']) this.#received.inc({ source, result }, 0);
      this.#unrouted.inc({ source }, 0);
      this.#answerTime.zero({ source });
    }
    for (const { name: source } of this.options.sources.filter(canPull).filter(isNew('pull'))) {
      for (const result of ['done', 'cut', 'failed']) this.#pulls.inc({ source, result }, 0);
      this.#recovered.inc({ source }, 0);
      this.#pullParked.set({ source }, 0);
    }
    for (const { name: route } of this.options.routes.filter(isNew('route'))) this.#routed.inc({ route }, 0);
    for (const { name: sink } of this.options.sinks.filter(isNew('sink'))) {
      for (const state of ['pending', 'dead']) this.#backlog.set({ sink, state }, 0);
      this.#oldest.set({ sink }, 0);
      this.#parked.set({ sink }, 0);
      this.#deliveredAfter.zero({ sink });
    }
  }
}

function canPull({ source }: NamedSource): boolean {
  return source.pull !== undefined;
}
