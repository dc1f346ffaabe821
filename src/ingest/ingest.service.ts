import { Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import { Journal, type AcceptedRequest, type Receipt, type RoutedAlert } from '../core/journal.js';
import { pullAuthentication } from '../core/reconciliation.js';
import type { PulledPage, WebhookRequest } from '../core/source.js';
import { Router } from '../routing/router.js';
import { triage, type NamedSource } from '../routing/triage.js';
import { LastDigests } from './last-digests.js';
import { Turn } from './turn.js';

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
   * rejects with `JournalUnavailableError` when that cannot be promised, and then nothing was kept.
   */
  async accept(source: NamedSource, request: WebhookRequest): Promise<IngestAnswer> {
    const receivedAt = Date.now();
    await this.#turn.end(source.name);
    const authentication = source.source.authenticate(request);
    if (!authentication.ok) return { kind: 'refused' };

    const accepted = this.#read(source, request, receivedAt, authentication.method, source.hold?.webhookMs);
    return answerOf(accepted, await this.#keep(accepted));
  }

  /**
   * The path of one page of a vendor's API: the same, but for that it was asked for. It is kept with where it
   * leads, and its deliveries come due at no more than `perSecond` alerts a second.
   */
  async acceptPage(source: NamedSource, page: PulledPage, perSecond: number): Promise<PageCounts> {
    const { body, contentType, ...pull } = page;
    const receivedAt = Date.now();
    await this.#turn.end(source.name);
    const request = { headers: { 'content-type': contentType }, body, path: '/pull', remoteAddress: '' };
    const read = this.#read(source, request, receivedAt, pullAuthentication, source.hold?.pullMs);
    // The same page comes again with every overlap: what cannot be read of it is in the quarantine already.
    const isKnown = read.unread.length > 0 && this.#unreadPages.has(read.sha256);
    const alerts = spread(read.alerts, receivedAt, perSecond);
    const accepted = { ...read, alerts, pull, ...(isKnown && { unread: [] }) };
    const counts = answerOf(accepted, await this.#keep(accepted));
    if (accepted.unread.length > 0) this.#unreadPages.add(read.sha256);
    return counts;
  }

  /** Every member is written out: an object that begins as a copy of another takes microseconds to grow. */
  #read(
    source: NamedSource,
    request: WebhookRequest,
    receivedAt: number,
    authentication: string,
    holdMs: number | undefined,
  ): AcceptedRequest {
    const id = mintId();
    const sha256 = hash('sha256', request.body, 'hex');
    const contentType = request.headers['content-type'] ?? 'application/octet-stream';
    const facts = { id, receivedAt, sha256, contentType };
    const { alerts, unread, probe } = triage(source, this.router, request, facts, holdMs);
    return {
      id,
      source: source.name,
      receivedAt,
      remoteAddress: request.remoteAddress,
      authentication,
      contentType,
      body: request.body,
      sha256,
      alerts,
      unread,
      ...(probe !== undefined && { probe }),
    };
  }

  async #keep(request: AcceptedRequest): Promise<Receipt> {
    const [receipt] = await this.journal.append([request]);
    if (!receipt) throw new Error('the journal kept a request without a receipt');
    this.#tell(request, receipt);
    return receipt;
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
    });
  }
}

function answerOf(request: AcceptedRequest, receipt: Receipt): Extract<IngestAnswer, { kind: 'accepted' }> {
  const duplicates = receipt.alerts.filter(({ status }) => status === 'duplicate').length;
  return {
    kind: 'accepted',
    accepted: receipt.alerts.length - duplicates,
    duplicates,
    quarantined: request.unread.length,
    alerts: [...receipt.alerts, ...request.unread.map(() => ({ id: request.id, status: 'quarantined' as const }))],
  };
}

/** The first second's worth is due at once, as it would be without a rate. */
function spread(alerts: readonly RoutedAlert[], from: number, perSecond: number): readonly RoutedAlert[] {
  return alerts.map((routed, index) => {
    const notBefore = from + 1_000 * Math.floor(index / perSecond);
    return notBefore > (routed.notBefore ?? from) ? { ...routed, notBefore } : routed;
  });
}
