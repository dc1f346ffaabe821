import type Database from 'better-sqlite3';
import { JournalUnavailableError } from '../../core/errors.js';
import { deliveryStates } from '../../core/journal.js';
import type { ReplayRecord, ReplayRequest, ReplayStep, UnfinishedReplay } from '../../core/replay.js';
import { idOrNothing, toUuid } from './bytes.js';
import type { Debts } from './debts.js';
import type { Ledger } from './ledger.js';
import type { From, Stretch } from './searches.js';

type Row = {
  readonly number: number;
  readonly id: Buffer;
  readonly request: string;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly place: string | null;
} & Pick<ReplayRecord, 'looked' | 'owed' | 'delivered' | 'dead' | 'outdated' | 'unconfigured'>;

type AlertRow = {
  readonly seq: number;
  readonly fingerprint: Buffer;
  readonly source: number;
  readonly received_at: number;
  readonly decision: number;
  readonly bytes: number;
};
type SettledRow = { readonly state: number; readonly attempts: number; readonly attempt: string | null };

const delivered = deliveryStates.indexOf('delivered');
const dead = deliveryStates.indexOf('dead');

/** What operators asked to be sent again, and how far that has come. `start` and `advance` are called within a transaction. */
export class Replays {
  readonly #selectSame;
  readonly #insert;
  readonly #select;
  readonly #selectPage;
  readonly #selectUnfinished;
  readonly #update;
  readonly #selectAlert;
  readonly #selectSettled;
  readonly #isOwed;
  readonly #wasReplayed;
  readonly #deleteSettled;
  readonly #keepAttempt;
  readonly #owe;
  readonly #mark;
  readonly #updateDecision;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly debts: Debts,
  ) {
    this.#selectSame = db.prepare<[string | null, string], Row>(
      'SELECT * FROM replays WHERE key = ? OR (finished_at IS NULL AND request = ?) ORDER BY number LIMIT 1',
    );
    this.#insert = db.prepare<[Buffer, string | null, string, number], Row>(
      'INSERT INTO replays (id, key, request, created_at) VALUES (?, ?, ?, ?) RETURNING *',
    );
    this.#select = db.prepare<[Buffer], Row>('SELECT * FROM replays WHERE id = ?');
    this.#selectPage = db.prepare<[number, number], Row>(
      'SELECT * FROM replays WHERE number < ? ORDER BY number DESC LIMIT ?',
    );
    this.#selectUnfinished = db.prepare<[], Row>('SELECT * FROM replays WHERE finished_at IS NULL ORDER BY number');
    this.#update = db.prepare<[string | null, number | null, number, number, number, number, number], Row>(
      `UPDATE replays SET place = ?, finished_at = ?, looked = looked + ?, owed = owed + ?, outdated = outdated + ?,
         unconfigured = unconfigured + ? WHERE number = ? RETURNING *`,
    );
    this.#selectAlert = db.prepare<[Buffer], AlertRow>(
      'SELECT seq, fingerprint, source, received_at, decision, length(json) AS bytes FROM alerts WHERE id = ?',
    );
    this.#selectSettled = db.prepare<[number, number], SettledRow>(
      'SELECT state, attempts, attempt FROM settled WHERE alert = ? AND sink = ?',
    );
    this.#isOwed = db.prepare<[number, number], number>('SELECT 1 FROM owed WHERE sink = ? AND alert = ?').pluck();
    this.#wasReplayed = db
      .prepare<[number, number, number], number>(
        'SELECT 1 FROM replayed WHERE alert = ? AND sink = ? AND newest_replay >= ?',
      )
      .pluck();
    this.#deleteSettled = db.prepare('DELETE FROM settled WHERE alert = ? AND sink = ?');
    this.#keepAttempt = db.prepare('INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)');
    this.#owe = db.prepare('INSERT INTO owed (sink, alert, finding, attempts, replay) VALUES (?, ?, ?, ?, ?)');
    this.#mark = db.prepare(
      'INSERT OR REPLACE INTO replayed VALUES (?, ?, ?, ?, ?, (SELECT max(number) FROM replays))',
    );
    this.#updateDecision = db.prepare('UPDATE alerts SET decision = ? WHERE seq = ?');
  }

  start(id: string, request: ReplayRequest, now: number): ReplayRecord {
    const text = JSON.stringify(request);
    const key = idOrNothing(id) ?? Buffer.alloc(0);
    const row =
      this.#selectSame.get(request.key ?? null, text) ?? this.#insert.get(key, request.key ?? null, text, now);
    return toRecord(row);
  }

  replay(id: string): ReplayRecord | undefined {
    const row = this.#select.get(idOrNothing(id) ?? Buffer.alloc(0));
    return row && toRecord(row);
  }

  list({ limit, place }: From): Stretch<ReplayRecord> {
    const rows = this.#selectPage.all(place === undefined ? Number.MAX_SAFE_INTEGER : Number(place) || 0, limit);
    const last = rows.at(-1);
    return {
      found: rows.map((row) => ({ place: String(row.number), item: toRecord(row) })),
      ...(last && rows.length === limit && { rest: String(last.number) }),
    };
  }

  unfinished(): readonly UnfinishedReplay[] {
    return this.#selectUnfinished
      .all()
      .map((row) => ({ replay: toRecord(row), ...(row.place !== null && { place: row.place }) }));
  }

  advance(id: string, { owe, from, place, looked, outdated, unconfigured }: ReplayStep, now: number): ReplayRecord {
    const row = this.#select.get(idOrNothing(id) ?? Buffer.alloc(0));
    if (!row) throw new JournalUnavailableError(`There is no replay ${id}.`, false);
    if (row.finished_at !== null || row.place !== (from ?? null)) return toRecord(row);
    // What this transaction owed or settled before must be found.
    this.debts.flush();
    const owed = owe.filter((delivery) => this.#oweAgain(row.number, delivery, now)).length;
    const finishedAt = place === undefined ? now : null;
    return toRecord(this.#update.get(place ?? null, finishedAt, looked, owed, outdated, unconfigured, row.number));
  }

  /** False where it is left alone. */
  #oweAgain(replay: number, { alertId, sink, routed }: ReplayStep['owe'][number], now: number): boolean {
    const alert = this.#selectAlert.get(idOrNothing(alertId) ?? Buffer.alloc(0));
    if (!alert) return false;
    const total = this.ledger.sinks.change(sink);
    if (this.#isOwed.get(total.number, alert.seq) !== undefined) return false;
    if (this.#wasReplayed.get(alert.seq, total.number, replay) !== undefined) return false;
    const settled = this.#selectSettled.get(alert.seq, total.number);
    if (settled ? routed !== undefined || !this.#unsettle(alert, total, settled) : !routed) return false;
    if (routed) {
      this.#decideAgain(alert, { sink, ...routed });
      this.ledger.hours.sink(alert.received_at, total.number).owed += 1;
    }
    const attempts = settled?.attempts ?? 0;
    const finding = alert.fingerprint.readUIntBE(0, 6);
    this.#owe.run(total.number, alert.seq, finding, attempts, replay);
    this.#mark.run(alert.seq, total.number, replay, now, attempts);
    total.pending += 1;
    this.debts.owedAgain(sink, { alert: alert.seq, finding, attempts, replay }, alert);
    return true;
  }

  #unsettle(
    { seq }: AlertRow,
    total: ReturnType<Ledger['sinks']['change']>,
    { state, attempts, attempt }: SettledRow,
  ): boolean {
    if (state !== dead && state !== delivered) return false;
    total[state === dead ? 'dead' : 'delivered'] -= 1;
    this.#deleteSettled.run(seq, total.number);
    if (attempt !== null) this.#keepAttempt.run(seq, total.number, attempts, attempt);
    return true;
  }

  /** The decision of then with what is new in it: so it goes on saying where the alert's deliveries are. */
  #decideAgain(alert: AlertRow, added: { sink: string; routes: readonly string[]; keepsState: boolean }): void {
    const before = this.ledger.decisions.get(alert.decision);
    const newRoutes = added.routes.filter((route) => !before.routes.includes(route));
    const text = JSON.stringify({ routes: [...before.routes, ...newRoutes], sinks: [...before.sinks, added] });
    this.#updateDecision.run(this.ledger.decisions.of(text).number, alert.seq);
    for (const route of newRoutes) this.ledger.routes.change(route).alerts += 1;
    if (before.routes.length === 0 && newRoutes.length > 0) {
      this.ledger.sources.change(this.ledger.sources.nameOf(alert.source)).unrouted -= 1;
      this.ledger.hours.source(alert.received_at, alert.source).routed += 1;
    }
  }
}

function toRecord(row: Row | undefined): ReplayRecord {
  if (!row) throw new Error('a replay was not written');
  const { id, request, created_at: createdAt, finished_at: finishedAt, looked, outdated, unconfigured } = row;
  const { owed, delivered, dead } = row;
  return {
    ...(JSON.parse(request) as ReplayRequest),
    id: toUuid(id),
    createdAt,
    ...(finishedAt !== null && { finishedAt }),
    looked,
    owed,
    pending: owed - delivered - dead,
    delivered,
    dead,
    outdated,
    unconfigured,
  };
}
