import { hash } from 'node:crypto';
import type { QuarantinedRequest, Reread } from '../core/journal.js';
import type { Router } from './router.js';
import { triageWhole, type NamedSource } from './triage.js';

const nothing = 'read today, it is no alert';

/**
 * Reads a quarantined request as its source would today, and decides where its alerts go. Pure. Only what is in the
 * quarantine counts: what was read at the time stays as it is. What is neither an alert nor unreadable stays too.
 */
export function reread(source: NamedSource, router: Router, stored: QuarantinedRequest): Reread {
  const { id, receivedAt, contentType, remoteAddress, body, parts } = stored;
  const headers = { 'content-type': contentType };
  const request = { headers, body, path: `/v1/ingest/${source.name}`, remoteAddress };
  const sha256 = hash('sha256', body, 'hex');
  const { alerts, unread, probe } = triageWhole(source, router, request, { id, receivedAt, sha256, contentType });
  const told = { requestId: id, parts: parts.map(({ number }) => number) };
  if (parts.some(({ index }) => index === undefined)) {
    const isEmpty = alerts.length === 0 && unread.length === 0 && probe === undefined;
    const left = isEmpty ? [{ reason: nothing }] : unread;
    return { ...told, alerts, unread: left, ...(probe !== undefined && { probe }) };
  }
  const whole = unread.find(({ index }) => index === undefined);
  const readable = alerts.filter(({ alert }) => parts.some(({ index }) => index === alert.raw.index));
  const left = parts.flatMap(({ index }) => {
    if (index === undefined || readable.some(({ alert }) => alert.raw.index === index)) return [];
    return { index, reason: (unread.find((part) => part.index === index) ?? whole)?.reason ?? nothing };
  });
  return { ...told, alerts: readable, unread: left };
}
