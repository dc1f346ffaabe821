import type Database from 'better-sqlite3';
import { isTerminal, states } from '../../core/alert.js';
import { isSuperseded, withReport, type Finding, type ReportAge } from '../../core/finding.js';
import { readProgress, writeProgress } from './progress.js';

export type Verdict =
  | { readonly kind: 'duplicate'; readonly of: number }
  | { readonly kind: 'new'; readonly isFirst: boolean; readonly superseded: boolean; readonly previous: number | null };

/** One accepted report, and the alert it became. Keys are the bytes as latin1 text. */
type Report = { readonly alert: number; readonly dedupKey: string; readonly receivedAt: number };

/** A finding, and its last accepted report. */
type Known = Finding & Report;

/** What is not on disk yet of one finding: its last report, and those accepted before that one. */
type Recent = { known: Known; earlier: Map<string, Report> | undefined };

/** They go in shares, by the first byte of the key: one with each transaction, and more after many alerts. */
const alertsPerShare = 32;

/**
 * Knows every finding: which reports of it came within the window, and which was the newest.
 *
 * Fingerprints are random, so writing each to its place in a large index dirties a page for every alert, which costs
 * as much as all else that is written for it. So recent ones stay in memory and go to the index in the order of their
 * keys, many to a page. Nothing depends on the memory: what is in it is in `alerts` too, and is read back from there
 * when the journal opens.
 */
export class Findings {
  readonly #selectFinding;
  readonly #selectReport;
  readonly #putFinding;
  readonly #putReport;
  readonly #deleteFinding;
  readonly #deleteReport;

  #recent = new Map<string, Recent>();
  /** On their way to disk, by share. */
  #moving = new Map<string, Recent>();
  #shares: string[][] = [];
  #moved = 0;
  /** The last alert of those that are moving. */
  #movingTo = 0;
  /** The last alert in `#recent`, and how many went into it. */
  #lastAlert: number;
  #alerts = 0;

  /** What the open transaction did to `#recent`: how to take it back. */
  #added: string[] = [];
  #undo: (() => void)[] = [];
  /** What it took away and moved: in force once it is committed. */
  #forgotten: { readonly key: string; readonly dedupKey: string; readonly alert: number }[] = [];
  #movedNow = 0;

  /** The findings of `mostRecent` alerts stay in memory before they go to disk together; as many again while they do. */
  constructor(
    private readonly db: Database.Database,
    private readonly dedupWindowMs: number,
    private readonly mostRecent = 16_384,
  ) {
    this.#selectFinding = db
      .prepare<[Buffer], [number, Buffer, number, number, number]>(
        'SELECT alert, dedup_key, received_at, newest_at, ended FROM findings WHERE fingerprint = ?',
      )
      .raw();
    this.#selectReport = db
      .prepare<[Buffer, Buffer], [number, number]>(
        'SELECT alert, received_at FROM reports WHERE fingerprint = ? AND dedup_key = ?',
      )
      .raw();
    this.#putFinding = db.prepare('INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?)');
    this.#putReport = db.prepare('INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?)');
    this.#deleteFinding = db.prepare('DELETE FROM findings WHERE fingerprint = ? AND alert = ?');
    this.#deleteReport = db.prepare('DELETE FROM reports WHERE fingerprint = ? AND dedup_key = ? AND alert = ?');
    this.#lastAlert = readProgress(db, 'findings_to');
    this.#readBack();
  }

  /** Reads back what was only in memory when the journal was closed or killed. */
  #readBack(): void {
    const rows = this.db
      .prepare<[number], [number, Buffer, Buffer, number, number, number, number]>(
        'SELECT seq, fingerprint, dedup_key, received_at, reported_at, state, superseded FROM alerts WHERE seq > ? ORDER BY seq',
      )
      .raw();
    for (const [alert, fingerprint, dedupKey, receivedAt, at, state, superseded] of rows.iterate(this.#lastAlert)) {
      const key = textOf(fingerprint);
      const known = this.#known(key, fingerprint);
      const ends = isTerminal(states[state] ?? 'unknown');
      const finding = superseded === 1 && known ? known : withReport({ at, isDated: true, ends }, known);
      const { newestAt, ended } = finding;
      this.#remember(key, known, { alert, dedupKey: textOf(dedupKey), receivedAt, newestAt, ended });
    }
    this.commit();
  }

  /**
   * Says what a report is, and remembers it as `alert` unless it is a duplicate. The keys are those of
   * core/identity.ts, cut to 16 bytes.
   */
  judge(fingerprint: Buffer, dedupKey: Buffer, age: ReportAge, receivedAt: number, alert: number): Verdict {
    const key = textOf(fingerprint);
    const report = textOf(dedupKey);
    const known = this.#known(key, fingerprint);
    const same = known && this.#sameReport(key, fingerprint, report, dedupKey, known);
    if (same && receivedAt - same.receivedAt < this.dedupWindowMs) return { kind: 'duplicate', of: same.alert };

    const superseded = isSuperseded(age, known);
    const { newestAt, ended } = superseded && known ? known : withReport(age, known);
    this.#remember(key, known, { alert, dedupKey: report, receivedAt, newestAt, ended });
    return { kind: 'new', isFirst: known === undefined, superseded, previous: known?.alert ?? null };
  }

  /** The last accepted alert of a finding. */
  lastAlertOf(fingerprint: Buffer): number | undefined {
    return this.#known(textOf(fingerprint), fingerprint)?.alert;
  }

  /** Forgets the report that became `alert`, which is being purged. */
  forget(fingerprint: Buffer, dedupKey: Buffer, alert: number): void {
    this.#deleteFinding.run(fingerprint, alert);
    this.#deleteReport.run(fingerprint, dedupKey, alert);
    this.#forgotten.push({ key: textOf(fingerprint), dedupKey: textOf(dedupKey), alert });
  }

  /** True while some are on their way to disk. */
  get isMoving(): boolean {
    return this.#shares.length > 0;
  }

  /** Moves some findings to disk, where enough have gathered; called at the end of each transaction. */
  flush(): void {
    const end = this.#moved + 1 + Math.floor(this.#added.length / alertsPerShare);
    const due = this.#shares.slice(this.#moved, end);
    for (const share of due) for (const key of share.sort()) this.#write(key);
    this.#movedNow = due.length;
    if (due.length > 0 && end >= this.#shares.length) writeProgress(this.db, 'findings_to', this.#movingTo);
  }

  commit(): void {
    this.#alerts += this.#added.length + this.#undo.length;
    for (const { key, dedupKey, alert } of this.#forgotten) {
      for (const kept of [this.#recent, this.#moving]) {
        const found = kept.get(key);
        if (found?.known.alert === alert) kept.delete(key);
        else if (found?.earlier?.get(dedupKey)?.alert === alert) found.earlier.delete(dedupKey);
      }
    }
    this.#moved += this.#movedNow;
    if (this.#moved === this.#shares.length) {
      this.#moving.clear();
      this.#shares = [];
      this.#moved = 0;
      if (this.#alerts >= this.mostRecent) this.#startMoving();
    }
    this.#forget();
  }

  rollback(): void {
    for (const undo of this.#undo.reverse()) undo();
    for (const key of this.#added) this.#recent.delete(key);
    this.#forget();
  }

  #forget(): void {
    this.#added = [];
    this.#undo = [];
    this.#forgotten = [];
    this.#movedNow = 0;
  }

  #known(key: string, fingerprint: Buffer): Known | undefined {
    const near = this.#recent.get(key) ?? this.#moving.get(key);
    if (near) return near.known;
    const row = this.#selectFinding.get(fingerprint);
    if (!row) return undefined;
    const [alert, dedupKey, receivedAt, newestAt, ended] = row;
    return { alert, dedupKey: textOf(dedupKey), receivedAt, newestAt, ended: ended === 1 };
  }

  #sameReport(
    key: string,
    fingerprint: Buffer,
    dedupKey: string,
    bytes: Buffer,
    known: Known,
  ): Pick<Report, 'alert' | 'receivedAt'> | undefined {
    if (known.dedupKey === dedupKey) return known;
    for (const kept of [this.#recent, this.#moving]) {
      const report = kept.get(key)?.earlier?.get(dedupKey);
      if (report) return report;
    }
    const row = this.#selectReport.get(fingerprint, bytes);
    return row && { alert: row[0], receivedAt: row[1] };
  }

  #remember(key: string, before: Known | undefined, known: Known): void {
    this.#lastAlert = known.alert;
    const recent = this.#recent.get(key);
    if (!recent) {
      this.#recent.set(key, { known, earlier: before && new Map([[before.dedupKey, before]]) });
      this.#added.push(key);
      return;
    }
    const was = recent.known;
    const earlier = (recent.earlier ??= new Map<string, Report>());
    const replaced = earlier.get(was.dedupKey);
    earlier.set(was.dedupKey, was);
    recent.known = known;
    this.#undo.push(() => {
      recent.known = was;
      if (replaced) earlier.set(was.dedupKey, replaced);
      else earlier.delete(was.dedupKey);
    });
  }

  #startMoving(): void {
    this.#moving = this.#recent;
    this.#movingTo = this.#lastAlert;
    this.#recent = new Map();
    this.#alerts = 0;
    const byFirstByte = Array.from({ length: 256 }, (): string[] => []);
    for (const key of this.#moving.keys()) byFirstByte[key.charCodeAt(0)]?.push(key);
    this.#shares = byFirstByte.filter((share) => share.length > 0);
  }

  #write(key: string): void {
    const recent = this.#moving.get(key);
    if (!recent) return;
    const { alert, dedupKey, receivedAt, newestAt, ended } = recent.known;
    const fingerprint = bytesOf(key);
    this.#putFinding.run(fingerprint, alert, bytesOf(dedupKey), receivedAt, newestAt, ended ? 1 : 0);
    for (const report of recent.earlier?.values() ?? []) {
      this.#putReport.run(fingerprint, bytesOf(report.dedupKey), report.alert, report.receivedAt);
    }
  }
}

function textOf(bytes: Buffer): string {
  return bytes.toString('latin1');
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
