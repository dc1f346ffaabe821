import type Database from 'better-sqlite3';
import type { Amendment, Receipt, Reread, Settlement } from '../../core/journal.js';
import { Acceptance, type Duplicate } from './acceptance.js';
import { Amendments } from './amendments.js';
import { AuditTrail } from './audit.js';
import { BookKeeping } from './books.js';
import type { Clocks } from './backlog.js';
import { Debts } from './debts.js';
import { asUnavailable, diskIsFull, isFull } from './errors.js';
import { Findings } from './findings.js';
import { Gaps } from './gaps.js';
import { HeldFile, type Copied } from './held-file.js';
import { Learning } from './learning.js';
import { Ledger } from './ledger.js';
import { Mark, type Numbers } from './mark.js';
import type { PackedRequest } from './pack.js';
import type { PendingBoard } from './pending.js';
import { readProgress, writeProgress } from './progress.js';
import { Pulls } from './pulls.js';
import { Purge, type Retention } from './purge.js';
import { Records } from './records.js';
import { Candidates } from './candidates.js';
import { Replays } from './replays.js';
import { Reserve } from './reserve.js';
import { openDatabase } from './schema.js';
import { Searches } from './searches.js';
import type { JournalUnavailableError } from '../../core/errors.js';

export type StoreOptions = Retention & {
  readonly path: string;
  /** How long a claim holds, in milliseconds. */
  readonly lease: number;
};

/** About 4 MB: a checkpoint of that many pages holds the writer up for a few milliseconds. */
const checkpointPages = 512;

/** About 512 MB: how long the WAL may grow for a backup. Moving it then holds the writer up for a fraction of a second. */
const heldPages = 65_536;

/** What became of one job of a transaction. */
export type Done<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: JournalUnavailableError };

/**
 * The journal's one writer: everything it does is synchronous and happens on one thread. `append`, `amend`, `settle`, `park`,
 * `resume`, `audit.add`, `purge`, `touch` and what `replays` and `pulls` write are jobs for `write`; the rest may be called between
 * transactions.
 */
export class Store {
  readonly gaps: Gaps;
  readonly debts: Debts;
  readonly records: Records;
  readonly searches: Searches;
  readonly audit: AuditTrail;
  readonly replays: Replays;
  readonly pulls: Pulls;
  readonly amendments: Amendments;
  readonly candidates: Candidates;
  readonly books: BookKeeping;
  readonly #db: Database.Database;
  readonly #ledger: Ledger;
  readonly #findings: Findings;
  readonly #acceptance: Acceptance;
  readonly #purge: Purge;
  readonly #mark: Mark;
  readonly #reserve: Reserve;
  readonly #held: HeldFile;
  #isFull: boolean;
  /** The number of the last transaction. */
  #lastWrite: number;
  readonly #countWrite;
  readonly #walState;
  readonly #begin;
  readonly #commit;
  readonly #rollback;

  /** `openedAt`, milliseconds since the epoch, is when what is missing was noticed. */
  constructor(
    options: StoreOptions,
    openedAt: number,
    private readonly mostPagesHeld = heldPages,
  ) {
    this.#db = openDatabase(options.path);
    this.#ledger = new Ledger(this.#db);
    this.#findings = new Findings(this.#db, options.dedupWindow);
    this.debts = new Debts(this.#db, this.#ledger, options.lease);
    this.pulls = new Pulls(this.#db, this.#ledger);
    const learning = new Learning(this.#db, this.#ledger, this.debts);
    this.#acceptance = new Acceptance(this.#db, this.#ledger, this.#findings, this.debts, this.pulls, learning);
    const { alert: lastBefore } = this.#acceptance.last;
    this.amendments = new Amendments(this.#db, this.#ledger, this.debts, lastBefore, openedAt);
    this.audit = new AuditTrail(this.#db);
    this.#purge = new Purge(this.#db, this.#ledger, this.#findings, this.audit, this.pulls, this.amendments, options);
    this.#mark = new Mark(`${options.path}.mark`);
    this.#lastWrite = readProgress(this.#db, 'last_write');
    this.gaps = new Gaps(this.#db);
    this.#reserve = new Reserve(`${options.path}.reserve`);
    this.#held = new HeldFile(options.path);
    this.#isFull = !this.#reserve.take();
    this.records = new Records(this.#db, this.#ledger, this.debts, this.gaps, this.pulls, this.amendments);
    this.searches = new Searches(this.#db, this.#ledger, this.#findings, this.records);
    this.replays = new Replays(this.#db, this.#ledger, this.debts);
    this.candidates = new Candidates(this.#db, this.#ledger, this.#findings, this.records);
    this.books = new BookKeeping(this.#db, this.#ledger, this.debts, this.#acceptance, this.gaps);
    this.#walState = this.#db.prepare<[], { log: number }>('PRAGMA wal_checkpoint(NOOP)');
    this.#countWrite = this.#db.prepare<[number]>("INSERT OR REPLACE INTO progress VALUES ('last_write', ?)");
    this.#begin = this.#db.prepare('BEGIN IMMEDIATE');
    this.#commit = this.#db.prepare('COMMIT');
    this.#rollback = this.#db.prepare('ROLLBACK');
    this.#noteGap(openedAt);
  }

  /**
   * Does jobs in one transaction: with one sync of the disk, all of them are safe. When one fails, each is tried in a
   * transaction of its own, so that a bad one spoils nothing for its neighbours.
   */
  write<T>(jobs: readonly (() => T)[]): readonly Done<T>[] {
    try {
      return this.#transaction(jobs).map((value) => ({ ok: true, value }));
    } catch (error) {
      const unavailable = asUnavailable(error);
      const isNewlyFull = isFull(error) && !this.#isFull;
      if (isNewlyFull) this.#giveUpReserve();
      else if (jobs.length === 1 || unavailable.fatal) return jobs.map(() => ({ ok: false, error: unavailable }));
      return jobs.flatMap((job) => this.write([job]));
    }
  }

  /** How much is owed, for the other thread to see. */
  get pending(): PendingBoard {
    return this.#ledger.pending;
  }

  append(requests: readonly PackedRequest[]): readonly Duplicate[] {
    if (this.#isFull) throw diskIsFull();
    return this.#acceptance.append(requests);
  }

  reread(reread: Reread, now: number): Receipt | undefined {
    if (this.#isFull) throw diskIsFull();
    return this.#acceptance.reread(reread, now);
  }

  amend(alertId: string, amendment: Amendment): readonly string[] | undefined {
    // What this transaction accepted, owed or settled before must be found.
    this.#acceptance.flush();
    this.debts.flush();
    return this.amendments.amend(alertId, amendment);
  }

  settle(settlements: readonly Settlement[], clocks: Clocks): number {
    return this.debts.settle(settlements, clocks);
  }

  /** One step of a purge: how many alerts went, and whether all is done. */
  purge(now: number): { readonly purged: number; readonly isDone: boolean } {
    const { request, alert, unread } = this.#acceptance.last;
    this.#writeLast(request, alert);
    writeProgress(this.#db, 'last_unread', unread);
    return this.#purge.step(now);
  }

  /** Writes something: proves that the journal can. */
  touch(now: number): void {
    if (this.#isFull) throw diskIsFull();
    writeProgress(this.#db, 'checked_at', now);
  }

  /** Moves the WAL into the database once it is long: for after the answers, so that nobody waits for it. */
  checkpointWhenDue(): void {
    const longest = this.#isFull ? 0 : this.#held.isHeld ? this.mostPagesHeld : checkpointPages;
    if ((this.#walState.get()?.log ?? 0) < longest) return;
    this.#held.letGo();
    this.#db.pragma('wal_checkpoint(PASSIVE)');
  }

  /** Moves all of the WAL, and empties the file: for quiet times. False while a backup forbids it. */
  checkpoint(): boolean {
    if (this.#held.isHeld) return false;
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
    return true;
  }

  /**
   * Moves all that was committed into the database file, and leaves the file as it then is until `endBackup`: only
   * checkpoints write to it. It can be read meanwhile, and what is accepted meanwhile is in the WAL.
   */
  beginBackup(now: number): Copied {
    this.#transaction([
      () => {
        writeProgress(this.#db, 'backup_at', now);
        writeProgress(this.#db, 'backup_write', this.#lastWrite + 1);
      },
    ]);
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
    return this.#held.hold();
  }

  /** False when the file could not be left alone so long: what was read of it is worth nothing. */
  endBackup(): boolean {
    return this.#held.letGo();
  }

  /** After a full disk: accepts again once there is room, and some to spare. */
  makeRoom(): void {
    if (this.#isFull) this.#isFull = !this.#reserve.take();
  }

  /** The numbers given last, as far as they are on disk. */
  get lastNumbers(): Pick<Numbers, 'request' | 'alert'> {
    return this.#acceptance.last;
  }

  /** For whoever moves the journal elsewhere, and does nothing else with the store. */
  get tables(): { readonly db: Database.Database; readonly names: Ledger } {
    return { db: this.#db, names: this.#ledger };
  }

  /** What cannot be moved out of the WAL now, on a full disk for one, is there when it is opened again. */
  close(): void {
    this.#mark.close();
    this.#held.letGo();
    try {
      this.checkpoint();
    } catch (error) {
      if (!isFull(error)) throw error;
    } finally {
      this.#db.close();
      this.#held.close();
    }
  }

  /** The mark ahead of the journal: its end is gone. Told once; the numbers are not given again. */
  #noteGap(openedAt: number): void {
    const found = { ...this.#acceptance.last, write: this.#lastWrite };
    const marked = this.#mark.last;
    if (!this.#mark.isKnown && found.write > 0) this.#noteLostMark(found, openedAt);
    const isBehind = found.request < marked.request || found.alert < marked.alert || found.write < marked.write;
    if (!isBehind) return;
    this.#acceptance.skip(marked);
    this.#lastWrite = Math.max(found.write, marked.write);
    const { request, alert } = this.#acceptance.last;
    this.#transaction([
      () => {
        this.gaps.note(found, marked, openedAt);
        this.#writeLast(request, alert);
      },
    ]);
  }

  /** A copy that was restored is known by its last transaction: that with which a backup began. */
  #noteLostMark(found: Numbers, openedAt: number): void {
    const isBackup = readProgress(this.#db, 'backup_write') === found.write;
    const backupAt = isBackup ? readProgress(this.#db, 'backup_at') : undefined;
    this.#transaction([
      () => {
        this.gaps.noteUnknown(found, openedAt, backupAt);
      },
    ]);
  }

  #writeLast(request: number, alert: number): void {
    writeProgress(this.#db, 'last_request', request);
    writeProgress(this.#db, 'last_alert', alert);
  }

  #giveUpReserve(): void {
    this.#isFull = true;
    this.#reserve.giveUp();
  }

  #transaction<T>(jobs: readonly (() => T)[]): readonly T[] {
    const parts = [this.#acceptance, this.debts, this.#findings, this.#ledger];
    this.#begin.run();
    try {
      const values = jobs.map((job) => job());
      for (const part of parts) part.flush();
      this.#countWrite.run(this.#lastWrite + 1);
      this.#commit.run();
      this.#lastWrite += 1;
      for (const part of parts) part.commit();
      const { request, alert } = this.#acceptance.last;
      this.#mark.write({ request, alert, write: this.#lastWrite });
      return values;
    } catch (error) {
      for (const part of parts) part.rollback();
      if (this.#db.inTransaction) this.#rollback.run();
      throw error;
    }
  }
}
