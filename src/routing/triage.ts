import type { AlertDraft, NewAlert } from '../core/alert.js';
import { toAlert } from '../core/identity.js';
import { pendingFlag } from '../core/knowledge.js';
import type { AcceptedRequest, RoutedAlert } from '../core/journal.js';
import type { Reading, Source, WebhookRequest } from '../core/source.js';
import { rfc3339 } from '../kit/time.js';
import { without, type Router } from './router.js';

/** A configured source with the facts of its plugin. */
export type NamedSource = {
  readonly name: string;
  readonly type: string;
  readonly vendor: string;
  readonly product: string;
  readonly source: Source;
  /** How long alerts are held while the vendor's API is asked for them, in milliseconds; absent: not at all. */
  readonly hold?: { readonly webhookMs: number; readonly pullMs?: number };
  /** The sink an alert of this source is about, which is not sent it: it would wait for itself. */
  readonly about?: (alert: NewAlert) => string | undefined;
};

/** What of the request is known before it is read. */
export type RequestFacts = Pick<AcceptedRequest, 'id' | 'receivedAt' | 'sha256' | 'contentType'>;

/** What was made of a body, or, without a probe, of some elements of one. */
export type Triaged = Pick<AcceptedRequest, 'alerts' | 'unread' | 'probe'> & {
  /** Goes on, where there is more than a moment's work in the body. */
  readonly rest?: () => Triaged;
};

/**
 * Reads a body, gives each alert in it its identity and decides where it goes. No effects, and it does not throw:
 * what a source cannot read, or breaks on, is unread. With `holdMs`, alerts are flagged and held that long.
 */
export function triage(
  { name, vendor, product, source, about }: NamedSource,
  router: Router,
  request: WebhookRequest,
  facts: RequestFacts,
  holdMs?: number,
): Triaged {
  const arrival = {
    vendor,
    product,
    sourceId: name,
    receivedAt: rfc3339(facts.receivedAt),
    request: {
      id: facts.id,
      sha256: facts.sha256,
      bytes: request.body.length,
      contentType: facts.contentType,
    },
  };
  const decide = (draft: AlertDraft): RoutedAlert => {
    const read = toAlert(draft, arrival);
    const isHeld = holdMs !== undefined && read.kind !== 'test';
    const alert = isHeld ? { ...read, quality: [...read.quality, pendingFlag] } : read;
    const decision = router.decide(alert);
    const { routes, sinks } = about ? without(decision, about(alert)) : decision;
    return isHeld ? { alert, routes, sinks, notBefore: facts.receivedAt + holdMs } : { alert, routes, sinks };
  };
  const readOn = (read: () => Reading): Triaged => {
    const { drafts, unread, probe, rest } = readSafely(read);
    return {
      alerts: drafts.map(decide),
      unread,
      ...(probe !== undefined && { probe }),
      ...(rest && { rest: () => readOn(rest) }),
    };
  };
  return readOn(() => source.read(request));
}

/** The same with all that follows, at once: for where nobody waits meanwhile. */
export function triageWhole(...args: Parameters<typeof triage>): Omit<Triaged, 'rest'> {
  const parts: Triaged[] = [];
  for (let next: Triaged | undefined = triage(...args); next; next = next.rest?.()) parts.push(next);
  const [{ probe } = {}] = parts;
  return {
    alerts: parts.flatMap(({ alerts }) => alerts),
    unread: parts.flatMap(({ unread }) => unread),
    ...(probe !== undefined && { probe }),
  };
}

/** A plugin that throws has a fault of ours: the vendor's bytes are kept, for a replay once it is mended. */
function readSafely(read: () => Reading): Reading {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { drafts: [], unread: [{ reason: `the source's reader failed: ${reason}` }] };
  }
}
