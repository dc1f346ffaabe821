import { actionOf, type NewAlert } from '../../core/alert.js';
import { JournalUnavailableError } from '../../core/errors.js';
import { noName, type Instance } from '../../core/instance.js';
import { ageOf, isSuperseded, withReport } from '../../core/finding.js';
import { addKnowledge, knowledgeOf, learnt } from '../../core/knowledge.js';
import {
  defineJournal,
  Journal,
  wholeRequest,
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
  type RoutedAlert,
  type RoutedSink,
  type Settlement,
} from '../../core/journal.js';
import type { Ledger, LedgerRange } from '../../core/ledger.js';
import type { DayAccount, DayRange, PullState, Way } from '../../core/reconciliation.js';
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
import { Accounts } from './accounts.js';
import { Backlog } from './backlog.js';
import type { KeptAlert, KeptDelivery, KeptFinding, KeptReplay, KeptRequest } from './kept.js';
import { PendingTally } from './pending.js';
import { Pulls } from './pulls.js';
import { candidatesOf, Replays } from './replays.js';
import {
  matches,
  matchesDelivery,
  pageOf,
  toAlertRecord,
  toDeliverySummary,
  toRequestRecord,
  toSummary,
} from './records.js';

/** Keeps everything in this process and nothing after it: for tests and first tries. */
export const memory = defineJournal({
  type: 'memory',
  options: JournalOptions,
  open: (options, context) => Promise.resolve(new MemoryJournal(options, context)),
});

type SourceTally = { -readonly [K in keyof JournalCounts['sources'][number]]: JournalCounts['sources'][number][K] };

class MemoryJournal extends Journal {
  readonly #bell = new ClaimBell();
  readonly #requests = new Map<string, KeptRequest>();
  readonly #alerts = new Map<string, KeptAlert>();
  readonly #findings = new Map<string, KeptFinding>();
  readonly #backlogs = new Map<string, Backlog>();
  readonly #pending = new PendingTally();
  readonly #sources = new Map<string, SourceTally>();
  readonly #routes = new Map<string, number>();
  #audit: (AuditEntry & { readonly seq: number })[] = [];
  readonly #replays = new Replays();
  readonly #accounts = new Accounts();
  readonly #pulls = new Pulls();
  readonly #startedAt: number;
  #lastSeq = 0;
  #closed = false;

  constructor(
    private readonly options: JournalOptions,
    private readonly context: JournalContext,
  ) {
    super();
    this.#startedAt = context.now();
  }

  async append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]> {
    await this.check();
    return requests.map((request) => this.#keep(request));
  }

  async amend(alertId: string, { alert, routes, sinks, lookup }: Amendment): Promise<boolean> {
    await this.check();
    const kept = this.#alerts.get(alertId);
    if (!kept) return false;
    const mayBe = kept.deliveries.every(isUntouched);
    if (lookup) kept.lookup = mayBe ? lookup : { ...lookup, isLate: true };
    if (!mayBe) return false;
    for (const delivery of kept.deliveries) {
      this.#backlog(delivery.sink).withdraw(delivery);
      this.#accounts.withdraw(delivery);
      this.#bell.ring(delivery.sink);
    }
    this.#countRoutes(kept, -1);
    kept.alert = { ...alert, action: kept.alert.action };
    kept.bytes = Buffer.byteLength(JSON.stringify(alert));
    kept.routes = routes;
    kept.deliveries = this.#deliveriesOf(kept, sinks);
    this.#countRoutes(kept, 1);
    for (const delivery of kept.deliveries) {
      this.#accounts.owe(delivery);
      this.#owe(delivery);
      this.#backlog(delivery.sink).sort();
    }
    return true;
  }

  claim(sink: string, limit: ClaimLimit, signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const look = async () => {
      await this.check();
      return this.#backlog(sink).claim(limit, this.context.now(), performance.now());
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
    return this.#backlog(sink).renew(leases, performance.now());
  }

  async settle(settlements: readonly Settlement[]): Promise<number> {
    await this.check();
    const uptime = performance.now();
    const valid = settlements.filter((each) => this.#backlog(each.sink).settle(each, uptime));
    for (const { sink } of valid) this.#bell.ring(sink);
    return valid.length;
  }

  async release(sink: string, leases: readonly Lease[]): Promise<void> {
    await this.check();
    this.#backlog(sink).release(leases);
    this.#bell.ring(sink);
  }

  async park(sink: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    await this.check();
    return this.#backlog(sink).park(reason, by, this.context.now());
  }

  async resume(sink: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    await this.check();
    const ended = this.#backlog(sink).resume(by);
    this.#bell.ring(sink);
    return ended;
  }

  async parkings(): Promise<Parkings> {
    await this.check();
    const sinks = [...this.#backlogs.values()].map((backlog) => backlog.count());
    return {
      sinks: new Map(sinks.flatMap(({ sink, parked }) => (parked ? [[sink, parked]] : []))),
      pulls: new Map(this.#pulls.states().flatMap(({ source, parked }) => (parked ? [[source, parked]] : []))),
    };
  }

  async beginPull(source: string, since: number): Promise<PullState> {
    await this.check();
    return this.#pulls.begin(source, since);
  }

  async pullState(source: string): Promise<PullState | undefined> {
    await this.check();
    return this.#pulls.state(source);
  }

  async parkPull(source: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    await this.check();
    return this.#pulls.park(source, { reason, by, since: this.context.now() });
  }

  async resumePull(source: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    await this.check();
    return this.#pulls.resume(source, by);
  }

  /** Nobody else has this journal. */
  async hold(): Promise<boolean> {
    await this.check();
    return true;
  }

  async instances(): Promise<readonly Instance[]> {
    await this.check();
    const uptime = performance.now();
    const claims = [...this.#backlogs.values()].reduce((sum, backlog) => sum + backlog.claims(uptime), 0);
    const { now, instance = noName } = this.context;
    return [{ ...instance, startedAt: this.#startedAt, seenAt: now(), claims, isSelf: true }];
  }

  async reconciliation(range: DayRange): Promise<readonly DayAccount[]> {
    await this.check();
    return this.#pulls.reconciliation(range, [...this.#alerts.values()]);
  }

  async alert(id: string): Promise<AlertRecord | undefined> {
    await this.check();
    const kept = this.#alerts.get(id);
    return kept && toAlertRecord(kept);
  }

  async alerts(query: AlertQuery, page: PageRequest): Promise<Page<AlertSummary>> {
    await this.check();
    return pageOf(
      [...this.#alerts.values()].filter((alert) => matches(alert, query)),
      page,
      toSummary,
    );
  }

  async raw(id: string): Promise<{ readonly contentType: string; readonly body: Buffer } | undefined> {
    await this.check();
    const request = this.#alerts.get(id)?.request ?? this.#requests.get(id);
    return request && { contentType: request.contentType, body: request.body };
  }

  async deliveries(query: DeliveryQuery, page: PageRequest): Promise<Page<DeliverySummary>> {
    await this.check();
    const all = [...this.#alerts.values()].flatMap((alert) => alert.deliveries);
    const wanted = all.filter((delivery) => matchesDelivery(delivery, query));
    return pageOf(wanted, page, toDeliverySummary);
  }

  async quarantine(page: PageRequest): Promise<Page<RequestRecord>> {
    await this.check();
    const unread = [...this.#requests.values()].flatMap((request) =>
      request.unread.map((part) => ({ request, ...part })),
    );
    return pageOf(unread, page, ({ request, reason, index }) => toRequestRecord(request, reason, index));
  }

  async quarantined(requestId: string): Promise<QuarantinedRequest | undefined> {
    await this.check();
    const request = this.#requests.get(requestId);
    if (!request || request.unread.length === 0) return undefined;
    const { id, source, receivedAt, remoteAddress, contentType, body, unread } = request;
    const parts = unread.map(({ seq, index }) => ({ number: seq, ...(index !== undefined && { index }) }));
    return { id, source, receivedAt, remoteAddress, contentType, body, parts };
  }

  async reread({ requestId, parts, alerts, unread, probe, isUnfinished }: Reread): Promise<Receipt | undefined> {
    await this.check();
    const now = this.context.now();
    const request = this.#requests.get(requestId);
    const isThere = (part: number) => request?.unread.some(({ seq }) => seq === part) === true;
    if (!request || parts.length === 0 || !parts.every(isThere)) return undefined;
    const gone = isUnfinished ? [] : parts;
    const by = request.pull ? 'pull' : 'webhook';
    const receipts = alerts.map((routed) => this.#keepAlert(routed, request, now, by));
    const left = request.unread.filter(({ seq }) => !gone.includes(seq));
    request.unread = [...left, ...unread.map((part) => ({ seq: this.#nextSeq(), ...part }))];
    if (probe !== undefined) request.probe = probe;
    const accepted = receipts.filter(({ status }) => status === 'accepted').length;
    const probes = probe === undefined ? 0 : 1;
    const tally = this.#tallyOf(request.source);
    tally.accepted += accepted;
    tally.duplicates += receipts.length - accepted;
    tally.quarantined += unread.length - gone.length;
    tally.probes += probes;
    if (by === 'pull') this.#pulls.countUnread(request.source, unread.length - gone.length, request.receivedAt);
    this.#accounts.reread(request, gone.length - unread.length - probes, now, receipts);
    return { alerts: receipts };
  }

  async probes(page: PageRequest): Promise<Page<RequestRecord>> {
    await this.check();
    const probes = [...this.#requests.values()].filter((request) => request.probe !== undefined);
    return pageOf(probes, page, (request) => toRequestRecord(request, request.probe ?? ''));
  }

  async counts(): Promise<JournalCounts> {
    await this.check();
    return {
      sources: [...this.#sources.values()].map((tally) => ({ ...tally })),
      routes: [...this.#routes].map(([route, alerts]) => ({ route, alerts })),
      sinks: [...this.#backlogs.values()].map((backlog) => backlog.count()),
      pulls: this.#pulls.states(),
      missing: [],
    };
  }

  async ledger(range?: LedgerRange): Promise<Ledger> {
    const { sources, sinks } = await this.counts();
    return this.#accounts.ledger(range, [...this.#alerts.values()], [...this.#requests.values()], sources, sinks);
  }

  /** Nothing is ever found missing here: it is all gone, or none of it. */
  acknowledge(): Promise<void> {
    return this.check();
  }

  async audit(entry: AuditEntry): Promise<void> {
    await this.check();
    this.#audit.push({ ...entry, seq: this.#nextSeq() });
  }

  async auditLog(page: PageRequest): Promise<Page<AuditEntry>> {
    await this.check();
    return pageOf(this.#audit, page, ({ seq: _seq, ...entry }) => entry);
  }

  pending(source?: string): Pending {
    return this.#pending.of(source);
  }

  async startReplay(id: string, request: ReplayRequest): Promise<ReplayRecord> {
    await this.check();
    return this.#replays.start(id, request, this.context.now());
  }

  async replay(id: string): Promise<ReplayRecord | undefined> {
    await this.check();
    return this.#replays.find(id)?.record;
  }

  async replays(page: PageRequest): Promise<Page<ReplayRecord>> {
    await this.check();
    return this.#replays.list(page);
  }

  async unfinishedReplays(): Promise<readonly UnfinishedReplay[]> {
    await this.check();
    return this.#replays.unfinished();
  }

  async replayCandidates(select: ReplaySelect, place?: string, limit?: number): Promise<ReplayCandidates> {
    await this.check();
    return candidatesOf(this.#alerts.values(), this.#findings, select, place, limit);
  }

  async advanceReplay(id: string, step: ReplayStep): Promise<ReplayRecord> {
    await this.check();
    const replay = this.#replays.find(id);
    if (!replay) throw new JournalUnavailableError(`There is no replay ${id}.`, false);
    if (!this.#replays.isAt(replay, step.from)) return replay.record;
    const owed = step.owe.filter((delivery) => this.#oweAgain(replay, delivery)).length;
    return this.#replays.advance(replay, step, owed, this.context.now());
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
    const { retention, dedupWindow, deadLetterRetention, auditRetention } = this.options;
    this.#audit = this.#audit.filter(({ at }) => at > now - auditRetention);
    const cutoff = now - Math.max(retention, dedupWindow);
    const deadCutoff = Math.min(cutoff, now - deadLetterRetention);
    this.#pulls.removeUntil(cutoff);
    let purged = 0;
    for (const kept of this.#alerts.values()) {
      const { acceptedAt, deliveries } = kept;
      const isDead = deliveries.some((delivery) => delivery.state === 'dead');
      if (acceptedAt > (isDead ? deadCutoff : cutoff)) continue;
      if (deliveries.some((delivery) => delivery.state === 'pending')) continue;
      this.#forget(kept);
      purged += 1;
    }
    for (const [id, request] of this.#requests) {
      if (request.alerts > 0 || request.receivedAt > cutoff) continue;
      this.#accounts.purgeRequest(request);
      this.#requests.delete(id);
    }
    return purged;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#bell.close();
    return Promise.resolve();
  }

  #keep({ alerts, unread, probe, part = wholeRequest, ...rest }: AcceptedRequest): Receipt {
    const begun = part.isFirst ? undefined : this.#requests.get(rest.id);
    const request: KeptRequest = begun ?? {
      ...rest,
      ...(probe !== undefined && { probe }),
      seq: this.#nextSeq(),
      unread: [],
      alerts: 0,
    };
    request.unread = [...request.unread, ...unread.map((each) => ({ seq: this.#nextSeq(), ...each }))];
    const { pull } = request;
    const by = pull ? 'pull' : 'webhook';
    const receipts = alerts.map((routed) => this.#keepAlert(routed, request, request.receivedAt, by));
    const accepted = receipts.filter((receipt) => receipt.status === 'accepted').length;
    const isKept = !pull || accepted > 0 || unread.length > 0 || probe !== undefined;
    if (isKept) this.#requests.set(request.id, request);
    if (pull && part.isLast) this.#pulls.keepPage(request.source, pull, unread.length, request.receivedAt);
    const tally = this.#tallyOf(request.source);
    tally.requests += part.isFirst ? 1 : 0;
    tally.accepted += accepted;
    tally.duplicates += receipts.length - accepted;
    tally.quarantined += unread.length;
    tally.probes += probe === undefined ? 0 : 1;
    this.#accounts.accept(request, unread.length + (probe === undefined ? 0 : 1), receipts);
    return { alerts: receipts };
  }

  #keepAlert(
    { alert, json = JSON.stringify(alert), routes, sinks, notBefore }: RoutedAlert,
    request: KeptRequest,
    acceptedAt: number,
    by: Way,
  ): Receipt['alerts'][number] {
    const known = this.#findings.get(alert.fingerprint);
    const first = known?.reports.get(alert.dedupKey);
    if (first && acceptedAt - first.at < this.options.dedupWindow) {
      first.as.duplicates += 1;
      if (this.#pulls.sawAgain(first.as, by, acceptedAt)) this.#learn(first.as, alert);
      return { id: first.as.alert.id, status: 'duplicate' };
    }
    const age = ageOf(alert);
    const superseded = isSuperseded(age, known?.finding);
    const kept: KeptAlert = {
      seq: this.#nextSeq(),
      alert: { ...alert, action: actionOf(alert.state, known === undefined) },
      request,
      acceptedAt,
      isFirst: known === undefined,
      superseded,
      routes,
      duplicates: 0,
      bytes: Buffer.byteLength(json),
      deliveries: [],
    };
    kept.deliveries = this.#deliveriesOf(kept, sinks, notBefore);
    this.#alerts.set(alert.id, kept);
    request.alerts += 1;
    const finding = known ?? { finding: withReport(age, undefined), last: kept, reports: new Map() };
    if (!superseded) finding.finding = withReport(age, known?.finding);
    finding.last = kept;
    finding.reports.set(alert.dedupKey, { at: acceptedAt, as: kept });
    this.#findings.set(alert.fingerprint, finding);
    this.#countRoutes(kept, 1);
    for (const delivery of kept.deliveries) {
      this.#accounts.owe(delivery);
      this.#owe(delivery);
    }
    if (by === 'pull' || this.#pulls.state(request.source)) {
      this.#pulls.saw(kept, { by, isFirst: kept.isFirst, isNew: true }, acceptedAt);
    }
    return { id: alert.id, status: 'accepted' };
  }

  #deliveriesOf(kept: KeptAlert, sinks: readonly RoutedSink[], notBefore?: number): readonly KeptDelivery[] {
    const { acceptedAt, superseded } = kept;
    const holdMs = Math.max(0, (notBefore ?? 0) - acceptedAt);
    return sinks.map(({ sink, routes, keepsState }) => {
      const isLate = superseded && keepsState;
      return {
        seq: this.#nextSeq(),
        of: kept,
        sink,
        routes,
        state: isLate ? 'superseded' : 'pending',
        history: [],
        ...(isLate && { settledAt: acceptedAt }),
        ...(notBefore !== undefined && { due: { at: notBefore, uptime: performance.now() + holdMs } }),
      };
    });
  }

  #countRoutes({ routes, request }: KeptAlert, sign: 1 | -1): void {
    if (routes.length === 0) this.#tallyOf(request.source).unrouted += sign;
    for (const route of routes) this.#routes.set(route, (this.#routes.get(route) ?? 0) + sign);
  }

  /** What another report of it knows is added to an alert that nobody was sent; else only noted. */
  #learn(kept: KeptAlert, report: NewAlert): void {
    const fuller = addKnowledge(kept.alert, knowledgeOf(report));
    if (!fuller || !kept.again) return;
    const isLate = !kept.deliveries.every(isUntouched);
    kept.again = { ...kept.again, added: learnt(kept.alert, fuller), ...(isLate && { isLate }) };
    if (isLate) return;
    const owed = kept.deliveries.filter(({ state }) => state === 'pending');
    for (const delivery of owed) this.#pending.count(delivery.of, -1);
    const { action: _action, ...given } = fuller;
    kept.alert = fuller;
    kept.bytes = Buffer.byteLength(JSON.stringify(given));
    for (const delivery of owed) this.#pending.count(delivery.of, 1);
  }

  #forget(kept: KeptAlert): void {
    const { alert, request } = kept;
    this.#accounts.purgeAlert(kept);
    this.#alerts.delete(alert.id);
    request.alerts -= 1;
    const finding = this.#findings.get(alert.fingerprint);
    if (finding?.last === kept) this.#findings.delete(alert.fingerprint);
    else if (finding?.reports.get(alert.dedupKey)?.as === kept) finding.reports.delete(alert.dedupKey);
  }

  #owe(delivery: KeptDelivery): void {
    this.#backlog(delivery.sink).add(delivery);
    this.#bell.ring(delivery.sink);
  }

  #oweAgain(replay: KeptReplay, { alertId, sink, routed }: ReplayStep['owe'][number]): boolean {
    const kept = this.#alerts.get(alertId);
    const known = kept?.deliveries.find((delivery) => delivery.sink === sink);
    if (!kept || (known ? !mayGoAgain(known, replay) || routed !== undefined : !routed)) return false;
    const mark = { id: replay.record.id, at: this.context.now(), attemptsBefore: known?.history.length ?? 0 };
    const delivery = known ?? this.#decideAgain(kept, sink, routed?.routes ?? []);
    delivery.replay = { ...mark, by: replay, newestReplay: this.#replays.newest };
    this.#backlog(sink).addAgain(delivery);
    Object.assign(delivery, {
      due: undefined,
      settledAt: undefined,
      remoteId: undefined,
      fault: undefined,
      reason: undefined,
    });
    this.#bell.ring(sink);
    return true;
  }

  /** A delivery that the decision of then did not have. */
  #decideAgain(kept: KeptAlert, sink: string, routes: readonly string[]): KeptDelivery {
    const newRoutes = routes.filter((route) => !kept.routes.includes(route));
    if (kept.routes.length === 0 && newRoutes.length > 0) this.#tallyOf(kept.request.source).unrouted -= 1;
    for (const route of newRoutes) this.#routes.set(route, (this.#routes.get(route) ?? 0) + 1);
    kept.routes = [...kept.routes, ...newRoutes];
    const delivery: KeptDelivery = { seq: this.#nextSeq(), of: kept, sink, routes, state: 'pending', history: [] };
    kept.deliveries = [...kept.deliveries, delivery];
    this.#accounts.owe(delivery);
    return delivery;
  }

  #backlog(sink: string): Backlog {
    const backlog = this.#backlogs.get(sink) ?? new Backlog(sink, this.options.lease, this.#pending);
    this.#backlogs.set(sink, backlog);
    return backlog;
  }

  #tallyOf(source: string): SourceTally {
    const zero = { source, requests: 0, accepted: 0, duplicates: 0, quarantined: 0, probes: 0, unrouted: 0 };
    const tally = this.#sources.get(source) ?? zero;
    this.#sources.set(source, tally);
    return tally;
  }

  #nextSeq(): number {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }
}

/** Settled, and not made due by a replay since this one was asked for. */
function mayGoAgain({ state, replay: last }: KeptDelivery, replay: KeptReplay): boolean {
  return (state === 'dead' || state === 'delivered') && (last === undefined || last.newestReplay < replay.seq);
}

/** Not sent, not out and not given up, and nothing of it can have happened. */
function isUntouched({ state, history, lease, replay }: KeptDelivery): boolean {
  return (state === 'pending' || state === 'superseded') && history.length === 0 && !lease && !replay;
}
