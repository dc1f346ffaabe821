import {
  addSinkSums,
  addSourceSums,
  hourOf,
  ledgerOf,
  noSinkSums,
  noSourceSums,
  type Ledger,
  type LedgerRange,
  type SinkHour,
  type SourceHour,
} from '../../core/ledger.js';
import type { DeliveryState, JournalCounts, Receipt, SinkBacklog } from '../../core/journal.js';
import type { KeptAlert, KeptDelivery, KeptRequest } from './kept.js';

/** Keeps the books of what comes and goes, to be checked against what is there. */
export class Accounts {
  #lastNumber = 0;
  readonly #sources = new Map<string, SourceHour>();
  readonly #sinks = new Map<string, SinkHour>();

  /** `others`: what came with the alerts, to be quarantined or a probe. */
  accept({ receivedAt, source }: KeptRequest, others: number, alerts: Receipt['alerts']): void {
    const accepted = alerts.filter(({ status }) => status === 'accepted').length;
    this.#lastNumber += accepted;
    this.#addSource({
      ...noSourceSums,
      hour: hourOf(receivedAt),
      source,
      received: alerts.length + others,
      accepted,
      duplicates: alerts.length - accepted,
    });
  }

  /** What was in the quarantine, of an hour before, is received anew as alerts; what stays there, or is a probe, is not. */
  reread({ receivedAt, source }: KeptRequest, fewer: number, now: number, alerts: Receipt['alerts']): void {
    const accepted = alerts.filter(({ status }) => status === 'accepted').length;
    this.#lastNumber += accepted;
    this.#addSource({ ...noSourceSums, hour: hourOf(receivedAt), source, received: -fewer });
    const received = alerts.length;
    const counted = { received, accepted, duplicates: received - accepted };
    this.#addSource({ ...noSourceSums, hour: hourOf(now), source, ...counted });
  }

  owe({ of, sink }: KeptDelivery): void {
    this.#addSink({ ...noSinkSums, hour: hourOf(of.acceptedAt), sink, owed: 1 });
  }

  /** One that is owed no longer, since its alert was decided anew. */
  withdraw({ of, sink }: KeptDelivery): void {
    this.#addSink({ ...noSinkSums, hour: hourOf(of.acceptedAt), sink, owed: -1 });
  }

  /** What goes stays in the account. */
  purgeAlert(alert: KeptAlert): void {
    this.#addSource(countedAlert(alert));
    for (const delivery of countedDeliveries(alert)) this.#addSink(delivery);
  }

  purgeRequest(request: KeptRequest): void {
    this.#addSource(countedRequest(request));
  }

  ledger(
    range: LedgerRange | undefined,
    alerts: readonly KeptAlert[],
    requests: readonly KeptRequest[],
    totals: JournalCounts['sources'],
    backlogs: readonly SinkBacklog[],
  ): Ledger {
    const [sources, sinks] = [[...this.#sources.values()], [...this.#sinks.values()]];
    const all = {
      sources: [...sources, ...alerts.map(countedAlert), ...requests.map(countedRequest)],
      sinks: [...sinks, ...alerts.flatMap(countedDeliveries)],
    };
    const from = range ? hourOf(range.from) : 0;
    const until = range ? hourOf(range.until - 1) + 1 : 0;
    const isWithin = ({ hour }: { readonly hour: number }): boolean => hour >= from && hour < until;
    const received = (source: string) =>
      sum(
        sources.filter((each) => each.source === source),
        'received',
      );
    const routed = (source: string) =>
      sum(
        all.sources.filter((each) => each.source === source),
        'routed',
      );
    const owed = (sink: string) =>
      sum(
        sinks.filter((each) => each.sink === sink),
        'owed',
      );
    return ledgerOf({
      totals: {
        sources: totals.map(({ requests: _, ...counts }) => ({
          ...counts,
          received: received(counts.source),
          routed: routed(counts.source),
        })),
        sinks: backlogs.map(({ sink, pending, delivered, dead, superseded }) => ({
          sink,
          owed: owed(sink),
          pending,
          delivered,
          dead,
          superseded,
        })),
      },
      hours: { sources: all.sources.filter(isWithin), sinks: all.sinks.filter(isWithin) },
      lastNumber: this.#lastNumber,
      parked: backlogs.flatMap(({ sink, parked }) => (parked ? [sink] : [])),
      missing: [],
    });
  }

  #addSource(counted: SourceHour): void {
    const key = `${counted.hour} ${counted.source}`;
    const known = this.#sources.get(key);
    this.#sources.set(key, known ? { ...counted, ...addSourceSums(known, counted) } : counted);
  }

  #addSink(counted: SinkHour): void {
    const key = `${counted.hour} ${counted.sink}`;
    const known = this.#sinks.get(key);
    this.#sinks.set(key, known ? { ...counted, ...addSinkSums(known, counted) } : counted);
  }
}

function countedAlert({ request, acceptedAt, routes }: KeptAlert): SourceHour {
  const { source } = request;
  const isRouted = routes.length > 0;
  return {
    ...noSourceSums,
    hour: hourOf(acceptedAt),
    source,
    routed: isRouted ? 1 : 0,
    unrouted: isRouted ? 0 : 1,
  };
}

function countedDeliveries({ acceptedAt, deliveries }: KeptAlert): readonly SinkHour[] {
  return deliveries.map(({ sink, state }) => {
    const counted: Record<DeliveryState, number> = { pending: 0, delivered: 0, dead: 0, superseded: 0, [state]: 1 };
    return { ...noSinkSums, hour: hourOf(acceptedAt), sink, ...counted };
  });
}

function countedRequest({ receivedAt, source, unread, probe }: KeptRequest): SourceHour {
  return {
    ...noSourceSums,
    hour: hourOf(receivedAt),
    source,
    quarantined: unread.length,
    probes: probe === undefined ? 0 : 1,
  };
}

function sum<Name extends string>(items: readonly Readonly<Record<Name, number>>[], name: Name): number {
  return items.reduce((total, item) => total + item[name], 0);
}
