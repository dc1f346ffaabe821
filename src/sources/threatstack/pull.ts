import { dayOf } from '../../core/reconciliation.js';
import { PullError, type PulledPage, type PullFrom } from '../../core/source.js';
import { dismissedSince } from './dismissals.js';
import { placeText, readPlace, type Place } from './place.js';
import { readStretch, type Dated } from './stretch.js';
import type { VendorApi } from './vendor-api.js';

export type PullSetting = {
  readonly overlapMs: number;
  /** How far back alerts are looked at that may have been dismissed since. */
  readonly dismissedMs: number;
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
  { overlapMs, dismissedMs, now, limits = usualLimits }: PullSetting,
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
    const { alerts, isCut, trouble } = await readStretch(api.alerts(at - secondMs, end, signal), most, signal);
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
    const older =
      isToEnd && last.isCaughtUp
        ? await dismissedSince(api, { made: begin, lookBackMs: dismissedMs, most: limits.atOnce }, signal)
        : { alerts: [] };
    // By what the vendor dated, and not by where the stretch ends: with a clock of ours that is ahead, more may come.
    const pages = pagesOf([...older.alerts, ...alerts], limits.onPage, (newestOnPage) =>
      Math.max(at, Math.min(newestOnPage, now())),
    );
    if (older.trouble) {
      yield* pages;
      throw older.trouble;
    }
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
