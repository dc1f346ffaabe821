import { JournalUnavailableError } from '../../core/errors.js';
import { noName, type Instance } from '../../core/instance.js';
import {
  defineJournal,
  Journal,
  type AcceptedRequest,
  type AlertQuery,
  type AlertRecord,
  type AlertSummary,
  type Amendment,
  type ClaimLimit,
  type AuditEntry,
  type Delivery,
  type DeliveryQuery,
  type DeliverySummary,
  type JournalContext,
  type JournalCounts,
  type Lease,
  type Page,
  type PageRequest,
  type Parked,
  type ParkedBy,
  type Parkings,
  type Pending,
  type QuarantinedRequest,
  type Receipt,
  type RequestRecord,
  type Reread,
  type Settlement,
} from '../../core/journal.js';
import type { Ledger, LedgerRange } from '../../core/ledger.js';
import type { DayAccount, DayRange, PullState } from '../../core/reconciliation.js';
import { ClaimBell } from '../../kit/claim-bell.js';
import { JournalOptions } from '../../kit/journal-options.js';
import type {
  ReplayCandidates,
  ReplayRecord,
  ReplayRequest,
  ReplaySelect,
  ReplayStep,
  UnfinishedReplay,
} from '../../core/replay.js';
import { candidatesOf } from './replays.js';
import {
  matches,
  matchesDelivery,
  pageOf,
  toAlertRecord,
  toDeliverySummary,
  toRequestRecord,
  toSummary,
} from './records.js';
import { Store } from './store.js';

/** Keeps everything in this process and nothing after it: for tests and first tries. */
export const memory = defineJournal({
  type: 'memory',
  options: JournalOptions,
  open: (options, context) => Promise.resolve(new MemoryJournal(options, context)),
});

class MemoryJournal extends Journal {
  readonly #bell = new ClaimBell();
  readonly #store: Store;
  #audit: (AuditEntry & { readonly seq: number })[] = [];
  readonly #startedAt: number;
  #closed = false;

  constructor(
    private readonly options: JournalOptions,
    private readonly context: JournalContext,
  ) {
    super();
    this.#startedAt = context.now();
    this.#store = new Store(options, context.now, (sink) => {
      this.#bell.ring(sink);
    });
  }

  async append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]> {
    await this.check();
    return requests.map((request) => this.#store.keep(request));
  }

  async amend(alertId: string, amendment: Amendment): Promise<boolean> {
    await this.check();
    return this.#store.amend(alertId, amendment);
  }

  claim(sink: string, limit: ClaimLimit, signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const look = async () => {
      await this.check();
      return this.#store.backlog(sink).claim(limit, this.context.now(), performance.now());
    };
    const giveBack = (deliveries: readonly Delivery[]) =>
      this.release(
        sink,
        deliveries.map((delivery) => delivery.lease),
      );
    return this.#bell.loop(sink, look, giveBack, signal);
  }

  get leaseMs(): number {
    return this.options.lease;
  }

  async renew(sink: string, leases: readonly Lease[]): Promise<readonly Lease[]> {
    await this.check();
    return this.#store.backlog(sink).renew(leases, performance.now());
  }

  async settle(settlements: readonly Settlement[]): Promise<number> {
    await this.check();
    const uptime = performance.now();
    const valid = settlements.filter((each) => this.#store.backlog(each.sink).settle(each, uptime));
    for (const { sink } of valid) this.#bell.ring(sink);
    return valid.length;
  }

  async release(sink: string, leases: readonly Lease[]): Promise<void> {
    await this.check();
    this.#store.backlog(sink).release(leases);
    this.#bell.ring(sink);
  }

  async park(sink: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    await this.check();
    return this.#store.backlog(sink).park(reason, by, this.context.now());
  }

  async resume(sink: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    await this.check();
    const ended = this.#store.backlog(sink).resume(by);
    this.#bell.ring(sink);
    return ended;
  }

  async parkings(): Promise<Parkings> {
    await this.check();
    const sinks = [...this.#store.backlogs.values()].map((backlog) => backlog.count());
    return {
      sinks: new Map(sinks.flatMap(({ sink, parked }) => (parked ? [[sink, parked]] : []))),
      pulls: new Map(this.#store.pulls.states().flatMap(({ source, parked }) => (parked ? [[source, parked]] : []))),
    };
  }

  async beginPull(source: string, since: number): Promise<PullState> {
    await this.check();
    return this.#store.pulls.begin(source, since);
  }

  async pullState(source: string): Promise<PullState | undefined> {
    await this.check();
    return this.#store.pulls.state(source);
  }

  async parkPull(source: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    await this.check();
    return this.#store.pulls.park(source, { reason, by, since: this.context.now() });
  }

  async resumePull(source: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    await this.check();
    return this.#store.pulls.resume(source, by);
  }

  /** Nobody else has this journal. */
  async hold(): Promise<boolean> {
    await this.check();
    return true;
  }

  async instances(): Promise<readonly Instance[]> {
    await this.check();
    const uptime = performance.now();
    const claims = [...this.#store.backlogs.values()].reduce((sum, backlog) => sum + backlog.claims(uptime), 0);
    const { now, instance = noName } = this.context;
    return [{ ...instance, startedAt: this.#startedAt, seenAt: now(), claims, isSelf: true }];
  }

  async reconciliation(range: DayRange): Promise<readonly DayAccount[]> {
    await this.check();
    return this.#store.pulls.reconciliation(range, [...this.#store.alerts.values()]);
  }

  async alert(id: string): Promise<AlertRecord | undefined> {
    await this.check();
    const kept = this.#store.alerts.get(id);
    return kept && toAlertRecord(kept);
  }

  async alerts(query: AlertQuery, page: PageRequest): Promise<Page<AlertSummary>> {
    await this.check();
    return pageOf(
      [...this.#store.alerts.values()].filter((alert) => matches(alert, query)),
      page,
      toSummary,
    );
  }

  async raw(id: string): Promise<{ readonly contentType: string; readonly body: Buffer } | undefined> {
    await this.check();
    const request = this.#store.alerts.get(id)?.request ?? this.#store.requests.get(id);
    return request && { contentType: request.contentType, body: request.body };
  }

  async deliveries(query: DeliveryQuery, page: PageRequest): Promise<Page<DeliverySummary>> {
    await this.check();
    const all = [...this.#store.alerts.values()].flatMap((alert) => alert.deliveries);
    const wanted = all.filter((delivery) => matchesDelivery(delivery, query));
    return pageOf(wanted, page, toDeliverySummary);
  }

  async quarantine(page: PageRequest): Promise<Page<RequestRecord>> {
    await this.check();
    const unread = [...this.#store.requests.values()].flatMap((request) =>
      request.unread.map((part) => ({ request, ...part })),
    );
    return pageOf(unread, page, ({ request, reason, index }) => toRequestRecord(request, reason, index));
  }

  async quarantined(requestId: string): Promise<QuarantinedRequest | undefined> {
    await this.check();
    const request = this.#store.requests.get(requestId);
    if (!request || request.unread.length === 0) return undefined;
    const { id, source, receivedAt, remoteAddress, contentType, body, unread } = request;
    const parts = unread.map(({ seq, index }) => ({ number: seq, ...(index !== undefined && { index }) }));
    return { id, source, receivedAt, remoteAddress, contentType, body, parts };
  }

  async reread(reread: Reread): Promise<Receipt | undefined> {
    await this.check();
    return this.#store.reread(reread);
  }

  async probes(page: PageRequest): Promise<Page<RequestRecord>> {
    await this.check();
    const probes = [...this.#store.requests.values()].filter((request) => request.probe !== undefined);
    return pageOf(probes, page, (request) => toRequestRecord(request, request.probe ?? ''));
  }

  async counts(): Promise<JournalCounts> {
    await this.check();
    return {
      sources: [...this.#store.sources.values()].map((tally) => ({ ...tally })),
      routes: [...this.#store.routes].map(([route, alerts]) => ({ route, alerts })),
      sinks: [...this.#store.backlogs.values()].map((backlog) => backlog.count()),
      pulls: this.#store.pulls.states(),
      missing: [],
    };
  }

  async ledger(range?: LedgerRange): Promise<Ledger> {
    const { sources, sinks } = await this.counts();
    return this.#store.accounts.ledger(
      range,
      [...this.#store.alerts.values()],
      [...this.#store.requests.values()],
      sources,
      sinks,
    );
  }

  /** Nothing is ever found missing here: it is all gone, or none of it. */
  acknowledge(): Promise<void> {
    return this.check();
  }

  async audit(entry: AuditEntry): Promise<void> {
    await this.check();
    this.#audit.push({ ...entry, seq: this.#store.nextSeq() });
  }

  async auditLog(page: PageRequest): Promise<Page<AuditEntry>> {
    await this.check();
    return pageOf(this.#audit, page, ({ seq: _seq, ...entry }) => entry);
  }

  pending(source?: string): Pending {
    return this.#store.pending.of(source);
  }

  async startReplay(id: string, request: ReplayRequest): Promise<ReplayRecord> {
    await this.check();
    return this.#store.replays.start(id, request, this.context.now());
  }

  async replay(id: string): Promise<ReplayRecord | undefined> {
    await this.check();
    return this.#store.replays.find(id)?.record;
  }

  async replays(page: PageRequest): Promise<Page<ReplayRecord>> {
    await this.check();
    return this.#store.replays.list(page);
  }

  async unfinishedReplays(): Promise<readonly UnfinishedReplay[]> {
    await this.check();
    return this.#store.replays.unfinished();
  }

  async replayCandidates(select: ReplaySelect, place?: string, limit?: number): Promise<ReplayCandidates> {
    await this.check();
    return candidatesOf(this.#store.alerts.values(), this.#store.findings, select, place, limit);
  }

  async advanceReplay(id: string, step: ReplayStep): Promise<ReplayRecord> {
    await this.check();
    const replay = this.#store.replays.find(id);
    if (!replay) throw new JournalUnavailableError(`There is no replay ${id}.`, false);
    if (!this.#store.replays.isAt(replay, step.from)) return replay.record;
    const owed = step.owe.filter((delivery) => this.#store.oweAgain(replay, delivery)).length;
    return this.#store.replays.advance(replay, step, owed, this.context.now());
  }

  async backup(): Promise<boolean> {
    await this.check();
    return false;
  }

  check(): Promise<void> {
    return this.#closed
      ? Promise.reject(new JournalUnavailableError('The journal is closed.', true))
      : Promise.resolve();
  }

  async purge(now: number): Promise<number> {
    await this.check();
    const { auditRetention } = this.options;
    this.#audit = this.#audit.filter(({ at }) => at > now - auditRetention);
    return this.#store.purge(now);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#bell.close();
    return Promise.resolve();
  }
}
