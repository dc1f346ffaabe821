import { IsString, MinLength } from 'class-validator';
import { actions, type NewAlert } from '../../core/alert.js';
import { JournalUnavailableError } from '../../core/errors.js';
import { noName, type Instance } from '../../core/instance.js';
import {
  defineJournal,
  Journal,
  type AcceptedRequest,
  type AlertQuery,
  type AlertRecord,
  type AlertSummary,
  type Amendment,
  type ClaimLimit,
  type AuditEntry,
  type BackupCopy,
  type Delivery,
  type DeliveryQuery,
  type DeliverySummary,
  type JournalContext,
  type JournalCounts,
  type Lease,
  type Page,
  type PageRequest,
  type Parked,
  type ParkedBy,
  type Parkings,
  type Pending,
  type QuarantinedRequest,
  type Receipt,
  type RequestRecord,
  type Reread,
  type Settlement,
} from '../../core/journal.js';
import type {
  ReplayCandidates,
  ReplayRecord,
  ReplayRequest,
  ReplaySelect,
  ReplayStep,
  UnfinishedReplay,
} from '../../core/replay.js';
import type { Ledger, LedgerRange } from '../../core/ledger.js';
import type { DayAccount, DayRange, PullState } from '../../core/reconciliation.js';
import { ClaimBell, type Look } from '../../kit/claim-bell.js';
import { JournalOptions } from '../../kit/journal-options.js';
import { reconcile, takeAccount } from './account.js';
import { copyAllButLast } from './held-file.js';
import { openExport } from './open-export.js';
import { claimFields, type Claims } from './methods.js';
import type { From, Stretch } from './searches.js';
import { WriterThread } from './thread.js';

export class SqliteOptions extends JournalOptions {
  /** The file; its folder is made where there is none. Not on a network file system. */
  @IsString() @MinLength(1) path: string = 'data/signalbox.db';
}

/** The default: one file, one process, and a sync of the disk before anything counts as accepted. */
export const sqlite = defineJournal({
  type: 'sqlite',
  options: SqliteOptions,
  open: (options, context) => openSqlite(options, context),
  moveFrom: (path, { now }) => openExport(path, new SqliteOptions(), now()),
});

/** As `sqlite.open`, with the built file of the writer's thread, where it is not beside this one. */
export async function openSqlite(
  { path, dedupWindow, retention, deadLetterRetention, auditRetention, lease }: SqliteOptions,
  context: JournalContext,
  workerUrl = new URL('./worker.js', import.meta.url),
): Promise<Journal> {
  const options = { path, dedupWindow, retention, deadLetterRetention, auditRetention, lease };
  const bell = new ClaimBell();
  const thread = await WriterThread.start(options, workerUrl, context.now(), {
    onFatal: (error) => context.onFatal?.(error),
    onGap: (gap) => context.onGap?.(gap),
    onKeptLate: (requests) => {
      ring(bell, requests);
    },
  });
  return new SqliteJournal(thread, bell, lease, context);
}

/** A settlement of a thousand rows would hold up whoever waits for an answer. */
const settledAtOnce = 250;

const overtaken =
  'The backup took too long for what was written meanwhile, or the disk became full, and was given up: ' +
  'write it to a faster place, or in a quieter time.';

class SqliteJournal extends Journal {
  readonly #closed = new AbortController();
  readonly #startedAt: number;
  #isCopied = false;

  constructor(
    private readonly thread: WriterThread,
    private readonly bell: ClaimBell,
    readonly leaseMs: number,
    private readonly context: JournalContext,
  ) {
    super();
    this.#startedAt = context.now();
  }

  async append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]> {
    const receipts = await this.thread.append(requests);
    ring(this.bell, requests);
    return receipts;
  }

  async amend(alertId: string, amendment: Amendment): Promise<boolean> {
    const sinks = await this.thread.call('amend', alertId, amendment);
    for (const sink of sinks ?? []) this.bell.ring(sink);
    return sinks !== undefined;
  }

  claim(sink: string, limit: ClaimLimit, signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const look = async () => toLook(sink, await this.thread.call('claim', sink, limit, this.context.now()));
    const giveBack = (deliveries: readonly Delivery[]) =>
      this.release(
        sink,
        deliveries.map((delivery) => delivery.lease),
      );
    return this.bell.loop(sink, look, giveBack, signal);
  }

  async settle(settlements: readonly Settlement[]): Promise<number> {
    const shares = [];
    for (let at = 0; at === 0 || at < settlements.length; at += settledAtOnce) {
      const share = JSON.stringify(settlements.slice(at, at + settledAtOnce));
      shares.push(this.thread.call('settle', share, this.context.now()));
    }
    const valid = await Promise.all(shares);
    for (const sink of new Set(settlements.map((settlement) => settlement.sink))) this.bell.ring(sink);
    return valid.reduce((sum, count) => sum + count, 0);
  }

  renew(sink: string, leases: readonly Lease[]): Promise<readonly Lease[]> {
    return this.thread.call('renew', sink, leases, this.context.now());
  }

  async release(sink: string, leases: readonly Lease[]): Promise<void> {
    await this.thread.call('release', sink, leases);
    this.bell.ring(sink);
  }

  park(sink: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    return this.thread.call('park', sink, reason, by, this.context.now());
  }

  async resume(sink: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    const ended = await this.thread.call('resume', sink, by);
    this.bell.ring(sink);
    return ended;
  }

  parkings(): Promise<Parkings> {
    return this.thread.call('parkings');
  }

  beginPull(source: string, since: number): Promise<PullState> {
    return this.thread.call('beginPull', source, since);
  }

  pullState(source: string): Promise<PullState | undefined> {
    return this.thread.call('pullState', source);
  }

  parkPull(source: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    return this.thread.call('parkPull', source, reason, by, this.context.now());
  }

  resumePull(source: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    return this.thread.call('resumePull', source, by);
  }

  /** The file is this process's alone, and so is whatever is to be done once. */
  async hold(): Promise<boolean> {
    await this.check();
    return true;
  }

  async instances(): Promise<readonly Instance[]> {
    const claims = await this.thread.call('claims');
    const { now, instance = noName } = this.context;
    return [{ ...instance, startedAt: this.#startedAt, seenAt: now(), claims, isSelf: true }];
  }

  reconciliation(range: DayRange): Promise<readonly DayAccount[]> {
    return reconcile(this.thread, range);
  }

  alert(id: string): Promise<AlertRecord | undefined> {
    return this.thread.call('alert', id);
  }

  async raw(id: string): Promise<{ readonly contentType: string; readonly body: Buffer } | undefined> {
    const raw = await this.thread.call('raw', id);
    return raw && { ...raw, body: Buffer.from(raw.body) };
  }

  alerts(query: AlertQuery, page: PageRequest): Promise<Page<AlertSummary>> {
    return pageOf(page, (from) => this.thread.call('alerts', query, from));
  }

  deliveries(query: DeliveryQuery, page: PageRequest): Promise<Page<DeliverySummary>> {
    return pageOf(page, (from) => this.thread.call('deliveries', query, from));
  }

  quarantine(page: PageRequest): Promise<Page<RequestRecord>> {
    return pageOf(page, (from) => this.thread.call('quarantine', from));
  }

  async quarantined(requestId: string): Promise<QuarantinedRequest | undefined> {
    const found = await this.thread.call('quarantined', requestId);
    return found && { ...found, body: Buffer.from(found.body) };
  }

  async reread(reread: Reread): Promise<Receipt | undefined> {
    const receipt = await this.thread.call('reread', reread, this.context.now());
    for (const { sinks } of reread.alerts) for (const { sink } of sinks) this.bell.ring(sink);
    return receipt;
  }

  probes(page: PageRequest): Promise<Page<RequestRecord>> {
    return pageOf(page, (from) => this.thread.call('probes', from));
  }

  counts(): Promise<JournalCounts> {
    return this.thread.call('counts');
  }

  ledger(range?: LedgerRange): Promise<Ledger> {
    return takeAccount(this.thread, range);
  }

  acknowledge(): Promise<void> {
    return this.thread.call('acknowledge', this.context.now());
  }

  audit(entry: AuditEntry): Promise<void> {
    return this.thread.call('audit', entry);
  }

  auditLog(page: PageRequest): Promise<Page<AuditEntry>> {
    return pageOf(page, (from) => this.thread.call('auditLog', from));
  }

  pending(source?: string): Pending {
    return this.thread.pending.pending(source);
  }

  startReplay(id: string, request: ReplayRequest): Promise<ReplayRecord> {
    return this.thread.call('startReplay', id, request, this.context.now());
  }

  replay(id: string): Promise<ReplayRecord | undefined> {
    return this.thread.call('replay', id);
  }

  replays(page: PageRequest): Promise<Page<ReplayRecord>> {
    return pageOf(page, (from) => this.thread.call('replays', from));
  }

  unfinishedReplays(): Promise<readonly UnfinishedReplay[]> {
    return this.thread.call('unfinishedReplays');
  }

  replayCandidates(select: ReplaySelect, place?: string, limit?: number): Promise<ReplayCandidates> {
    return this.thread.call('replayCandidates', select, place, limit);
  }

  async advanceReplay(id: string, step: ReplayStep): Promise<ReplayRecord> {
    const replay = await this.thread.call('advanceReplay', id, step, this.context.now());
    for (const sink of new Set(step.owe.map((owed) => owed.sink))) this.bell.ring(sink);
    return replay;
  }

  async backup(copy: BackupCopy): Promise<boolean> {
    if (this.#isCopied) throw new JournalUnavailableError('A backup is under way already.', false);
    this.#isCopied = true;
    try {
      const { file, bytes } = await this.thread.call('beginBackup', this.context.now());
      let isWhole = false;
      try {
        copy.begin(bytes);
        // The last chunk is given only when all of them are known to be good.
        const last = await copyAllButLast({ file, bytes }, copy, this.#closed.signal);
        isWhole = await this.thread.call('endBackup');
        if (isWhole) await copy.take(last);
      } finally {
        if (!isWhole) await this.thread.call('endBackup').catch(() => false);
      }
      if (!isWhole) throw new JournalUnavailableError(overtaken, false);
      return true;
    } finally {
      this.#isCopied = false;
    }
  }

  check(): Promise<void> {
    return this.thread.call('check', this.context.now());
  }

  async purge(now: number): Promise<number> {
    let purged = 0;
    for (;;) {
      const step = await this.thread.call('purge', now);
      purged += step.purged;
      if (step.isDone) return purged;
    }
  }

  async close(): Promise<void> {
    this.bell.close();
    this.#closed.abort(new JournalUnavailableError('The journal is closed.', true));
    await this.thread.close();
  }
}

function ring(bell: ClaimBell, requests: readonly AcceptedRequest[]): void {
  for (const { alerts } of requests) for (const { sinks } of alerts) for (const { sink } of sinks) bell.ring(sink);
}

function toLook(sink: string, { fields, routes, replays, alerts, againMs }: Claims): Look {
  const parsed = JSON.parse(Buffer.from(alerts.buffer).toString()) as NewAlert[];
  const deliveries = parsed.map((alert, position): Delivery => {
    const at = position * claimFields;
    const [seq = 0, token = 0, attempt = 1, acceptedAt = 0, action = 0, asking = 0, mark = -1] = fields.subarray(
      at,
      at + claimFields,
    );
    const replay = replays[mark];
    return {
      id: `${alert.id}:${sink}`,
      sink,
      alert: Object.assign(alert, { action: actions[action] ?? 'create' }),
      routes: routes[asking] ?? [],
      attempt,
      acceptedAt,
      ...(replay && { replay }),
      lease: { seq, token },
    };
  });
  return againMs === undefined ? { deliveries } : { deliveries, againMs };
}

/** Of one page: a search of millions of alerts must end before whoever asked has given up. */
const mostStretches = 300;

/** Searches stretch by stretch until the page is full and it is known whether there is another one. */
async function pageOf<T>(
  { limit, cursor }: PageRequest,
  search: (from: From) => Promise<Stretch<T>>,
): Promise<Page<T>> {
  const found: { readonly place: string; readonly item: T }[] = [];
  let place = cursor;
  let stretches = 0;
  do {
    const stretch = await search({ limit: limit + 1 - found.length, ...(place !== undefined && { place }) });
    found.push(...stretch.found);
    place = stretch.rest;
    stretches += 1;
  } while (place !== undefined && found.length <= limit && stretches < mostStretches);
  const shown = found.slice(0, limit);
  const next = found.length > limit ? shown.at(-1)?.place : place;
  return { items: shown.map(({ item }) => item), ...(next !== undefined && { next }) };
}
