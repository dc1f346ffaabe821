import {
  Journal,
  type AcceptedRequest,
  type AlertQuery,
  type AlertRecord,
  type AlertSummary,
  type Amendment,
  type AuditEntry,
  type ClaimLimit,
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
import { noName, type Instance } from '../../core/instance.js';
import type { Ledger, LedgerRange } from '../../core/ledger.js';
import type { DayAccount, DayRange, PullState } from '../../core/reconciliation.js';
import type {
  ReplayCandidates,
  ReplayRecord,
  ReplayRequest,
  ReplaySelect,
  ReplayStep,
  UnfinishedReplay,
} from '../../core/replay.js';
import { ClaimBell } from '../../kit/claim-bell.js';
import { amend } from './amendments.js';
import { append, learn, prepare, reread } from './acceptance.js';
import type { Tables } from './tables.js';
import { Batches } from './batch.js';
import { counts, ledger } from './books.js';
import { clock, Database, type Query, type Transaction } from './database.js';
import { claim, park, parkings, release, renew, resume, settle } from './deliveries.js';
import { instances, Signs, signOfLife } from './instances.js';
import { acknowledgeMissing } from './missing.js';
import { Decisions, Names } from './names.js';
import type { PostgresOptions } from './options.js';
import { PendingBoard, type Counted } from './pending.js';
import { beginPull, parkPull, pullState, reconciliation, resumePull } from './pulls.js';
import { purge } from './purge.js';
import { alertRecord, quarantinedRequest, rawOf } from './records.js';
import {
  advanceReplay,
  findReplay,
  prepareStep,
  replayCandidates,
  replayPage,
  startReplay,
  unfinishedReplays,
} from './replays.js';
import { encode, idOrNothing, toNumber } from './rows.js';
import { alerts, deliverySummaries, pageOf, probes, quarantine } from './searches.js';
import { connectionOf, join, prover, refuseFarAway } from './server.js';

const requestsAtOnce = 256;
const mostWaiting = 4_096;
const purgeHoldMs = 600_000;

/** As `postgres.open`. */
export async function openPostgres(options: PostgresOptions, context: JournalContext): Promise<Journal> {
  const database = await Database.open(
    {
      connection: connectionOf(options),
      pool: options.pool,
      timeoutMs: options.timeout,
      check: () => refuseFarAway(options),
      prove: prover(options, context.onWarning),
      join: (client) => join(client, context),
      onFatal: context.onFatal,
    },
    ({ message }) => context.onWarning?.(`${message}. Webhooks are answered 503 until it is back.`),
  );
  const tables: Tables = {
    database,
    sources: new Names(database, 'sources'),
    sinks: new Names(database, 'sinks'),
    routes: new Names(database, 'routes'),
    decisions: new Decisions(database),
    get instance() {
      return database.instance;
    },
    name: (context.instance ?? noName).name,
    dedupWindow: options.dedupWindow,
  };
  const pending = new PendingBoard(tables);
  await pending.start();
  return new PostgresJournal(tables, pending, options, context);
}

class PostgresJournal extends Journal {
  readonly #bell = new ClaimBell();
  readonly #appends: Batches<AcceptedRequest, Receipt>;
  readonly #settlements: Batches<Settlement, boolean>;
  readonly #signs: Signs;

  constructor(
    private readonly tables: Tables,
    private readonly board: PendingBoard,
    private readonly options: PostgresOptions,
    private readonly context: JournalContext,
  ) {
    super();
    this.#signs = new Signs(this.tables.database);
    const limits = { most: requestsAtOnce, mostWaiting, lateMs: options.timeout };
    this.#appends = new Batches((requests) => this.#append(requests), limits);
    this.#settlements = new Batches((settlements) => this.#settle(settlements), limits);
  }

  append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]> {
    return this.#appends.add(requests);
  }

  async amend(alertId: string, amendment: Amendment): Promise<boolean> {
    const { tables } = this;
    const [row] = await this.#query<{ decision: number }>('SELECT decision FROM alerts WHERE id = $1', [
      idOrNothing(alertId) ?? null,
    ]);
    if (!row) return false;
    const before = await tables.decisions.get(row.decision);
    await learn(tables, [before, amendment]);
    const decisions = { before, after: await tables.decisions.of(amendment) };
    const amended = await this.#counted((transaction) => amend(tables, alertId, amendment, decisions, transaction));
    if (!amended) return false;
    for (const { sink } of [...before.sinks, ...amendment.sinks]) this.#bell.ring(sink);
    return amended.isDone;
  }

  claim(sink: string, limit: ClaimLimit, signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const look = () => claim(this.tables, sink, limit, { now: this.context.now(), leaseMs: this.options.lease });
    const giveBack = (deliveries: readonly Delivery[]) =>
      this.release(
        sink,
        deliveries.map((delivery) => delivery.lease),
      );
    return this.#bell.loop(sink, look, giveBack, signal);
  }

  async settle(settlements: readonly Settlement[]): Promise<number> {
    const held = await this.#settlements.add(settlements);
    for (const sink of new Set(settlements.map((settlement) => settlement.sink))) this.#bell.ring(sink);
    return held.filter(Boolean).length;
  }

  get leaseMs(): number {
    return this.options.lease;
  }

  renew(sink: string, leases: readonly Lease[]): Promise<readonly Lease[]> {
    return renew(this.tables, sink, leases, this.leaseMs);
  }

  async release(sink: string, leases: readonly Lease[]): Promise<void> {
    await this.#transaction((transaction) => release(this.tables, sink, leases, transaction));
    this.#bell.ring(sink);
  }

  async park(sink: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    await this.tables.sinks.learn([sink]);
    const wanted = { reason, by, since: this.context.now() };
    return this.#transaction((transaction) => park(this.tables, sink, wanted, transaction));
  }

  async resume(sink: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    await this.tables.sinks.learn([sink]);
    const ended = await this.#transaction((transaction) => resume(this.tables, sink, by, transaction));
    this.#bell.ring(sink);
    return ended;
  }

  parkings(): Promise<Parkings> {
    return parkings(this.#query);
  }

  async beginPull(source: string, since: number): Promise<PullState> {
    const number = await this.#sourceNumber(source);
    return this.#transaction(({ query }) => beginPull(query, source, number, since));
  }

  async pullState(source: string): Promise<PullState | undefined> {
    const number = await this.tables.sources.find(source);
    return number === undefined ? undefined : pullState(this.#query, source, number);
  }

  async parkPull(source: string, reason: string, by: ParkedBy = 'router'): Promise<Parked> {
    const number = await this.#sourceNumber(source);
    const told = { reason, by, since: this.context.now() };
    return this.#transaction(({ query }) => parkPull(query, source, number, told));
  }

  async resumePull(source: string, by: ParkedBy = 'operator'): Promise<Parked | undefined> {
    const number = await this.#sourceNumber(source);
    return this.#transaction(({ query }) => resumePull(query, number, by));
  }

  async hold(name: string, holder: string, forMs: number): Promise<boolean> {
    const held = await this.#query(
      `INSERT INTO holds AS h (name, holder, until) VALUES ($1, $2, ${clock} + $3)
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE h.holder = excluded.holder OR h.until <= ${clock} RETURNING name`,
      [encode(name), encode(holder), forMs],
    );
    return held.length > 0;
  }

  instances(): Promise<readonly Instance[]> {
    return instances(this.tables);
  }

  reconciliation(range: DayRange): Promise<readonly DayAccount[]> {
    return reconciliation(this.tables, range);
  }

  alert(id: string): Promise<AlertRecord | undefined> {
    return alertRecord(this.tables, id);
  }

  raw(id: string): Promise<{ readonly contentType: string; readonly body: Buffer } | undefined> {
    return rawOf(this.tables, id);
  }

  alerts(query: AlertQuery, page: PageRequest): Promise<Page<AlertSummary>> {
    return alerts(this.tables, query, page);
  }

  deliveries(query: DeliveryQuery, page: PageRequest): Promise<Page<DeliverySummary>> {
    return deliverySummaries(this.tables, query, page);
  }

  quarantine(page: PageRequest): Promise<Page<RequestRecord>> {
    return quarantine(this.tables, page);
  }

  quarantined(requestId: string): Promise<QuarantinedRequest | undefined> {
    return quarantinedRequest(this.tables, requestId);
  }

  async reread(read: Reread): Promise<Receipt | undefined> {
    await learn(this.tables, read.alerts);
    const kept = await this.#counted((transaction) => reread(this.tables, read, this.context.now(), transaction));
    if (!kept) return undefined;
    for (const { sinks } of read.alerts) for (const { sink } of sinks) this.#bell.ring(sink);
    return kept.receipt;
  }

  probes(page: PageRequest): Promise<Page<RequestRecord>> {
    return probes(this.tables, page);
  }

  counts(): Promise<JournalCounts> {
    return counts(this.tables);
  }

  ledger(range?: LedgerRange): Promise<Ledger> {
    return ledger(this.tables, range);
  }

  acknowledge(): Promise<void> {
    return acknowledgeMissing(this.#query, this.context.now());
  }

  async audit(entry: AuditEntry): Promise<void> {
    await this.#query('INSERT INTO audit (at, entry) VALUES ($1, $2)', [entry.at, JSON.stringify(entry)]);
  }

  async auditLog({ limit, cursor }: PageRequest): Promise<Page<AuditEntry>> {
    const rows = await this.#query<{ seq: number; entry: string }>(
      'SELECT seq, entry FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2',
      [toNumber(cursor), limit + 1],
    );
    const shown = rows.slice(0, limit);
    return pageOf(
      shown.map(({ entry }) => JSON.parse(entry) as AuditEntry),
      rows.length > limit,
      shown.at(-1)?.seq,
    );
  }

  pending(source?: string): Pending {
    return this.board.pending(source);
  }

  startReplay(id: string, request: ReplayRequest): Promise<ReplayRecord> {
    return this.#transaction((transaction) => startReplay(id, request, this.context.now(), transaction));
  }

  replay(id: string): Promise<ReplayRecord | undefined> {
    return findReplay(this.tables, id);
  }

  replays(page: PageRequest): Promise<Page<ReplayRecord>> {
    return replayPage(this.tables, page);
  }

  unfinishedReplays(): Promise<readonly UnfinishedReplay[]> {
    return unfinishedReplays(this.tables);
  }

  replayCandidates(select: ReplaySelect, place?: string, limit?: number): Promise<ReplayCandidates> {
    return replayCandidates(this.tables, select, place, limit);
  }

  async advanceReplay(id: string, step: ReplayStep): Promise<ReplayRecord> {
    await prepareStep(this.tables, step);
    const { replay } = await this.#counted((transaction) =>
      advanceReplay(this.tables, id, step, this.context.now(), transaction),
    );
    for (const sink of new Set(step.owe.map((owed) => owed.sink))) this.#bell.ring(sink);
    return replay;
  }

  /** A database has tools of its own for that. */
  async backup(): Promise<boolean> {
    await this.check();
    return false;
  }

  /** Also a sign of life. */
  async check(): Promise<void> {
    await this.#query(signOfLife, [this.tables.instance]);
  }

  /** By one router at a time. */
  async purge(now: number): Promise<number> {
    if (!(await this.hold('purge', String(this.tables.instance), purgeHoldMs))) return 0;
    return purge(this.tables, this.options, now);
  }

  async close(): Promise<void> {
    this.#bell.close();
    this.board.stop();
    await this.#signs.end();
    await this.tables.database.close();
  }

  async #append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]> {
    await prepare(this.tables, requests);
    const { receipts } = await this.#counted((transaction) => append(this.tables, requests, transaction));
    for (const { alerts: all } of requests)
      for (const { sinks } of all) for (const { sink } of sinks) this.#bell.ring(sink);
    return receipts;
  }

  async #settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const { held } = await this.#counted((transaction) => settle(this.tables, settlements, transaction));
    return held;
  }

  async #sourceNumber(source: string): Promise<number> {
    await this.tables.sources.learn([source]);
    return this.tables.sources.numberOf(source);
  }

  /** A transaction that changes what is owed. */
  #counted<T extends Counted>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.board.during(() => this.#transaction(work));
  }

  #transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.tables.database.transaction(work);
  }

  readonly #query: Query = (text, values) => this.tables.database.query(text, values);
}
