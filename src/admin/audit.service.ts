import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Journal, type AuditEntry } from '../core/journal.js';
import { present } from '../kit/present.js';
import { callerOf } from './caller.js';
import { LineLimit, linesPerSecond } from './line-limit.js';
import { Log } from './log.js';

/** In code units. */
const maxAction = 500;
const maxDetail = 1_000;

const changes = new WeakSet<IncomingMessage>();

/** Says of a request that it would change something: whatever becomes of it is written down. */
export function markChange(request: IncomingMessage): void {
  changes.add(request);
}

/** Writes down who changed what, or tried to. */
@Injectable()
export class AuditService implements OnApplicationShutdown {
  readonly #failures: LineLimit;

  constructor(
    private readonly journal: Journal,
    private readonly log: Log,
  ) {
    // Whoever may not change anything must not be able to fill the disk by trying.
    this.#failures = new LineLimit({
      perSecond: linesPerSecond,
      onSuppressed: (count) => {
        log.warn({ count }, 'more changes were refused or failed than the audit log has rows of');
      },
    });
  }

  onApplicationShutdown(): void {
    this.#failures.flush();
  }

  /** A change that was made; rejects when it cannot be written down. */
  done(request: IncomingMessage, status: number): Promise<void> {
    return this.journal.audit(entryOf(request, 'done', status));
  }

  /** A change that was not made, if the request would have made one. Never rejects. */
  async notDone(request: IncomingMessage, status: number): Promise<void> {
    // What the gate turned away has met no handler that could say whether it changes anything.
    const isChange = changes.has(request) || (status === 403 && !isRead(request));
    if (!isChange || !this.#failures.take()) return;
    try {
      await this.journal.audit(entryOf(request, status === 403 ? 'refused' : 'failed', status));
    } catch (error) {
      this.log.error({ err: error }, 'a row of the audit log could not be written');
    }
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function entryOf(
  request: IncomingMessage & { readonly body?: unknown },
  outcome: AuditEntry['outcome'],
  status: number,
): AuditEntry {
  const caller = callerOf(request);
  const { method = '', url = '', socket, body } = request;
  return present({
    at: Date.now(),
    who: caller?.name ?? 'unknown',
    role: caller?.role,
    remoteAddress: socket.remoteAddress ?? 'unknown',
    action: `${method} ${url}`.slice(0, maxAction),
    outcome,
    status,
    detail: detailOf(body),
  });
}

/** What was sent, as JSON; nothing when nothing was. */
function detailOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || Object.keys(body).length === 0) return undefined;
  return JSON.stringify(body).slice(0, maxDetail);
}
