import { actions } from '../../core/alert.js';
import type {
  AlertQuery,
  Amendment,
  AuditEntry,
  ClaimLimit,
  DeliveryQuery,
  Lease,
  ParkedBy,
  Parkings,
  Reread,
  Settlement,
} from '../../core/journal.js';
import type { ReplayMark, ReplayRequest, ReplaySelect, ReplayStep } from '../../core/replay.js';
import type { LedgerRange } from '../../core/ledger.js';
import type { DayRange } from '../../core/reconciliation.js';
import type { ClaimedDelivery } from './debts.js';
import type { From } from './searches.js';
import type { Store } from './store.js';

/** What the writer does when called, by name: `Writes` share a transaction with whatever else is there to be written. */
export type Writes = ReturnType<typeof writesOf>;
export type Reads = ReturnType<typeof readsOf>;
export type Methods = Writes & Reads;

/** Claimed deliveries as they cross to the event loop: flat, since cloning an object for each costs more than claiming. */
export type Claims = {
  /** For each delivery: alert, token, attempt, time accepted, positions in `actions`, `routes` and `replays` (-1: none). */
  readonly fields: Float64Array<ArrayBuffer>;
  readonly routes: readonly (readonly string[])[];
  readonly replays: readonly ReplayMark[];
  /** Their alerts, as one JSON array. */
  readonly alerts: Uint8Array<ArrayBuffer>;
  readonly againMs: number | undefined;
};

export const claimFields = 7;

export function writesOf(store: Store) {
  return {
    /** The settlements as JSON, which crosses more cheaply than they do. */
    settle: (settlements: string, now: number) =>
      store.settle(JSON.parse(settlements) as readonly Settlement[], clocks(now)),
    amend: (alertId: string, amendment: Amendment) => store.amend(alertId, amendment),
    park: (sink: string, reason: string, by: ParkedBy, now: number) =>
      store.debts.park(sink, { reason, since: now, by }),
    resume: (sink: string, by: ParkedBy) => store.debts.resume(sink, by),
    beginPull: (source: string, since: number) => store.pulls.begin(source, since),
    parkPull: (source: string, reason: string, by: ParkedBy, now: number) =>
      store.pulls.park(source, { reason, since: now, by }),
    resumePull: (source: string, by: ParkedBy) => store.pulls.resume(source, by),
    acknowledge: (now: number) => {
      store.gaps.acknowledge(now);
    },
    audit: (entry: AuditEntry) => {
      store.audit.add(entry);
    },
    check: (now: number) => {
      store.touch(now);
    },
    purge: (now: number) => store.purge(now),
    reread: (reread: Reread, now: number) => store.reread(reread, now),
    startReplay: (id: string, request: ReplayRequest, now: number) => store.replays.start(id, request, now),
    advanceReplay: (id: string, step: ReplayStep, now: number) => store.replays.advance(id, step, now),
  };
}

export function readsOf(store: Store) {
  return {
    claim: (sink: string, limit: ClaimLimit, now: number): Claims => {
      const { deliveries, againMs } = store.debts.claim(sink, limit, clocks(now));
      return { alerts: jsonArrayOf(deliveries), againMs, ...flat(deliveries) };
    },
    renew: (sink: string, leases: readonly Lease[], now: number) => store.debts.renew(sink, leases, clocks(now)),
    release: (sink: string, leases: readonly Lease[]) => {
      store.debts.release(sink, leases);
    },
    alert: (id: string) => store.records.alert(id),
    raw: (id: string) => store.records.raw(id),
    counts: () => store.records.counts(),
    books: (range: LedgerRange | undefined) => store.books.kept(range),
    countAlerts: (range: LedgerRange, after: number, to: number) => store.books.countAlerts(range, after, to),
    countRequests: (range: LedgerRange, after: number, to: number) => store.books.countRequests(range, after, to),
    alerts: (query: AlertQuery, from: From) => store.searches.alerts(query, from),
    deliveries: (query: DeliveryQuery, from: From) => store.searches.deliveries(query, from),
    quarantine: (from: From) => store.searches.quarantine(from),
    quarantined: (requestId: string) => store.records.quarantined(requestId),
    probes: (from: From) => store.searches.probes(from),
    beginBackup: (now: number) => store.beginBackup(now),
    endBackup: () => store.endBackup(),
    claims: () => store.debts.claims(performance.now()),
    parkings: (): Parkings => ({ sinks: store.debts.parkings, pulls: store.pulls.parkings }),
    pullState: (source: string) => store.pulls.state(source),
    pullDays: (range: DayRange) => store.pulls.days(range),
    countUnseen: (range: DayRange, after: number, to: number) => store.pulls.countUnseen(range, after, to),
    auditLog: (from: From) => store.audit.list(from),
    replay: (id: string) => store.replays.replay(id),
    replays: (from: From) => store.replays.list(from),
    unfinishedReplays: () => store.replays.unfinished(),
    replayCandidates: (select: ReplaySelect, place: string | undefined, limit: number | undefined) =>
      store.candidates.find(select, place, limit),
  };
}

function clocks(now: number): { readonly now: number; readonly uptime: number } {
  return { now, uptime: performance.now() };
}

function flat(deliveries: readonly ClaimedDelivery[]): Pick<Claims, 'fields' | 'routes' | 'replays'> {
  const fields = new Float64Array(claimFields * deliveries.length);
  const routes = [...new Set(deliveries.map((delivery) => delivery.routes))];
  const replays: ReplayMark[] = [];
  deliveries.forEach(({ lease, attempt, acceptedAt, action, routes: asking, replay }, position) => {
    const mark = replay ? replays.push(replay) - 1 : -1;
    const values = [lease.seq, lease.token, attempt, acceptedAt, actions.indexOf(action), routes.indexOf(asking), mark];
    fields.set(values, position * claimFields);
  });
  return { fields, routes, replays };
}

function jsonArrayOf(deliveries: readonly ClaimedDelivery[]): Uint8Array<ArrayBuffer> {
  const length = deliveries.reduce((sum, { json }) => sum + json.length + 1, 1);
  const array = new Uint8Array(new ArrayBuffer(Math.max(length, 2)));
  let at = 0;
  for (const { json } of deliveries) {
    array[at] = (at === 0 ? '[' : ',').charCodeAt(0);
    array.set(json, at + 1);
    at += json.length + 1;
  }
  if (at === 0) array[at++] = '['.charCodeAt(0);
  array[at] = ']'.charCodeAt(0);
  return array;
}
