import { actionOf, type NewAlert } from '../../core/alert.js';
import { ageOf, isSuperseded, withReport } from '../../core/finding.js';
import {
  wholeRequest,
  type AcceptedRequest,
  type Amendment,
  type JournalCounts,
  type Receipt,
  type Reread,
  type RoutedAlert,
  type RoutedSink,
} from '../../core/journal.js';
import { addKnowledge, knowledgeOf, learnt } from '../../core/knowledge.js';
import type { Way } from '../../core/reconciliation.js';
import type { ReplayStep } from '../../core/replay.js';
import type { JournalOptions } from '../../kit/journal-options.js';
import { Accounts } from './accounts.js';
import { Backlog } from './backlog.js';
import type { KeptAlert, KeptDelivery, KeptFinding, KeptReplay, KeptRequest } from './kept.js';
import { PendingTally } from './pending.js';
import { Pulls } from './pulls.js';
import { Replays } from './replays.js';

type SourceTally = { -readonly [K in keyof JournalCounts['sources'][number]]: JournalCounts['sources'][number][K] };

/** What is kept, and all that changes it; the journal's face is `journal.ts`. */
export class Store {
  readonly requests = new Map<string, KeptRequest>();
  readonly alerts = new Map<string, KeptAlert>();
  readonly findings = new Map<string, KeptFinding>();
  readonly backlogs = new Map<string, Backlog>();
  readonly pending = new PendingTally();
  readonly sources = new Map<string, SourceTally>();
  readonly routes = new Map<string, number>();
  readonly replays = new Replays();
  readonly accounts = new Accounts();
  readonly pulls = new Pulls();
  #lastSeq = 0;

  /** `ring` is told each sink that has something to be claimed. */
  constructor(
    private readonly options: JournalOptions,
    private readonly now: () => number,
    private readonly ring: (sink: string) => void,
  ) {}

  /** Keeps a request, or another part of one. */
  keep({ alerts, unread, probe, part = wholeRequest, ...rest }: AcceptedRequest): Receipt {
    const begun = part.isFirst ? undefined : this.requests.get(rest.id);
    const request: KeptRequest = begun ?? {
      ...rest,
      ...(probe !== undefined && { probe }),
      seq: this.nextSeq(),
      unread: [],
      alerts: 0,
    };
    request.unread = [...request.unread, ...unread.map((each) => ({ seq: this.nextSeq(), ...each }))];
    const { pull } = request;
    const by = pull ? 'pull' : 'webhook';
    const receipts = alerts.map((routed) => this.#keepAlert(routed, request, request.receivedAt, by));
    const accepted = receipts.filter((receipt) => receipt.status === 'accepted').length;
    const isKept = !pull || accepted > 0 || unread.length > 0 || probe !== undefined;
    if (isKept) this.requests.set(request.id, request);
    if (pull && part.isLast) this.pulls.keepPage(request.source, pull, unread.length, request.receivedAt);
    const tally = this.#tallyOf(request.source);
    tally.requests += part.isFirst ? 1 : 0;
    tally.accepted += accepted;
    tally.duplicates += receipts.length - accepted;
    tally.quarantined += unread.length;
    tally.probes += probe === undefined ? 0 : 1;
    this.accounts.accept(request, unread.length + (probe === undefined ? 0 : 1), receipts);
    return { alerts: receipts };
  }

  /** As the port says; false where something of it can have happened. */
  amend(alertId: string, { alert, routes, sinks, lookup }: Amendment): boolean {
    const kept = this.alerts.get(alertId);
    if (!kept) return false;
    const mayBe = kept.deliveries.every(isUntouched);
    if (lookup) kept.lookup = mayBe ? lookup : { ...lookup, isLate: true };
    if (!mayBe) return false;
    for (const delivery of kept.deliveries) {
      this.backlog(delivery.sink).withdraw(delivery);
      this.accounts.withdraw(delivery);
      this.ring(delivery.sink);
    }
    this.#countRoutes(kept, -1);
    kept.alert = { ...alert, action: kept.alert.action };
    kept.bytes = Buffer.byteLength(JSON.stringify(alert));
    kept.routes = routes;
    kept.deliveries = this.#deliveriesOf(kept, sinks);
    this.#countRoutes(kept, 1);
    for (const delivery of kept.deliveries) {
      this.accounts.owe(delivery);
      this.#owe(delivery);
      this.backlog(delivery.sink).sort();
    }
    return true;
  }

  /** Accepts now what a quarantined request gave; undefined where its parts are gone. */
  reread({ requestId, parts, alerts, unread, probe, isUnfinished }: Reread): Receipt | undefined {
    const now = this.now();
    const request = this.requests.get(requestId);
    const isThere = (part: number) => request?.unread.some(({ seq }) => seq === part) === true;
    if (!request || parts.length === 0 || !parts.every(isThere)) return undefined;
    const gone = isUnfinished ? [] : parts;
    const by = request.pull ? 'pull' : 'webhook';
    const receipts = alerts.map((routed) => this.#keepAlert(routed, request, now, by));
    const left = request.unread.filter(({ seq }) => !gone.includes(seq));
    request.unread = [...left, ...unread.map((part) => ({ seq: this.nextSeq(), ...part }))];
    if (probe !== undefined) request.probe = probe;
    const accepted = receipts.filter(({ status }) => status === 'accepted').length;
    const probes = probe === undefined ? 0 : 1;
    const tally = this.#tallyOf(request.source);
    tally.accepted += accepted;
    tally.duplicates += receipts.length - accepted;
    tally.quarantined += unread.length - gone.length;
    tally.probes += probes;
    if (by === 'pull') this.pulls.countUnread(request.source, unread.length - gone.length, request.receivedAt);
    this.accounts.reread(request, gone.length - unread.length - probes, now, receipts);
    return { alerts: receipts };
  }

  /** Forgets what is old and owed to nobody; how many alerts that were. */
  purge(now: number): number {
    const { retention, dedupWindow, deadLetterRetention } = this.options;
    const cutoff = now - Math.max(retention, dedupWindow);
    const deadCutoff = Math.min(cutoff, now - deadLetterRetention);
    this.pulls.removeUntil(cutoff);
    let purged = 0;
    for (const kept of this.alerts.values()) {
      const { acceptedAt, deliveries } = kept;
      const isDead = deliveries.some((delivery) => delivery.state === 'dead');
      if (acceptedAt > (isDead ? deadCutoff : cutoff)) continue;
      if (deliveries.some((delivery) => delivery.state === 'pending')) continue;
      this.#forget(kept);
      purged += 1;
    }
    for (const [id, request] of this.requests) {
      if (request.alerts > 0 || request.receivedAt > cutoff) continue;
      this.accounts.purgeRequest(request);
      this.requests.delete(id);
    }
    return purged;
  }

  /** Makes a delivery due that was settled, or that the decision of then did not have; false where it may not be. */
  oweAgain(replay: KeptReplay, { alertId, sink, routed }: ReplayStep['owe'][number]): boolean {
    const kept = this.alerts.get(alertId);
    const known = kept?.deliveries.find((delivery) => delivery.sink === sink);
    if (!kept || (known ? !mayGoAgain(known, replay) || routed !== undefined : !routed)) return false;
    const mark = { id: replay.record.id, at: this.now(), attemptsBefore: known?.history.length ?? 0 };
    const delivery = known ?? this.#decideAgain(kept, sink, routed?.routes ?? []);
    delivery.replay = { ...mark, by: replay, newestReplay: this.replays.newest };
    this.backlog(sink).addAgain(delivery);
    Object.assign(delivery, {
      due: undefined,
      settledAt: undefined,
      remoteId: undefined,
      fault: undefined,
      reason: undefined,
    });
    this.ring(sink);
    return true;
  }

  /** Of one sink; made when it is first asked for. */
  backlog(sink: string): Backlog {
    const backlog = this.backlogs.get(sink) ?? new Backlog(sink, this.options.lease, this.pending);
    this.backlogs.set(sink, backlog);
    return backlog;
  }

  /** Numbers everything that is kept, in the order it came. */
  nextSeq(): number {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  #keepAlert(
    { alert, json = JSON.stringify(alert), routes, sinks, notBefore }: RoutedAlert,
    request: KeptRequest,
    acceptedAt: number,
    by: Way,
  ): Receipt['alerts'][number] {
    const known = this.findings.get(alert.fingerprint);
    const first = known?.reports.get(alert.dedupKey);
    if (first && acceptedAt - first.at < this.options.dedupWindow) {
      first.as.duplicates += 1;
      if (this.pulls.sawAgain(first.as, by, acceptedAt)) this.#learn(first.as, alert);
      return { id: first.as.alert.id, status: 'duplicate' };
    }
    const age = ageOf(alert);
    const superseded = isSuperseded(age, known?.finding);
    const kept: KeptAlert = {
      seq: this.nextSeq(),
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
    this.alerts.set(alert.id, kept);
    request.alerts += 1;
    const finding = known ?? { finding: withReport(age, undefined), last: kept, reports: new Map() };
    if (!superseded) finding.finding = withReport(age, known?.finding);
    finding.last = kept;
    finding.reports.set(alert.dedupKey, { at: acceptedAt, as: kept });
    this.findings.set(alert.fingerprint, finding);
    this.#countRoutes(kept, 1);
    for (const delivery of kept.deliveries) {
      this.accounts.owe(delivery);
      this.#owe(delivery);
    }
    if (by === 'pull' || this.pulls.state(request.source)) {
      this.pulls.saw(kept, { by, isFirst: kept.isFirst, isNew: true }, acceptedAt);
    }
    return { id: alert.id, status: 'accepted' };
  }

  #deliveriesOf(kept: KeptAlert, sinks: readonly RoutedSink[], notBefore?: number): readonly KeptDelivery[] {
    const { acceptedAt, superseded } = kept;
    const holdMs = Math.max(0, (notBefore ?? 0) - acceptedAt);
    return sinks.map(({ sink, routes, keepsState }) => {
      const isLate = superseded && keepsState;
      return {
        seq: this.nextSeq(),
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
    for (const route of routes) this.routes.set(route, (this.routes.get(route) ?? 0) + sign);
  }

  /** What another report of it knows is added to an alert that nobody was sent; else only noted. */
  #learn(kept: KeptAlert, report: NewAlert): void {
    const fuller = addKnowledge(kept.alert, knowledgeOf(report));
    if (!fuller || !kept.again) return;
    const isLate = !kept.deliveries.every(isUntouched);
    kept.again = { ...kept.again, added: learnt(kept.alert, fuller), ...(isLate && { isLate }) };
    if (isLate) return;
    const owed = kept.deliveries.filter(({ state }) => state === 'pending');
    for (const delivery of owed) this.pending.count(delivery.of, -1);
    const { action: _action, ...given } = fuller;
    kept.alert = fuller;
    kept.bytes = Buffer.byteLength(JSON.stringify(given));
    for (const delivery of owed) this.pending.count(delivery.of, 1);
  }

  #forget(kept: KeptAlert): void {
    const { alert, request } = kept;
    this.accounts.purgeAlert(kept);
    this.alerts.delete(alert.id);
    request.alerts -= 1;
    const finding = this.findings.get(alert.fingerprint);
    if (finding?.last === kept) this.findings.delete(alert.fingerprint);
    else if (finding?.reports.get(alert.dedupKey)?.as === kept) finding.reports.delete(alert.dedupKey);
  }

  #owe(delivery: KeptDelivery): void {
    this.backlog(delivery.sink).add(delivery);
    this.ring(delivery.sink);
  }

  /** A delivery that the decision of then did not have. */
  #decideAgain(kept: KeptAlert, sink: string, routes: readonly string[]): KeptDelivery {
    const newRoutes = routes.filter((route) => !kept.routes.includes(route));
    if (kept.routes.length === 0 && newRoutes.length > 0) this.#tallyOf(kept.request.source).unrouted -= 1;
    for (const route of newRoutes) this.routes.set(route, (this.routes.get(route) ?? 0) + 1);
    kept.routes = [...kept.routes, ...newRoutes];
    const delivery: KeptDelivery = { seq: this.nextSeq(), of: kept, sink, routes, state: 'pending', history: [] };
    kept.deliveries = [...kept.deliveries, delivery];
    this.accounts.owe(delivery);
    return delivery;
  }

  #tallyOf(source: string): SourceTally {
    const zero = { source, requests: 0, accepted: 0, duplicates: 0, quarantined: 0, probes: 0, unrouted: 0 };
    const tally = this.sources.get(source) ?? zero;
    this.sources.set(source, tally);
    return tally;
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
