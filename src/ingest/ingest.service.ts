import { Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import { Journal, type AcceptedRequest, type Receipt } from '../core/journal.js';
import type { WebhookRequest } from '../core/source.js';
import { Router } from '../routing/router.js';
import { triage, type NamedSource } from '../routing/triage.js';
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

@Injectable()
export class IngestService {
  readonly #turn = new Turn();

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

    const facts = {
      id: mintId(),
      receivedAt,
      sha256: hash('sha256', request.body, 'hex'),
      contentType: request.headers['content-type'] ?? 'application/octet-stream',
    };
    const accepted: AcceptedRequest = {
      ...facts,
      ...triage(source, this.router, request, facts),
      source: source.name,
      remoteAddress: request.remoteAddress,
      authentication: authentication.method,
      body: request.body,
    };
    const [receipt] = await this.journal.append([accepted]);
    if (!receipt) throw new Error('the journal kept a request without a receipt');

    this.#tell(accepted, receipt);
    return answerOf(accepted, receipt);
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
    });
  }
}

function answerOf(request: AcceptedRequest, receipt: Receipt): IngestAnswer {
  const duplicates = receipt.alerts.filter(({ status }) => status === 'duplicate').length;
  return {
    kind: 'accepted',
    accepted: receipt.alerts.length - duplicates,
    duplicates,
    quarantined: request.unread.length,
    alerts: [...receipt.alerts, ...request.unread.map(() => ({ id: request.id, status: 'quarantined' as const }))],
  };
}
