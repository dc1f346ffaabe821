import { hash, randomUUID } from 'node:crypto';
import { severityIdOf, type AlertDraft, type NewAlert } from './alert.js';

/** What is known of the request that a draft came in. */
export type Arrival = {
  readonly vendor: string;
  readonly product: string;
  /** The configured source's name. */
  readonly sourceId: string;
  /** RFC 3339 UTC. */
  readonly receivedAt: string;
  readonly request: {
    readonly id: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly contentType: string;
  };
};

/** A time-ordered UUID (RFC 9562 version 7), for alerts and requests: the milliseconds, and what version 4 has of chance. */
export function mintId(): string {
  const ms = Date.now().toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${randomUUID().slice('xxxxxxxx-xxxx-4'.length)}`;
}

/**
 * Gives a draft its identity: `id`, `fingerprint` (the finding) and `dedupKey` (this report of it).
 * Pure but for the id. Both digests are SHA-256 over a JSON array, so that no separator can be forged.
 */
export function toAlert(draft: AlertDraft, arrival: Arrival): NewAlert {
  const { entity, version, time, timeQuality, product, eventType, accountId, accountName, region, index, ...report } =
    draft;
  const { fingerprint, isGuess } = fingerprintOf(draft, arrival.vendor);
  return {
    schema: 'signalbox.alert/1',
    id: mintId(),
    fingerprint,
    dedupKey: sha256(JSON.stringify(['v1', arrival.sourceId, fingerprint, version])),
    ...report,
    quality: isGuess ? [...report.quality, 'fingerprint_from_content'] : report.quality,
    severityId: severityIdOf(report.severity),
    time: time ?? arrival.receivedAt,
    timeQuality: time === undefined ? 'received' : (timeQuality ?? 'vendor'),
    receivedAt: arrival.receivedAt,
    source: {
      vendor: arrival.vendor,
      product: product ?? arrival.product,
      sourceId: arrival.sourceId,
      ...(eventType !== undefined && { eventType }),
      ...(accountId !== undefined && { accountId }),
      ...(accountName !== undefined && { accountName }),
      ...(region !== undefined && { region }),
    },
    raw: {
      ref: arrival.request.id,
      sha256: arrival.request.sha256,
      bytes: arrival.request.bytes,
      contentType: arrival.request.contentType,
      ...(index !== undefined && { index }),
    },
  };
}

/** Built from the vendor's stable entity only: title, severity and time change between reports of one finding. */
function fingerprintOf(draft: AlertDraft, vendor: string): { fingerprint: string; isGuess: boolean } {
  const account = draft.accountId ?? '';
  if (draft.entity) {
    const { type, id } = draft.entity;
    return { fingerprint: sha256(JSON.stringify(['v1', vendor, account, type, id])), isGuess: false };
  }
  const resources = draft.resources.map((r) => r.id ?? r.hostname ?? r.ip ?? r.name ?? '').sort();
  const content = ['v1', vendor, account, 'content', draft.rule?.id ?? '', draft.title, resources];
  return { fingerprint: sha256(JSON.stringify(content)), isGuess: true };
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
