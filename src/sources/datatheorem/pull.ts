import { PullError, type PulledPage, type PullFrom } from '../../core/source.js';
import { present } from '../../kit/present.js';
import { field, id, list, text } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import type { Product } from './api-options.js';
import { DataTheoremError, type ApiPage, type DataTheorem, type FindingTargetRecord } from './client/datatheorem.js';
import { Related } from './client/joined.js';
import type { ApiRecord, PolicyViolationRecord } from './client/records.js';
import { MobileRecords } from './mobile-records.js';
import { placeText, readPlace, type Place } from './place.js';

export type PullSetting = {
  readonly products: readonly Product[];
  readonly overlapMs: number;
  readonly now: () => number;
};

/** One page of a list: what is to be kept of it, as a body in the vendor's own shape; and where the list goes on. */
type Read = {
  readonly body: unknown;
  /** The page holds something, and none of it is new. */
  readonly isOld: boolean;
  readonly next?: string;
  readonly answeredAt?: number;
};

/** So many old pages are passed over without a word: a list is long, and what is new on it is little. */
const maxPassedOver = 100;

/**
 * Reads the lists from their beginning to their end, over and over, and of each page keeps what is new: the API can be
 * asked for violations neither since a time nor in an order. New is what was made since the reading before began, less
 * the overlap; for a closed violation, when it was closed counts, too.
 */
export async function* pull(
  client: DataTheorem,
  { products, overlapMs, now }: PullSetting,
  { cursor, since }: PullFrom,
  signal: AbortSignal,
): AsyncGenerator<PulledPage, void, undefined> {
  let place: Place = cursor === undefined ? { floor: since } : readPlace(cursor);
  const readers = { api: violationReader(client, signal), mobile: targetReader(client, signal) };
  const asked = new Set<string>();
  for (let passedOver = 0; ;) {
    const { floor, reading } = place;
    const product = products.find((each) => each === reading?.product) ?? products[0];
    if (product === undefined) return;
    const next = product === reading?.product ? reading.next : undefined;
    const read = await readers[product](floor, next).catch((error: unknown) => {
      signal.throwIfAborted();
      return failureOf(error, next);
    });
    if (read === 'lost' || (read.next !== undefined && asked.has(read.next))) {
      // From the beginning, but with the floor of now: what was not read yet must not be left out.
      yield pageOf({}, { floor }, false);
      const reason = 'the vendor does not know its own cursor, or its pages lead back to one that was read';
      throw new PullError({ kind: 'retry', reason: `${reason}; the list is read from its beginning` });
    }
    if (read.next !== undefined) asked.add(read.next);
    const begunAt = reading?.begunAt ?? read.answeredAt ?? now();
    place = placeAfter(product, read.next, products, { floor, begunAt, overlapMs });
    const isLast = place.reading === undefined;
    passedOver = read.isOld && !isLast && passedOver < maxPassedOver ? passedOver + 1 : 0;
    if (passedOver === 0) yield pageOf(read.body, place, isLast);
    if (isLast) return;
  }
}

/** The next page of this list, the first of the next one, or the end. */
function placeAfter(
  product: Product,
  next: string | undefined,
  products: readonly Product[],
  { floor, begunAt, overlapMs }: { readonly floor: number; readonly begunAt: number; readonly overlapMs: number },
): Place {
  if (next !== undefined) return { floor, reading: { begunAt, product, next } };
  const following = products[products.indexOf(product) + 1];
  if (following !== undefined) return { floor, reading: { begunAt, product: following } };
  // The floor never falls: a vendor's clock that is set back would have everything told again.
  return { floor: Math.max(floor, begunAt - overlapMs) };
}

function pageOf(body: unknown, place: Place, isLast: boolean): PulledPage {
  return { body: Buffer.from(JSON.stringify(body)), contentType: 'application/json', cursor: placeText(place), isLast };
}

type Reader = (floor: number, next: string | undefined) => Promise<Read>;

function violationReader(client: DataTheorem, signal: AbortSignal): Reader {
  const related = new Related();
  return async (floor, next) => {
    const page = await client.policyViolations.page(next === undefined ? {} : { cursor: next }, signal, related);
    const all = list(field(page.body, 'policy_violations'));
    const wanted = all.filter((element) => isNewViolation(element, floor));
    const isOld = all.length > 0 && wanted.length === 0;
    return { body: related.pageOf(oldestFirst(wanted as readonly PolicyViolationRecord[])), isOld, ...placeIn(page) };
  };
}

/** Also what has no id, so that it is seen in the quarantine, once; what has no time may be new at any time. */
function isNewViolation(violation: unknown, floor: number): boolean {
  const times = ['date_created', 'exception_date_created'].map((name) => momentOf(field(violation, name)));
  const known = times.filter((time) => time !== undefined);
  if (known.length === 0) return id(field(violation, 'id')) !== undefined;
  return known.some((time) => time >= floor);
}

function targetReader(client: DataTheorem, signal: AbortSignal): Reader {
  const records = new MobileRecords(client);
  return async (floor, next) => {
    const since = new Date(floor);
    const page = await client.findingTargets.page({ since, ...(next !== undefined && { cursor: next }) }, signal);
    const wanted = oldestFirst(page.items.filter((target) => isNewTarget(target, floor)));
    const isOld = page.items.length > 0 && wanted.length === 0;
    return { body: { targets: wanted, ...(await records.of(wanted, signal)) }, isOld, ...placeIn(page) };
  };
}

/**
 * The list holds whatever a scan was active on. An older target is told again when a scan found it once more or found
 * it fixed; not while it stays open, or as somebody closed it.
 */
function isNewTarget({ date_created, current_status }: FindingTargetRecord, floor: number): boolean {
  const created = momentOf(date_created);
  const isScansDoing = /^(?:NEW|CLOSED_(?:PARTIALLY_)?FIXED)$/i.test(text(current_status) ?? '');
  return created === undefined || created >= floor || isScansDoing;
}

function placeIn({ nextCursor, answeredAt }: ApiPage): Pick<Read, 'next' | 'answeredAt'> {
  return present({ next: nextCursor, answeredAt });
}

function oldestFirst<Item extends ApiRecord>(records: readonly Item[]): readonly Item[] {
  const age = (record: Item): number => momentOf(field(record, 'date_created')) ?? 0;
  return [...records].sort((a, b) => age(a) - age(b));
}

/** Milliseconds since the epoch, whatever our clock thinks of it. */
function momentOf(value: unknown): number | undefined {
  const time = timeText(value, 'auto', Number.MAX_SAFE_INTEGER, new Set());
  return time === undefined ? undefined : Date.parse(time);
}

/** `lost`: the cursor of a page is not known any longer. */
function failureOf(error: unknown, next: string | undefined): 'lost' {
  if (!(error instanceof DataTheoremError)) throw error;
  const { message: reason, status, retryAfterMs } = error;
  if (next !== undefined && (status === 400 || status === 404 || status === 410)) return 'lost';
  const needsOperator = status === 401 || status === 403 || status === 404;
  throw new PullError(
    needsOperator
      ? { kind: 'parked', reason }
      : { kind: 'retry', reason, ...(retryAfterMs !== undefined && { afterMs: retryAfterMs }) },
    { cause: error },
  );
}
