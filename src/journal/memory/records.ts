import type {
  AlertQuery,
  AlertRecord,
  AlertSummary,
  DeliveryQuery,
  DeliveryRecord,
  DeliverySummary,
  Page,
  PageRequest,
  RequestRecord,
} from '../../core/journal.js';
import type { ReplayMark } from '../../core/replay.js';
import type { KeptAlert, KeptDelivery, KeptRequest } from './kept.js';

/** How the admin side sees what is kept. */

export function matches({ alert, request, acceptedAt, routes, deliveries }: KeptAlert, query: AlertQuery): boolean {
  return (
    isOrAbsent(query.source, request.source) &&
    isOrAbsent(query.kind, alert.kind) &&
    isOrAbsent(query.state, alert.state) &&
    isOrAbsent(query.severity, alert.severity) &&
    isOrAbsent(query.fingerprint, alert.fingerprint) &&
    (query.vendorId === undefined || Object.values(alert.vendorIds).includes(query.vendorId)) &&
    isOrAbsent(query.unrouted, routes.length === 0) &&
    acceptedAt >= (query.from ?? 0) &&
    acceptedAt < (query.until ?? Number.POSITIVE_INFINITY) &&
    ((query.sink === undefined && query.deliveryState === undefined) ||
      deliveries.some((d) => isOrAbsent(query.sink, d.sink) && isOrAbsent(query.deliveryState, d.state)))
  );
}

export function matchesDelivery({ of, sink, state, fault }: KeptDelivery, query: DeliveryQuery): boolean {
  const { source, severity, from = 0, until = Number.POSITIVE_INFINITY } = query;
  return (
    isOrAbsent(query.sink, sink) &&
    isOrAbsent(query.state, state) &&
    isOrAbsent(query.fault, fault) &&
    isOrAbsent(source, of.request.source) &&
    isOrAbsent(severity, of.alert.severity) &&
    of.acceptedAt >= from &&
    of.acceptedAt < until
  );
}

function isOrAbsent<T>(wanted: T | undefined, actual: T): boolean {
  return wanted === undefined || wanted === actual;
}

export function toSummary({ alert, superseded, routes, deliveries, request }: KeptAlert): AlertSummary {
  const { id, fingerprint, receivedAt, kind, state, severity, title } = alert;
  return {
    id,
    fingerprint,
    receivedAt,
    source: request.source,
    kind,
    state,
    severity,
    title,
    superseded,
    routes,
    deliveries: deliveries.map((d) => ({ sink: d.sink, state: d.state, attempts: d.history.length })),
  };
}

export function toAlertRecord(kept: KeptAlert): AlertRecord {
  const { alert, superseded, duplicates, routes, request, deliveries, lookup, again } = kept;
  const { id, source, receivedAt, remoteAddress, authentication, contentType } = request;
  return {
    alert,
    superseded,
    duplicates,
    routes,
    request: { id, source, receivedAt, remoteAddress, authentication, contentType },
    deliveries: deliveries.map((d) => ({ ...toDeliveryRecord(d), history: d.history })),
    ...(lookup && { lookup }),
    ...(again && { again }),
  };
}

export function toDeliveryRecord(delivery: KeptDelivery): DeliveryRecord {
  const { of, sink, routes, state, history, due, settledAt, remoteId, fault, reason, replay } = delivery;
  return {
    alertId: of.alert.id,
    sink,
    routes,
    state,
    attempts: history.length,
    ...(state === 'pending' && { dueAt: due?.at ?? of.acceptedAt }),
    ...(settledAt !== undefined && { settledAt }),
    ...(remoteId !== undefined && { remoteId }),
    ...(fault !== undefined && { fault }),
    ...(reason !== undefined && { reason }),
    ...(replay && { replay: toMark(replay) }),
  };
}

export function toMark({ id, at, attemptsBefore }: ReplayMark): ReplayMark {
  return { id, at, attemptsBefore };
}

export function toDeliverySummary(delivery: KeptDelivery): DeliverySummary {
  const { alert, request } = delivery.of;
  const answer = delivery.history.at(-1)?.answer;
  return {
    ...toDeliveryRecord(delivery),
    receivedAt: alert.receivedAt,
    source: request.source,
    severity: alert.severity,
    title: alert.title,
    ...(answer && { answer }),
  };
}

export function toRequestRecord(request: KeptRequest, reason: string, index?: number): RequestRecord {
  return {
    requestId: request.id,
    source: request.source,
    receivedAt: request.receivedAt,
    contentType: request.contentType,
    bytes: request.body.length,
    ...(index !== undefined && { index }),
    reason,
  };
}

/** A page of numbered rows, newest first; the cursor is the number of the last row shown. */
export function pageOf<Row extends { readonly seq: number }, T>(
  rows: readonly Row[],
  page: PageRequest,
  show: (row: Row) => T,
): Page<T> {
  const before = page.cursor === undefined ? Number.POSITIVE_INFINITY : Number(page.cursor);
  const left = rows.filter((row) => row.seq < before).sort((a, b) => b.seq - a.seq);
  const shown = left.slice(0, page.limit);
  const last = shown.at(-1);
  return { items: shown.map(show), ...(last && left.length > shown.length && { next: String(last.seq) }) };
}
