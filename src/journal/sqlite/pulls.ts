import type Database from 'better-sqlite3';
import type { NewAlert } from '../../core/alert.js';
import type { Parked, ParkedBy, SecondWay } from '../../core/journal.js';
import { hourOf } from '../../core/ledger.js';
import type { NumberRange } from '../../core/missing.js';
import { mayEnd, parkedAgain } from '../../core/parking.js';
import {
  dayOf,
  daysOf,
  sight,
  wholeDays,
  type DayRange,
  type DaySums,
  type PulledMark,
  type PullMark,
  type PullState,
  type Sighting,
  type Way,
} from '../../core/reconciliation.js';
import type { Ledger } from './ledger.js';

/** A report of a source that pulls. */
export type SeenReport = Sighting & {
  readonly source: number;
  readonly fingerprint: Buffer;
  /** The alert without its action. */
  readonly json: Buffer;
  /** Milliseconds since the epoch. */
  readonly at: number;
};

export type CountedDay = { readonly source: string; readonly day: string; readonly sums: DaySums };

/** Findings of one source and day that webhooks brought and no pull has come to. */
export type Unseen = { readonly source: string; readonly day: string; readonly count: number };

type PullRow = {
  readonly since: number;
  readonly cursor: string | null;
  readonly page_at: number | null;
  readonly caught_up_at: number | null;
  readonly parked_reason: string | null;
  readonly parked_at: number | null;
  readonly parked_by: ParkedBy | null;
};
type DayRow = {
  readonly source: number;
  readonly day: string;
  readonly total: number | null;
  readonly webhook: number;
  readonly recovered: number;
  readonly changes: number;
  readonly unread: number;
};

type SecondRow = {
  readonly by_pull: number;
  readonly at: number;
  readonly added: string | null;
  readonly is_late: number;
};

const marksPerStep = 500;
/** How far a webhook may be behind the vendor's time of its finding, or our clock behind the vendor's. */
const lateMs = 86_400_000;

/**
 * How far each pull has come, and what it found beside what webhooks brought. All but `state`, `has`, `days` and
 * `countUnseen` are called within a transaction.
 */
export class Pulls {
  /** The numbers of the sources that ever pulled: a webhook of another pays nothing. */
  readonly #sources: Set<number>;
  readonly #begin;
  readonly #select;
  readonly #keepPage;
  readonly #setParked;
  readonly #selectMark;
  readonly #putMark;
  readonly #addToDay;
  readonly #setTotal;
  readonly #selectDays;
  readonly #selectSpan;
  readonly #countUnseen;
  readonly #isPulled;
  readonly #insertSecond;
  readonly #selectSecond;
  readonly #deleteSecond;
  readonly #deleteMarks;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
  ) {
    this.#sources = new Set(db.prepare<[], number>('SELECT source FROM pulls').pluck().all());
    this.#begin = db.prepare<[number, number]>('INSERT OR IGNORE INTO pulls (source, since) VALUES (?, ?)');
    this.#select = db.prepare<[number], PullRow>('SELECT * FROM pulls WHERE source = ?');
    this.#keepPage = db.prepare(
      `INSERT INTO pulls (source, since, cursor, page_at, caught_up_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET cursor = excluded.cursor, page_at = excluded.page_at,
         caught_up_at = coalesce(excluded.caught_up_at, caught_up_at)`,
    );
    this.#setParked = db.prepare('UPDATE pulls SET parked_reason = ?, parked_at = ?, parked_by = ? WHERE source = ?');
    this.#selectMark = db
      .prepare<[Buffer, number], [string, number]>(
        'SELECT day, by_webhook FROM pulled WHERE fingerprint = ? AND source = ?',
      )
      .raw();
    this.#putMark = db.prepare(
      `INSERT INTO pulled VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET by_webhook = excluded.by_webhook`,
    );
    this.#addToDay = db.prepare(
      `INSERT INTO pull_days (source, day, webhook, recovered, changes, unread) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET webhook = webhook + excluded.webhook, recovered = recovered + excluded.recovered,
         changes = changes + excluded.changes, unread = unread + excluded.unread`,
    );
    this.#setTotal = db.prepare(
      'INSERT INTO pull_days (source, day, total) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET total = excluded.total',
    );
    this.#selectDays = db.prepare<[string, string], DayRow>('SELECT * FROM pull_days WHERE day >= ? AND day <= ?');
    this.#selectSpan = db
      .prepare<[number, number], [number | null, number | null]>(
        `SELECT min(first_alert), max(last_alert) FROM source_hours
         WHERE hour >= ? AND hour <= ? AND source IN (SELECT source FROM pulls)`,
      )
      .raw();
    this.#countUnseen = db
      .prepare<[number, number, string, string], [number, string, number]>(
        `SELECT a.source, substr(json_extract(CAST(a.json AS TEXT), '$.time'), 1, 10) AS day, count(*)
         FROM alerts AS a WHERE seq > ? AND seq <= ? AND is_first = 1 AND a.source IN (SELECT source FROM pulls)
           AND NOT EXISTS (SELECT 1 FROM pulled AS p WHERE p.fingerprint = a.fingerprint AND p.source = a.source)
         GROUP BY 1, 2 HAVING day >= ? AND day <= ?`,
      )
      .raw();
    this.#isPulled = db
      .prepare<[number], [number, number]>(
        `SELECT json_extract(arrival, '$.authentication') = 'pull', is_first
         FROM alerts JOIN requests ON requests.seq = alerts.request WHERE alerts.seq = ?`,
      )
      .raw();
    this.#insertSecond = db.prepare<[number, number, number]>(
      'INSERT OR IGNORE INTO second_ways (alert, by_pull, at) VALUES (?, ?, ?)',
    );
    this.#selectSecond = db.prepare<[number], SecondRow>(
      'SELECT by_pull, at, added, is_late FROM second_ways WHERE alert = ?',
    );
    this.#deleteSecond = db.prepare<[number]>('DELETE FROM second_ways WHERE alert = ?');
    this.#deleteMarks = db.prepare<[number, number]>(
      `DELETE FROM pulled WHERE (fingerprint, source) IN (
         SELECT fingerprint, source FROM pulled WHERE seen_at <= ? ORDER BY seen_at LIMIT ?
       )`,
    );
  }

  begin(source: string, since: number): PullState {
    const { number } = this.ledger.sources.change(source);
    this.#begin.run(number, since);
    this.#sources.add(number);
    return this.state(source) ?? { source, since };
  }

  state(source: string): PullState | undefined {
    const number = this.ledger.sources.find(source)?.number;
    const row = number === undefined ? undefined : this.#select.get(number);
    if (!row) return undefined;
    const parked = parkedOf(row);
    return {
      source,
      since: row.since,
      ...(row.cursor !== null && { cursor: row.cursor }),
      ...(row.page_at !== null && { pageAt: row.page_at }),
      ...(row.caught_up_at !== null && { caughtUpAt: row.caught_up_at }),
      ...(parked && { parked }),
    };
  }

  states(): readonly PullState[] {
    return this.ledger.sources.all().flatMap(({ number, name }) => {
      const state = this.has(number) ? this.state(name) : undefined;
      return state ? [state] : [];
    });
  }

  /** By the names of sources. */
  get parkings(): ReadonlyMap<string, Parked> {
    return new Map(this.states().flatMap(({ source, parked }) => (parked ? [[source, parked]] : [])));
  }

  park(source: string, told: Parked): Parked {
    const parked = parkedAgain(this.begin(source, told.since).parked, told);
    this.#setParked.run(parked.reason, parked.since, parked.by, this.ledger.sources.change(source).number);
    return parked;
  }

  resume(source: string, by: ParkedBy): Parked | undefined {
    const parked = this.state(source)?.parked;
    if (!parked || !mayEnd(parked, by)) return undefined;
    this.#setParked.run(null, null, null, this.ledger.sources.change(source).number);
    return parked;
  }

  has(source: number): boolean {
    return this.#sources.has(source);
  }

  /** The page that was just kept: where to go on, and what could not be read of it. */
  keepPage(source: number, { cursor, isLast, totals = {} }: PullMark, unread: number, at: number): void {
    this.#keepPage.run(source, at, cursor, at, isLast ? at : null);
    this.#sources.add(source);
    for (const [day, total] of Object.entries(totals)) this.#setTotal.run(source, day, total);
    this.countUnread(source, unread, at);
  }

  /** Parts of pages in the quarantine; less than none where they were read again. */
  countUnread(source: number, unread: number, at: number): void {
    if (unread !== 0) this.#addToDay.run(source, dayOf(at), 0, 0, 0, unread);
  }

  /** A report that was accepted. */
  saw({ source, fingerprint, json, at, ...sighting }: SeenReport): void {
    const known = this.#selectMark.get(fingerprint, source);
    const before: PulledMark = known && (known[1] === 1 ? 'webhook' : 'pull');
    const { mark, add } = sight(before, sighting);
    if (mark === undefined) return;
    const day = known?.[0] ?? dayIn(json);
    if (mark !== before) this.#putMark.run(fingerprint, source, day, mark === 'webhook' ? 1 : 0, at);
    if (add.webhook !== 0 || add.recovered !== 0 || add.changes !== 0) {
      this.#addToDay.run(source, day, add.webhook, add.recovered, add.changes, 0);
    }
  }

  /** A report that is a duplicate of `of`. True when that had come by the other way, and this one for the first time. */
  sawAgain(report: Omit<SeenReport, 'isFirst' | 'isNew'>, of: number): boolean {
    this.saw({ ...report, isFirst: false, isNew: false });
    const [isPulled, isFirst] = this.#isPulled.get(of) ?? [];
    const way: Way = isPulled === 1 ? 'pull' : 'webhook';
    // One whose request is not there yet came in the same request.
    if (isPulled === undefined || way === report.by) return false;
    const isSecond = this.#insertSecond.run(of, report.by === 'pull' ? 1 : 0, report.at).changes === 1;
    // What the pull alone had brought until now was a change, and is none any longer.
    if (isSecond && way === 'pull' && isFirst === 0) {
      const [day] = this.#selectMark.get(report.fingerprint, report.source) ?? [];
      if (day !== undefined) this.#addToDay.run(report.source, day, 0, 0, -1, 0);
    }
    return isSecond;
  }

  /** When an alert came by the other way, too. */
  secondOf(alert: number): SecondWay | undefined {
    const row = this.#selectSecond.get(alert);
    return (
      row && {
        by: row.by_pull === 1 ? 'pull' : 'webhook',
        at: row.at,
        ...(row.added !== null && { added: JSON.parse(row.added) as Partial<NewAlert> }),
        ...(row.is_late === 1 && { isLate: true }),
      }
    );
  }

  /** What is remembered of an alert that is purged. */
  forget(alert: number): void {
    this.#deleteSecond.run(alert);
  }

  /** Marks of findings that pulls saw for the first time before that. True when there are no more. */
  removeUntil(cutoff: number): boolean {
    return this.#deleteMarks.run(cutoff, marksPerStep).changes === 0;
  }

  /** The days of a range as they were counted, and which alerts may be of it that no pull has come to. */
  days(range: DayRange): { readonly days: readonly CountedDay[]; readonly alerts: NumberRange } {
    const { first, last } = daysOf(range);
    const days = this.#selectDays.all(first, last).map(({ source, day, total, ...sums }) => ({
      source: this.ledger.sources.nameOf(source),
      day,
      sums: { ...sums, ...(total !== null && { total }) },
    }));
    const { from, until } = wholeDays(range);
    const [firstAlert, lastAlert] = this.#selectSpan.get(hourOf(from - lateMs), hourOf(until + lateMs)) ?? [];
    return { days, alerts: { from: firstAlert ?? 1, to: lastAlert ?? 0 } };
  }

  /** Of the alerts with numbers above `after`, up to `to`. */
  countUnseen(range: DayRange, after: number, to: number): readonly Unseen[] {
    const { first, last } = daysOf(range);
    return this.#countUnseen
      .all(after, to, first, last)
      .map(([source, day, count]) => ({ source: this.ledger.sources.nameOf(source), day, count }));
  }
}

function parkedOf({ parked_reason: reason, parked_at: since, parked_by: by }: PullRow): Parked | undefined {
  return reason === null || since === null || by === null ? undefined : { reason, since, by };
}

/** The UTC day of the vendor's time of an alert. */
function dayIn(json: Buffer): string {
  const { time } = JSON.parse(json.toString()) as Pick<NewAlert, 'time'>;
  return dayOf(Date.parse(time));
}
