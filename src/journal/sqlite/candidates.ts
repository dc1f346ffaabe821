import type Database from 'better-sqlite3';
import { severities } from '../../core/alert.js';
import type { ReplayCandidate, ReplayCandidates, ReplaySelect } from '../../core/replay.js';
import { idOrNothing } from './bytes.js';
import type { Findings } from './findings.js';
import type { Ledger } from './ledger.js';
import type { Records } from './records.js';
import { alertColumns, type AlertRow } from './rows.js';

/** One stretch holds the writer up for a few milliseconds. */
const alertsPerStretch = 200;
/** A finding with more reports than that after this one surely has a newer one. */
const mostReports = 1_000;

/** Finds what a replay may take, in the order accepted. */
export class Candidates {
  readonly #selectNext;
  readonly #selectDead;
  readonly #selectById;
  readonly #selectPrevious;
  readonly #selectAlert;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly findings: Findings,
    private readonly records: Records,
  ) {
    this.#selectNext = db.prepare<[number, number], AlertRow>(
      `SELECT ${alertColumns} FROM alerts WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#selectDead = db
      .prepare<[number, number, number], number>(
        'SELECT alert FROM settled WHERE state = 2 AND sink = ? AND alert > ? ORDER BY alert LIMIT ?',
      )
      .pluck();
    this.#selectById = db.prepare<[Buffer], AlertRow>(`SELECT ${alertColumns} FROM alerts WHERE id = ?`);
    this.#selectAlert = db.prepare<[number], AlertRow>(`SELECT ${alertColumns} FROM alerts WHERE seq = ?`);
    this.#selectPrevious = db.prepare<[number], { previous: number | null; superseded: number }>(
      'SELECT previous, superseded FROM alerts WHERE seq = ?',
    );
  }

  /** `place` is the number of the alert looked at last. */
  find(select: ReplaySelect, place: string | undefined, limit = alertsPerStretch): ReplayCandidates {
    const after = place === undefined ? 0 : Number(place);
    const rows = this.#rows(select, after, limit);
    const items = rows.map((row) => this.#candidateOf(row, select)).filter((found) => found !== undefined);
    const last = rows.at(-1);
    return { items, ...(last && rows.length === limit && { next: String(last.seq) }) };
  }

  #rows(select: ReplaySelect, after: number, limit: number): readonly AlertRow[] {
    if (select.ids) {
      const rows = select.ids.map((id) => this.#selectById.get(idOrNothing(id) ?? Buffer.alloc(0)));
      return sorted(
        rows.filter((row) => row !== undefined),
        after,
        limit,
      );
    }
    if (select.state !== 'dead') return this.#selectNext.all(after, limit);
    const sinks = this.ledger.sinks.all().filter(({ name }) => name === (select.sink ?? name));
    const numbers = new Set(sinks.flatMap(({ number }) => this.#selectDead.all(number, after, limit)));
    const first = [...numbers].sort((a, b) => a - b).slice(0, limit);
    return first.flatMap((seq) => this.#selectAlert.get(seq) ?? []);
  }

  #candidateOf(row: AlertRow, select: ReplaySelect): ReplayCandidate | undefined {
    const { source, severity, from = 0, until = Number.POSITIVE_INFINITY, sink, state, fault, unrouted } = select;
    const isUnrouted = this.ledger.decisions.get(row.decision).routes.length === 0;
    if (source !== undefined && this.ledger.sources.nameOf(row.source) !== source) return undefined;
    if (severity !== undefined && severities[row.severity] !== severity) return undefined;
    if (row.received_at < from || row.received_at >= until) return undefined;
    if (unrouted !== undefined && unrouted !== isUnrouted) return undefined;
    const deliveries = this.records.deliveriesOf(row).map(({ record }) => record);
    const isHit = (each: (typeof deliveries)[number]) =>
      each.state === (state ?? each.state) && each.fault === (fault ?? each.fault) && each.sink === (sink ?? each.sink);
    if ((state !== undefined || fault !== undefined) && !deliveries.some(isHit)) return undefined;
    return {
      place: String(row.seq),
      alert: this.records.alertOf(row),
      isOutdated: row.superseded === 1 || this.#hasNewer(row),
      deliveries: deliveries.map(({ sink: name, state: its, fault: whose }) => ({
        sink: name,
        state: its,
        ...(whose !== undefined && { fault: whose }),
      })),
    };
  }

  /** Goes back from the last report of the finding: one that was not superseded when it came is newer. */
  #hasNewer({ seq, fingerprint }: AlertRow): boolean {
    let later = this.findings.lastAlertOf(fingerprint);
    for (let looked = 0; later !== undefined && later > seq; looked += 1) {
      const report = this.#selectPrevious.get(later);
      if (report?.superseded === 0 || looked === mostReports) return true;
      later = report?.previous ?? undefined;
    }
    return false;
  }
}

function sorted(rows: readonly AlertRow[], after: number, limit: number): readonly AlertRow[] {
  const unique = new Map(rows.map((row) => [row.seq, row]));
  return [...unique.values()]
    .filter(({ seq }) => seq > after)
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit);
}
