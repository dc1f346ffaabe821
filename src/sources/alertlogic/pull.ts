import { PullError, type PulledPage, type PullFrom } from '../../core/source.js';
import { field, id, number } from '../../kit/read.js';
import { rfc3339 } from '../../kit/time.js';
import { AlertLogicError, type AlertLogic, type IncidentPage, type IncidentRecord } from './client/alertlogic.js';
import type { TimeWindow } from './client/windows.js';
import { placeText, readPlace, type Place } from './place.js';

export type PullSetting = { readonly overlapMs: number; readonly now: () => number };

const dayMs = 86_400_000;
const secondMs = 1_000;
const limit = 100;
/** Of one second's incidents; there are fewer. */
const maxPages = 100;

/**
 * Reads incidents by the time they were made, from the oldest on, a UTC day after the other. A span that holds more than
 * a page is halved until its parts do not: then neither the order of a page nor what is added meanwhile matters, and a
 * page's cursor is a moment. Of each day that it touches it also asks how many incidents there are.
 */
export async function* pull(
  client: AlertLogic,
  { overlapMs, now }: PullSetting,
  { cursor, since }: PullFrom,
  signal: AbortSignal,
): AsyncGenerator<PulledPage, void, undefined> {
  const begun: Place = cursor === undefined ? { at: since, since } : readPlace(cursor);
  const untilMs = now();
  const ask = asker(client, signal);
  let place = begun;
  let totals: Record<string, number> = {};
  let vendorNow = Infinity;
  let before = new Set<string>();
  for (const day of daysOf({ startMs: begun.at, endMs: untilMs })) {
    totals = { ...totals, ...(await totalOf(day, begun.since, untilMs, ask)) };
    for await (const slice of slicesOf(day, ask)) {
      vendorNow = slice.answeredAt ?? vendorNow;
      place = { ...place, at: slice.endMs };
      // Slices meet in a second that the vendor may count to both.
      const fresh = slice.page.incidents.filter(({ incidentId }) => !before.has(incidentId));
      before = new Set(slice.page.incidents.map(({ incidentId }) => incidentId));
      if (fresh.length === 0 && slice.page.others.length === 0) continue;
      yield { ...pageOf(slice.page, fresh, await client.accountId(signal), place), totals };
      totals = {};
    }
  }
  // By the earlier of the two clocks, and never back: what a clock that is ahead passes over would not be seen again.
  const at = Math.max(begun.at, Math.min(untilMs, vendorNow) - overlapMs);
  const body = Buffer.from(JSON.stringify({ iris_items: [] }));
  yield { body, contentType, cursor: placeText({ ...begun, at }), isLast: true, totals };
}

type Ask = (window: TimeWindow, page: { readonly limit: number; readonly offset?: number }) => Promise<IncidentPage>;

function asker(client: AlertLogic, signal: AbortSignal): Ask {
  return async (window, page) => {
    try {
      return await client.incidentsPage(window, page, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error);
    }
  };
}

/** The parts of a span that lie in one UTC day each. */
function* daysOf({ startMs, endMs }: TimeWindow): Generator<TimeWindow> {
  for (let at = startMs; at < endMs;) {
    const next = Math.min((Math.floor(at / dayMs) + 1) * dayMs, endMs);
    yield { startMs: at, endMs: next };
    at = next;
  }
}

/** How many incidents the vendor has of a day; nothing for one that began before the first pull looks back. */
async function totalOf(
  { startMs }: TimeWindow,
  since: number,
  untilMs: number,
  ask: Ask,
): Promise<Readonly<Record<string, number>>> {
  const dayStart = Math.floor(startMs / dayMs) * dayMs;
  if (dayStart < since) return {};
  // The last second is the day's own: the vendor may count both ends of a span to it.
  const endMs = Math.min(dayStart + dayMs - secondMs, untilMs);
  if (endMs <= dayStart) return {};
  const { totalCount } = await ask({ startMs: dayStart, endMs }, { limit: 1 });
  return totalCount === undefined ? {} : { [rfc3339(dayStart).slice(0, 'YYYY-MM-DD'.length)]: totalCount };
}

type Slice = { readonly page: IncidentPage; readonly endMs: number; readonly answeredAt: number | undefined };

async function* slicesOf(window: TimeWindow, ask: Ask): AsyncGenerator<Slice, void, undefined> {
  const { startMs, endMs } = window;
  const page = await ask(window, { limit });
  const got = page.incidents.length + page.others.length;
  if (page.totalCount === undefined || page.totalCount <= got) {
    yield { page, endMs, answeredAt: page.answeredAt };
    return;
  }
  const middle = Math.floor((startMs + endMs) / 2 / secondMs) * secondMs;
  if (middle > startMs && endMs - startMs > 2 * secondMs) {
    yield* slicesOf({ startMs, endMs: middle }, ask);
    yield* slicesOf({ startMs: middle, endMs }, ask);
    return;
  }
  yield { page: await wholeSecond(window, page, ask), endMs, answeredAt: page.answeredAt };
}

/** More than a page was made within a second or two: they come as one. */
async function wholeSecond(window: TimeWindow, first: IncidentPage, ask: Ask): Promise<IncidentPage> {
  const incidents = [...first.incidents];
  const others = [...first.others];
  for (let pages = 1; pages < maxPages && incidents.length + others.length < (first.totalCount ?? 0); pages += 1) {
    const more = await ask(window, { limit, offset: incidents.length + others.length });
    if (more.incidents.length + more.others.length === 0) break;
    incidents.push(...more.incidents);
    others.push(...more.others);
  }
  return { ...first, incidents, others, text: '' };
}

const contentType = 'application/json';

/** The answer's own bytes, where its incidents are in order and each says whose it is. */
function pageOf(page: IncidentPage, fresh: readonly IncidentRecord[], accountId: string, place: Place): PulledPage {
  const ordered = oldestFirst(fresh);
  const isWhole = page.text !== '' && fresh.length === page.incidents.length;
  const isAsSent = isWhole && ordered.every((each, index) => each === page.incidents[index] && hasAccount(each));
  const elements = [...ordered.map((each) => (hasAccount(each) ? each : { ...each, accountId })), ...page.others];
  const text = isAsSent ? page.text : JSON.stringify({ iris_items: elements });
  return { body: Buffer.from(text), contentType, cursor: placeText(place), isLast: false };
}

function hasAccount(incident: IncidentRecord): boolean {
  return id(incident.accountId) !== undefined;
}

function oldestFirst(incidents: readonly IncidentRecord[]): readonly IncidentRecord[] {
  const madeAt = (incident: IncidentRecord): number => number(field(incident, 'createTime')) ?? 0;
  return [...incidents].sort((a, b) => madeAt(a) - madeAt(b));
}

/** Signing in fails with 400 where the user cannot: an operator must act. */
const operatorsCodes = new Set(['password_expired', 'account_inactive']);

function failureOf(error: unknown): unknown {
  if (!(error instanceof AlertLogicError)) return error;
  const { message: reason, status, code, retryAfterMs } = error;
  const needsOperator =
    status === 401 || status === 403 || status === 404 || (code !== undefined && operatorsCodes.has(code));
  return new PullError(
    needsOperator
      ? { kind: 'parked', reason }
      : { kind: 'retry', reason, ...(retryAfterMs !== undefined && { afterMs: retryAfterMs }) },
    { cause: error },
  );
}
