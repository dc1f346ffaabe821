import type { PulledPage, PullFrom, WebhookRequest } from '../../src/core/source.js';
import type { NamedSource } from '../../src/routing/triage.js';

/** An alert as this vendor has it: number and time, in milliseconds since the epoch. */
export type FakeAlert = { readonly id: number; readonly at: number };

const perPage = 2;

/** A vendor in memory, with the source that reads and pulls it; its properties say what is wrong with it. */
export class FakeVendor {
  readonly #alerts: FakeAlert[] = [];
  /** What was asked: each pull from where. */
  readonly asked: PullFrom[] = [];
  /** How many pages it gave. */
  pages = 0;
  /** Thrown at each pull, after the first page where there is one. */
  fails: Error | undefined;
  /** Gives the first page, and says that there are more. */
  repeats = false;
  isEmptyForEver = false;
  hangs = false;
  /** Gives the first page each time, with one more on it that nobody can read. */
  odd = false;

  readonly source: NamedSource = {
    name: 'warden',
    type: 'warden',
    vendor: 'warden',
    product: 'Warden',
    source: {
      authenticate: () => ({ ok: true, method: 'none' }),
      read: ({ body }) => {
        const alerts = JSON.parse(body.toString()) as readonly (FakeAlert | null)[];
        return {
          drafts: alerts.flatMap((alert) => (alert ? [draftOf(alert)] : [])),
          unread: alerts.flatMap((alert, index) => (alert ? [] : [{ index, reason: 'it is nothing' }])),
        };
      },
      pull: (from, signal) => this.#pull(from, signal),
    },
  };

  /** So many more alerts, which it returns. */
  has(count: number): readonly FakeAlert[] {
    const first = this.#alerts.length + 1;
    const more = Array.from({ length: count }, (_, index) => ({ id: first + index, at: Date.now() }));
    this.#alerts.push(...more);
    return more;
  }

  requestOf(alerts: readonly FakeAlert[]): WebhookRequest {
    const body = Buffer.from(JSON.stringify(alerts));
    return { headers: { 'content-type': 'application/json' }, body, path: '', remoteAddress: '192.0.2.7' };
  }

  async *#pull(from: PullFrom, signal: AbortSignal): AsyncGenerator<PulledPage> {
    this.asked.push(from);
    if (this.hangs)
      await new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    if (this.fails) throw this.fails;
    for (let at = this.repeats || this.odd ? 0 : Number(from.cursor ?? 0); ;) {
      const alerts = this.isEmptyForEver ? [] : this.#alerts.slice(at, at + perPage);
      at = this.isEmptyForEver ? at + 1 : at + alerts.length;
      if (this.repeats) at = Math.min(at, perPage);
      const isLast = !this.isEmptyForEver && !this.repeats && at >= this.#alerts.length;
      this.pages += 1;
      const body = Buffer.from(JSON.stringify(this.odd ? [...alerts, null] : alerts));
      yield { body, contentType: 'application/json', cursor: String(at), isLast };
      if (isLast) return;
      if (this.repeats) at = 0;
      await Promise.resolve();
    }
  }
}

function draftOf({ id, at }: FakeAlert) {
  return {
    kind: 'detection',
    state: 'open',
    severity: 'high',
    title: `alert ${String(id)}`,
    entity: { type: 'alert', id: String(id) },
    version: '1',
    time: new Date(at).toISOString(),
    vendorIds: { alert: String(id) },
    resources: [],
    tags: [],
    quality: [],
  } as const;
}
