import { Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import { Journal, type AcceptedRequest, type Receipt, type RoutedAlert } from '../core/journal.js';
import { pullAuthentication, type PullMark } from '../core/reconciliation.js';
import type { PulledPage, WebhookRequest } from '../core/source.js';
import { partsOf } from '../routing/parts.js';
import { Router } from '../routing/router.js';
import { triage, type NamedSource } from '../routing/triage.js';
import { LastDigests } from './last-digests.js';
import { mostOfSource, Turn } from './turn.js';

/** What the sender is told: nothing more than that for a stranger, a line for each alert for a known one. */
export type IngestAnswer =
  | { readonly kind: 'refused' }
  | {
      readonly kind: 'accepted';
      readonly accepted: number;
      readonly duplicates: number;
      readonly quarantined: number;
      readonly alerts: readonly { readonly id: string; readonly status: 'accepted' | 'duplicate' | 'quarantined' }[];
    };

/** What a page of a pull had in it. */
export type PageCounts = Pick<Extract<IngestAnswer, { kind: 'accepted' }>, 'accepted' | 'duplicates' | 'quarantined'>;

/** How a body came; `page`: that it was pulled, and how many of its alerts come due in a second. */
type Arrival = Pick<AcceptedRequest, 'receivedAt' | 'authentication'> & {
  readonly page?: { readonly pull: PullMark; readonly perSecond: number };
};

@Injectable()
export class IngestService {
  readonly #turn = new Turn();
  readonly #unreadPages = new LastDigests();

  constructor(
    private readonly router: Router,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {}

  /**
   * The path of one webhook: authenticate, read, identify, route, journal. Resolves when what it answers is on disk;
   * rejects with `JournalUnavailableError` when that cannot be promised. Of a large body the first parts may be kept
   * then: when it is sent again they are duplicates.
   */
  async accept(source: NamedSource, request: WebhookRequest): Promise<IngestAnswer> {
    const receivedAt = Date.now();
    await this.#turn.end(source.name, shareOf(request.body));
    const authentication = source.source.authenticate(request);
    if (!authentication.ok) return { kind: 'refused' };

    return this.#keep(source, request, { receivedAt, authentication: authentication.method }, source.hold?.webhookMs);
  }

  /**
   * The path of one page of a vendor's API: the same, but for that it was asked for. It is kept with where it
   * leads, and its deliveries come due at no more than `perSecond` alerts a second.
   */
  async acceptPage(source: NamedSource, page: PulledPage, perSecond: number): Promise<PageCounts> {
    const { body, contentType, ...pull } = page;
    const receivedAt = Date.now();
    await this.#turn.end(source.name, shareOf(body));
    const request = { headers: { 'content-type': contentType }, body, path: '/pull', remoteAddress: '' };
    const arrival = { receivedAt, authentication: pullAuthentication, page: { pull, perSecond } };
    return this.#keep(source, request, arrival, source.hold?.pullMs);
  }

  /** Reads and keeps a body; a large one in parts, between which the event loop has time for others. */
  async #keep(
    source: NamedSource,
    request: WebhookRequest,
    { receivedAt, authentication, page }: Arrival,
    holdMs: number | undefined,
  ): Promise<Extract<IngestAnswer, { kind: 'accepted' }>> {
    const id = mintId();
    const { body, remoteAddress } = request;
    const sha256 = hash('sha256', body, 'hex');
    const contentType = request.headers['content-type'] ?? 'application/octet-stream';
    const facts = { id, receivedAt, sha256, contentType };
    // The same page comes again with every overlap: what cannot be read of it is in the quarantine already.
    const isKnown = page !== undefined && this.#unreadPages.has(sha256);
    const kept: Receipt['alerts'][number][] = [];
    let quarantined = 0;
    for (const read of partsOf(() => triage(source, this.router, request, facts, holdMs))) {
      if (!read) {
        await this.#turn.end(source.name, mostOfSource);
        continue;
      }
      const { alerts, unread, probe, part } = read;
      quarantined += isKnown ? 0 : unread.length;
      // Every member is written out: an object that begins as a copy of another takes microseconds to grow.
      const accepted: AcceptedRequest = {
        id,
        source: source.name,
        receivedAt,
        remoteAddress,
        authentication,
        contentType,
        body,
        sha256,
        alerts: page ? spread(alerts, receivedAt, page.perSecond, kept.length) : alerts,
        unread: isKnown ? [] : unread,
        ...(probe !== undefined && { probe }),
        ...(page && { pull: page.pull }),
        ...(part && { part }),
      };
      kept.push(...(await this.#append(accepted)));
    }
    if (page && quarantined > 0) this.#unreadPages.add(sha256);
    return answerOf(id, kept, quarantined);
  }

  async #append(request: AcceptedRequest): Promise<Receipt['alerts']> {
    const [receipt] = await this.journal.append([request]);
    if (!receipt) throw new Error('the journal kept a request without a receipt');
    this.#tell(request, receipt);
    return receipt.alerts;
  }

  #tell(request: AcceptedRequest, receipt: Receipt): void {
    const at = Date.now();
    this.activity.next({
      kind: 'received',
      at,
      source: request.source,
      requestId: request.id,
      remoteAddress: request.remoteAddress,
      bytes: request.body.length,
      durationMs: at - request.receivedAt,
      alerts: request.alerts.map(({ alert, routes, sinks }, index) => ({
        alert,
        id: receipt.alerts[index]?.id ?? alert.id,
        status: receipt.alerts[index]?.status ?? 'accepted',
        routes,
        sinks: sinks.map(({ sink }) => sink),
      })),
      unread: request.unread,
      ...(request.probe !== undefined && { probe: request.probe }),
      ...(request.pull && { isPull: true }),
      ...(request.part?.isLast === false && { isUnfinished: true }),
    });
  }
}

function answerOf(
  requestId: string,
  alerts: Receipt['alerts'],
  quarantined: number,
): Extract<IngestAnswer, { kind: 'accepted' }> {
  const duplicates = alerts.filter(({ status }) => status === 'duplicate').length;
  const unread = Array.from({ length: quarantined }, () => ({ id: requestId, status: 'quarantined' as const }));
  return {
    kind: 'accepted',
    accepted: alerts.length - duplicates,
    duplicates,
    quarantined,
    alerts: [...alerts, ...unread],
  };
}

/** To parse a body of so many bytes is work for a whole turn of a source. */
const fullTurnBytes = 1_048_576;

function shareOf({ length }: Buffer): number {
  return Math.min(mostOfSource, Math.ceil((mostOfSource * (length + 1)) / fullTurnBytes));
}

/** The first second's worth is due at once, as it would be without a rate. `before`: how many of the page came before these. */
function spread(
  alerts: readonly RoutedAlert[],
  from: number,
  perSecond: number,
  before: number,
): readonly RoutedAlert[] {
  return alerts.map((routed, index) => {
    const notBefore = from + 1_000 * Math.floor((before + index) / perSecond);
    return notBefore > (routed.notBefore ?? from) ? { ...routed, notBefore } : routed;
  });
}
