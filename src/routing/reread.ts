import { hash } from 'node:crypto';
import type { QuarantinedRequest, Reread } from '../core/journal.js';
import { partsOf, type Part } from './parts.js';
import type { Router } from './router.js';
import { triage, type NamedSource } from './triage.js';

const nothing = 'read today, it is no alert';

/**
 * Reads a quarantined request as its source would today, and decides where its alerts go. In parts and with pauses, as
 * `partsOf`. Only what is in the quarantine counts: what was read at the time stays as it is. What is neither an alert
 * nor unreadable stays too.
 */
export function* reread(
  source: NamedSource,
  router: Router,
  stored: QuarantinedRequest,
): Generator<Reread | undefined, void> {
  const { id, receivedAt, contentType, remoteAddress, body, parts } = stored;
  const headers = { 'content-type': contentType };
  const request = { headers, body, path: `/v1/ingest/${source.name}`, remoteAddress };
  const sha256 = hash('sha256', body, 'hex');
  const told = { requestId: id, parts: parts.map(({ number }) => number) };
  const isWhole = parts.some(({ index }) => index === undefined);
  const wanted = new Set(parts.map(({ index }) => index));
  const read = new Set<number | undefined>();
  let probe: string | undefined;
  for (const part of partsOf(() => triage(source, router, request, { id, receivedAt, sha256, contentType }))) {
    if (!part) {
      yield undefined;
      continue;
    }
    const alerts = isWhole ? part.alerts : part.alerts.filter(({ alert }) => wanted.has(alert.raw.index));
    for (const { alert } of alerts) read.add(alert.raw.index);
    probe ??= isWhole ? part.probe : undefined;
    if (part.part?.isLast === false) yield { ...told, alerts, unread: [], isUnfinished: true };
    else {
      const isNothing = read.size === 0 && part.unread.length === 0 && probe === undefined;
      const left = isWhole ? (isNothing ? [{ reason: nothing }] : part.unread) : leftOf(parts, read, part.unread);
      yield { ...told, alerts, unread: left, ...(probe !== undefined && { probe }) };
    }
  }
}

/** What of the quarantined elements stays there, each by its own reason of today or by that of the whole body. */
function leftOf(
  parts: QuarantinedRequest['parts'],
  read: ReadonlySet<number | undefined>,
  unread: Part['unread'],
): Reread['unread'] {
  const reasons = new Map(unread.map(({ index, reason }) => [index, reason]));
  return parts.flatMap(({ index }) => {
    if (index === undefined || read.has(index)) return [];
    return { index, reason: reasons.get(index) ?? reasons.get(undefined) ?? nothing };
  });
}
