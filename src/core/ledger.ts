import type { Missing } from './missing.js';

/** Milliseconds since the epoch, from inclusive, until exclusive; widened to whole hours. */
export type LedgerRange = { readonly from: number; readonly until: number };

/** received = accepted + duplicates + quarantined + probes; accepted = routed + unrouted. */
export type SourceSums = {
  readonly received: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly probes: number;
  readonly routed: number;
  readonly unrouted: number;
};
/** owed = delivered + pending + dead + superseded. */
export type SinkSums = {
  readonly owed: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly superseded: number;
};
export type SourceHour = { readonly hour: number; readonly source: string } & SourceSums;
export type SinkHour = { readonly hour: number; readonly sink: string } & SinkSums;

/** One source's equations; `difference` is by how much the left side of each exceeds the right one. */
export type SourceLine = { readonly source: string } & SourceSums & {
    readonly balanced: boolean;
    readonly difference: { readonly received: number; readonly accepted: number };
  };
/** One sink's equation. What is pending while the sink is parked counts as parked. */
export type SinkLine = { readonly sink: string } & SinkSums & {
    readonly parked: number;
    readonly balanced: boolean;
    readonly difference: { readonly owed: number };
  };
export type LedgerLines = { readonly sources: readonly SourceLine[]; readonly sinks: readonly SinkLine[] };

/** The account of every alert. */
export type Ledger = {
  /** Every equation holds, and nothing is missing that nobody knows of. */
  readonly balanced: boolean;
  /** Since the journal began, as it was counted when it happened. */
  readonly totals: LedgerLines;
  /** Alerts are numbered without a hole: each number is an accepted alert or one that is known to be missing. */
  readonly numbers: { readonly given: number; readonly accounted: number; readonly difference: number };
  /** By hour of acceptance (RFC 3339, its beginning): counted when it happened on the left side, in the rows on the right. */
  readonly hours: readonly ({ readonly hour: string } & LedgerLines)[];
  readonly missing: readonly Missing[];
};

/** What a journal knows of itself; of the hours, what adds up to their sums. */
export type Books = {
  readonly totals: {
    readonly sources: readonly ({ readonly source: string } & SourceSums)[];
    readonly sinks: readonly ({ readonly sink: string } & SinkSums)[];
  };
  readonly hours: { readonly sources: readonly SourceHour[]; readonly sinks: readonly SinkHour[] };
  readonly lastNumber: number;
  readonly parked: readonly string[];
  readonly missing: readonly Missing[];
};

const hourMs = 3_600_000;

/** Hours are counted from the epoch. */
export function hourOf(time: number): number {
  return Math.floor(time / hourMs);
}

export const noSourceSums: SourceSums = {
  received: 0,
  accepted: 0,
  duplicates: 0,
  quarantined: 0,
  probes: 0,
  routed: 0,
  unrouted: 0,
};
export const noSinkSums: SinkSums = { owed: 0, delivered: 0, pending: 0, dead: 0, superseded: 0 };

/** Checks the books. */
export function ledgerOf({ totals, hours, lastNumber, parked, missing }: Books): Ledger {
  const accepted = totals.sources.reduce((sum, source) => sum + source.accepted, 0);
  const lost = missing.reduce((sum, { alerts }) => sum + (alerts ? alerts.to - alerts.from + 1 : 0), 0);
  const numbers = { given: lastNumber, accounted: accepted + lost, difference: lastNumber - accepted - lost };
  const lines = (of: Books['totals']): LedgerLines => ({
    sources: of.sources.map(sourceLine),
    sinks: of.sinks.map((sums) => sinkLine(sums, parked.includes(sums.sink))),
  });
  const total = lines(totals);
  const byHour = groupByHour(hours).map(([hour, of]) => ({
    hour: new Date(hour * hourMs).toISOString(),
    ...lines(of),
  }));
  const isKnown = missing.every(
    (each) => each.acknowledgedAt !== undefined || !(each.requests ?? each.alerts ?? each.endUnknown),
  );
  return {
    balanced: isKnown && numbers.difference === 0 && [total, ...byHour].every(balances),
    totals: total,
    numbers,
    hours: byHour,
    missing,
  };
}

function balances({ sources, sinks }: LedgerLines): boolean {
  return [...sources, ...sinks].every((line) => line.balanced);
}

function sourceLine({ source, ...sums }: { readonly source: string } & SourceSums): SourceLine {
  const { received, accepted, duplicates, quarantined, probes, routed, unrouted } = sums;
  const difference = {
    received: received - (accepted + duplicates + quarantined + probes),
    accepted: accepted - (routed + unrouted),
  };
  return { source, ...sums, balanced: difference.received === 0 && difference.accepted === 0, difference };
}

function sinkLine({ sink, ...sums }: { readonly sink: string } & SinkSums, isParked: boolean): SinkLine {
  const { owed, delivered, pending, dead, superseded } = sums;
  const difference = { owed: owed - (delivered + pending + dead + superseded) };
  const waiting = isParked ? { pending: 0, parked: pending } : { pending, parked: 0 };
  return { sink, ...sums, ...waiting, balanced: difference.owed === 0, difference };
}

export function addSourceSums(a: SourceSums, b: SourceSums): SourceSums {
  return {
    received: a.received + b.received,
    accepted: a.accepted + b.accepted,
    duplicates: a.duplicates + b.duplicates,
    quarantined: a.quarantined + b.quarantined,
    probes: a.probes + b.probes,
    routed: a.routed + b.routed,
    unrouted: a.unrouted + b.unrouted,
  };
}

export function addSinkSums(a: SinkSums, b: SinkSums): SinkSums {
  return {
    owed: a.owed + b.owed,
    delivered: a.delivered + b.delivered,
    pending: a.pending + b.pending,
    dead: a.dead + b.dead,
    superseded: a.superseded + b.superseded,
  };
}

/** What is known of an hour comes from several counts: they add up. Oldest hour first. */
function groupByHour({ sources, sinks }: Books['hours']): readonly (readonly [number, Books['totals']])[] {
  const hours = new Map<number, { sources: Map<string, SourceSums>; sinks: Map<string, SinkSums> }>();
  const at = (hour: number) => {
    const found = hours.get(hour) ?? { sources: new Map<string, SourceSums>(), sinks: new Map<string, SinkSums>() };
    hours.set(hour, found);
    return found;
  };
  for (const { hour, source, ...sums } of sources) {
    const of = at(hour).sources;
    of.set(source, addSourceSums(of.get(source) ?? noSourceSums, sums));
  }
  for (const { hour, sink, ...sums } of sinks) {
    const of = at(hour).sinks;
    of.set(sink, addSinkSums(of.get(sink) ?? noSinkSums, sums));
  }
  return [...hours]
    .sort(([a], [b]) => a - b)
    .map(([hour, of]) => [
      hour,
      {
        sources: [...of.sources].map(([source, sums]) => ({ source, ...sums })),
        sinks: [...of.sinks].map(([sink, sums]) => ({ sink, ...sums })),
      },
    ]);
}
