import { dayOf } from '../../core/reconciliation.js';
import { PullError, type PulledPage, type PullFrom } from '../../core/source.js';
import {
  ThreatStackAuthError,
  ThreatStackError,
  ThreatStackPagingError,
  type ApiRecord,
} from './client/threatstack.js';
import { placeText, readPlace, type Place } from './place.js';
import { madeAt, reportOf, type VendorApi } from './vendor-api.js';

export type PullSetting = {
  readonly overlapMs: number;
  readonly now: () => number;
  readonly limits?: PullLimits;
};

export type PullLimits = {
  /** How many alerts are read before the first of them is given; with more, a shorter stretch of time is read. */
  readonly atOnce: number;
  /** How many are read of the shortest stretch; a vendor that has more of them does not heed the time it is asked for. */
  readonly atMost: number;
  readonly onPage: number;
};

const usualLimits: PullLimits = { atOnce: 2_000, atMost: 20_000, onPage: 500 };
/** No stretch is shorter. */
const shortestMs = 1_000;
const secondMs = 1_000;
const dayMs = 86_400_000;

/**
 * The alerts of all states from where the last pull ended, oldest first. The vendor gives a list in an order of its own,
 * so that a stretch of time is read whole and put in order; one with too many alerts is cut into shorter ones. A pull
 * that came to the end has the next one go back by the overlap, from the newest alert there was: the vendor's clock
 * alone decides, however wrong ours is.
 */
export async function* pull(
  api: VendorApi,
  { overlapMs, now, limits = usualLimits }: PullSetting,
  { cursor, since }: PullFrom,
  signal: AbortSignal,
): AsyncGenerator<PulledPage, void, undefined> {
  const last: Place = cursor === undefined ? { at: since, isCaughtUp: false } : readPlace(cursor);
  const begin = last.isCaughtUp ? Math.min(last.at, Math.max(last.at - overlapMs, since)) : last.at;
  let [at, newest, lengthMs] = [begin, last.at, Infinity];
  for (;;) {
    const isToEnd = at + lengthMs >= now();
    const end = isToEnd ? undefined : at + lengthMs;
    const span = isToEnd ? now() - at : lengthMs;
    const most = span > shortestMs ? limits.atOnce : limits.atMost;
    const { alerts, isCut, trouble } = await readStretch(api, at - secondMs, end, most, signal);
    if (isCut && span > shortestMs) {
      lengthMs = Math.max(shortestMs, Math.floor(span / 4));
      continue;
    }
    if (trouble ?? isCut) {
      // What there is, is given; the place stays, so that nothing is passed over.
      yield* pagesOf(alerts, limits.onPage, () => at);
      throw trouble ?? new PullError({ kind: 'retry', reason: tooMany(alerts.length) });
    }
    newest = Math.max(newest, ...alerts.map((each) => Math.min(each.at, now())));
    // By what the vendor dated, and not by where the stretch ends: with a clock of ours that is ahead, more may come.
    const pages = pagesOf(alerts, limits.onPage, (newestOnPage) => Math.max(at, Math.min(newestOnPage, now())));
    if (isToEnd) {
      yield* pages.slice(0, -1);
      const totals = await totalsOf(api, Math.max(begin, since), now(), since, signal);
      const cursor = placeText({ at: newest, isCaughtUp: true });
      yield { ...(pages.at(-1) ?? emptyPage), cursor, isLast: true, ...(totals && { totals }) };
      return;
    }
    yield* pages;
    at += lengthMs;
    if (alerts.length < limits.atOnce / 4) lengthMs *= 4;
  }
}

function tooMany(alerts: number): string {
  return `the vendor has more than ${String(alerts)} alerts of one second, or does not heed the time it is asked for`;
}

/** When it was made; 0 where that cannot be told. */
type Dated = { readonly alert: ApiRecord; readonly at: number };

type Stretch = {
  /** Oldest first, each report once. */
  readonly alerts: readonly Dated[];
  /** There are more. */
  readonly isCut: boolean;
  /** The vendor's pages lead nowhere: what was read is not all there is. */
  readonly trouble?: PullError;
};

async function readStretch(
  api: VendorApi,
  start: number,
  end: number | undefined,
  most: number,
  signal: AbortSignal,
): Promise<Stretch> {
  const alerts = new Map<string, Dated>();
  const inOrder = () => [...alerts.values()].sort((a, b) => a.at - b.at);
  try {
    for await (const { items } of api.alerts(start, end, signal)) {
      for (const alert of items) {
        const report = reportOf(alert);
        if (!alerts.has(report)) alerts.set(report, { alert, at: madeAt(alert) ?? 0 });
      }
      if (alerts.size >= most) return { alerts: inOrder(), isCut: true };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ThreatStackPagingError)) throw failureOf(error);
    return { alerts: inOrder(), isCut: false, trouble: failureOf(error) };
  }
  return { alerts: inOrder(), isCut: false };
}

/** Each leads to the place that is made of when its newest alert was made. */
function pagesOf(
  alerts: readonly Dated[],
  size: number,
  placeAfter: (newestOnPage: number) => number,
): readonly PulledPage[] {
  const starts = Array.from({ length: Math.ceil(alerts.length / size) }, (_, n) => n * size);
  return starts.map((start) => {
    const page = alerts.slice(start, start + size);
    return pageOf(page, { at: placeAfter(page.at(-1)?.at ?? 0), isCaughtUp: false });
  });
}

/** The shape of the vendor's own lists. */
function pageOf(alerts: readonly Dated[], place: Place): PulledPage {
  const body = Buffer.from(JSON.stringify({ alerts: alerts.map(({ alert }) => alert) }));
  return { body, contentType: 'application/json', cursor: placeText(place), isLast: false };
}

const emptyPage: Omit<PulledPage, 'cursor'> = {
  body: Buffer.from('{"alerts":[]}'),
  contentType: 'application/json',
  isLast: true,
};

/** The vendor is asked for no more days than these, the latest. */
const maxDays = 3;

/** By UTC day, of those that this pull looked at and that pulls cover whole. */
async function totalsOf(
  api: VendorApi,
  begin: number,
  now: number,
  since: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>> | undefined> {
  const totals: Record<string, number> = {};
  const today = Math.floor(now / dayMs) * dayMs;
  const first = Math.max(Math.floor(begin / dayMs) * dayMs, today - (maxDays - 1) * dayMs);
  for (let day = first; day <= today; day += dayMs) {
    if (day < since) continue;
    const total = await api.total(day, day + dayMs - 1, signal);
    if (total !== undefined) totals[dayOf(day)] = total;
  }
  return Object.keys(totals).length > 0 ? totals : undefined;
}

function failureOf(error: unknown): PullError {
  if (!(error instanceof ThreatStackError)) throw error;
  const { message: reason, status, retryAfter } = error;
  // 404: where the API should be, there is none.
  const isForOperator = error instanceof ThreatStackAuthError || status === 404;
  return new PullError(
    isForOperator
      ? { kind: 'parked', reason }
      : { kind: 'retry', reason, ...(retryAfter !== undefined && { afterMs: retryAfter }) },
    { cause: error },
  );
}
