import { JournalUnavailableError } from '../../core/errors.js';
import { deliveryStates, type Page, type PageRequest } from '../../core/journal.js';
import type {
  ReplayCandidate,
  ReplayCandidates,
  ReplayRecord,
  ReplayRequest,
  ReplaySelect,
  ReplayStep,
  UnfinishedReplay,
} from '../../core/replay.js';
import type { Tables } from './tables.js';
import { Counting } from './counting.js';
import type { Query, Transaction } from './database.js';
import { elect } from './deliveries.js';
import { alertColumns, alertOf, deliveriesOf, type AlertRow } from './records.js';
import { idOrNothing, toNumber } from './rows.js';
import { pageOf, whereAlert, whereUnrouted, Where } from './searches.js';

const alertsPerStretch = 200;
const delivered = deliveryStates.indexOf('delivered');
const dead = deliveryStates.indexOf('dead');

type Row = {
  readonly number: number;
  readonly id: string;
  readonly request: string;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly place: string | null;
} & Pick<ReplayRecord, 'looked' | 'owed' | 'delivered' | 'dead' | 'outdated' | 'unconfigured'>;

type OwedRow = {
  readonly seq: number;
  readonly fingerprint: Buffer;
  readonly source: number;
  readonly accepted_at: number;
  readonly decision: number;
  readonly bytes: number;
};

/** Remembers a replay, or finds the one that is asked for twice: whoever comes second waits for the first. */
export async function startReplay(
  id: string,
  request: ReplayRequest,
  now: number,
  { query }: Transaction,
): Promise<ReplayRecord> {
  await query('LOCK TABLE replays IN SHARE ROW EXCLUSIVE MODE');
  const text = JSON.stringify(request);
  const [same] = await query<Row>(
    'SELECT * FROM replays WHERE key = $1 OR (finished_at IS NULL AND request = $2) ORDER BY number LIMIT 1',
    [request.key ?? null, text],
  );
  const [row] = same
    ? [same]
    : await query<Row>('INSERT INTO replays (id, key, request, created_at) VALUES ($1, $2, $3, $4) RETURNING *', [
        id,
        request.key ?? null,
        text,
        now,
      ]);
  return toRecord(row);
}

export async function findReplay({ database }: Tables, id: string): Promise<ReplayRecord | undefined> {
  const [row] = await database.query<Row>('SELECT * FROM replays WHERE id = $1', [idOrNothing(id) ?? null]);
  return row && toRecord(row);
}

export async function replayPage({ database }: Tables, { limit, cursor }: PageRequest): Promise<Page<ReplayRecord>> {
  const rows = await database.query<Row>('SELECT * FROM replays WHERE number < $1 ORDER BY number DESC LIMIT $2', [
    Math.min(toNumber(cursor), 2 ** 31 - 1),
    limit + 1,
  ]);
  const shown = rows.slice(0, limit);
  return pageOf(shown.map(toRecord), rows.length > limit, shown.at(-1)?.number);
}

export async function unfinishedReplays({ database }: Tables): Promise<readonly UnfinishedReplay[]> {
  const rows = await database.query<Row>('SELECT * FROM replays WHERE finished_at IS NULL ORDER BY number');
  return rows.map((row) => ({ replay: toRecord(row), ...(row.place !== null && { place: row.place }) }));
}

/** `place` is the number of the alert looked at last. */
export async function replayCandidates(
  tables: Tables,
  select: ReplaySelect,
  place = '0',
  limit = alertsPerStretch,
): Promise<ReplayCandidates> {
  const rows = await looked(tables, select, toNumber(place), limit);
  const isSelected = new Set(await selectedOf(tables, select, rows));
  const chosen = rows.filter(({ seq }) => isSelected.has(seq));
  const deliveries = await deliveriesOf(tables, chosen);
  const newer = new Set(await withNewer(tables, chosen));
  const items: ReplayCandidate[] = chosen.map((row) => ({
    place: String(row.seq),
    alert: alertOf(row),
    isOutdated: row.superseded || newer.has(row.seq),
    deliveries: (deliveries.get(row.seq) ?? []).map(({ record: { sink, state, fault } }) => ({
      sink,
      state,
      ...(fault !== undefined && { fault }),
    })),
  }));
  const last = rows.at(-1);
  return { items, ...(last && rows.length === limit && { next: String(last.seq) }) };
}

/** The next alerts, of which those that are selected are picked: so that one stretch ends, however few there are. */
async function looked(
  { database, sinks }: Tables,
  { ids, state, sink }: ReplaySelect,
  after: number,
  limit: number,
): Promise<readonly AlertRow[]> {
  const where = new Where().and('a.seq > ?', after);
  if (ids)
    where.and(
      'a.id = ANY(?::uuid[])',
      ids.flatMap((id) => idOrNothing(id) ?? []),
    );
  else if (state === 'dead') {
    const one = sink === undefined ? '' : `AND d.sink = ${where.value((await sinks.find(sink)) ?? 0)}`;
    where.and(`EXISTS (SELECT 1 FROM settled AS d WHERE d.alert = a.seq AND d.state = ? ${one})`, dead);
  }
  return database.query<AlertRow>(
    `SELECT ${alertColumns} FROM alerts AS a ${where.text} ORDER BY a.seq LIMIT ${where.value(limit)}`,
    where.values,
  );
}

async function selectedOf(tables: Tables, select: ReplaySelect, rows: readonly AlertRow[]): Promise<readonly number[]> {
  const { sink, state, fault, source, severity, from, until } = select;
  const where = new Where().and(
    'a.seq = ANY(?::bigint[])',
    rows.map(({ seq }) => seq),
  );
  await whereAlert(tables, where, {
    ...(source !== undefined && { source }),
    ...(severity !== undefined && { severity }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
  });
  whereUnrouted(where, select.unrouted);
  if (state !== undefined || fault !== undefined) {
    const conditions = ['d.alert = a.seq'];
    if (state !== undefined) conditions.push(`d.state = ${where.value(deliveryStates.indexOf(state))}`);
    if (fault !== undefined) conditions.push(`d.fault = ${where.value(fault)}`);
    if (sink !== undefined) conditions.push(`d.sink = ${where.value((await tables.sinks.find(sink)) ?? 0)}`);
    where.and(`EXISTS (SELECT 1 FROM settled AS d WHERE ${conditions.join(' AND ')}) = ?`, true);
  }
  const found = await tables.database.query<{ seq: number }>(
    `SELECT a.seq FROM alerts AS a ${where.text}`,
    where.values,
  );
  return found.map(({ seq }) => seq);
}

/** Those with a later report of their finding, one that had not been overtaken when it came. */
async function withNewer({ database }: Tables, rows: readonly AlertRow[]): Promise<readonly number[]> {
  const found = await database.query<{ seq: number }>(
    `SELECT a.seq FROM alerts AS a WHERE a.seq = ANY($1::bigint[]) AND EXISTS (
       SELECT 1 FROM reports AS r JOIN alerts AS b ON b.seq = r.alert
       WHERE r.fingerprint = a.fingerprint AND r.alert > a.seq AND NOT b.superseded
     )`,
    [rows.map(({ seq }) => seq)],
  );
  return found.map(({ seq }) => seq);
}

/** What a step decides anew has its names numbered before anything is locked. */
export async function prepareStep(tables: Tables, { owe }: ReplayStep): Promise<void> {
  await tables.sinks.learn(owe.map(({ sink }) => sink));
  await tables.routes.learn(owe.flatMap(({ routed }) => routed?.routes ?? []));
}

/** Makes deliveries due once more, or for the first time, and remembers how far the replay has come. */
export async function advanceReplay(
  tables: Tables,
  id: string,
  step: ReplayStep,
  now: number,
  { query }: Transaction,
): Promise<{ readonly replay: ReplayRecord; readonly counting: Counting }> {
  const [row] = await query<Row>('SELECT * FROM replays WHERE id = $1 FOR UPDATE', [idOrNothing(id) ?? null]);
  if (!row) throw new JournalUnavailableError(`There is no replay ${id}.`, false);
  if (row.finished_at !== null || row.place !== (step.from ?? null)) {
    return { replay: toRecord(row), counting: new Counting() };
  }
  const ids = step.owe.flatMap(({ alertId }) => idOrNothing(alertId) ?? []);
  await query(
    `SELECT 1 FROM findings WHERE fingerprint IN (SELECT fingerprint FROM alerts WHERE id = ANY($1::uuid[]))
     ORDER BY fingerprint FOR UPDATE`,
    [ids],
  );
  const replay = new Replay(tables, query, row.number, now);
  let owed = 0;
  for (const each of step.owe) if (await replay.oweAgain(each)) owed += 1;
  await elect(query, replay.places);
  const [after] = await query<Row>(
    `UPDATE replays SET place = $2, finished_at = $3, looked = looked + $4, owed = owed + $5, outdated = outdated + $6,
       unconfigured = unconfigured + $7 WHERE number = $1 RETURNING *`,
    [
      row.number,
      step.place ?? null,
      step.place === undefined ? now : null,
      step.looked,
      owed,
      step.outdated,
      step.unconfigured,
    ],
  );
  await replay.counting.write(query, tables.instance);
  return { replay: toRecord(after), counting: replay.counting };
}

/** One step of a replay, with the findings locked. */
class Replay {
  readonly counting = new Counting();
  readonly places: { readonly sink: number; readonly finding: Buffer }[] = [];

  constructor(
    private readonly tables: Tables,
    private readonly query: Query,
    private readonly number: number,
    private readonly now: number,
  ) {}

  /** False where it is left alone. */
  async oweAgain({ alertId, sink: name, routed }: ReplayStep['owe'][number]): Promise<boolean> {
    const sink = this.tables.sinks.numberOf(name);
    const [alert] = await this.query<OwedRow>(
      'SELECT seq, fingerprint, source, accepted_at, decision, bytes FROM alerts WHERE id = $1',
      [idOrNothing(alertId) ?? null],
    );
    if (!alert || (await this.#isUnderWay(alert.seq, sink))) return false;
    const [settled] = await this.query<{ state: number; attempts: number }>(
      'SELECT state, attempts FROM settled WHERE alert = $1 AND sink = $2',
      [alert.seq, sink],
    );
    if (settled ? routed !== undefined || !(await this.#unsettle(alert, sink, settled.state)) : !routed) return false;
    if (routed) {
      await this.#decideAgain(alert, { sink: name, ...routed });
      this.counting.sink(alert.accepted_at, sink, 'owed');
    }
    const attempts = settled?.attempts ?? 0;
    await this.query(
      `INSERT INTO owed (sink, alert, finding, is_head, attempts, replay, source, accepted_at, bytes)
       VALUES ($1, $2, $3, false, $4, $5, $6, $7, $8)`,
      [sink, alert.seq, alert.fingerprint, attempts, this.number, alert.source, alert.accepted_at, alert.bytes],
    );
    await this.query(
      `INSERT INTO replayed VALUES ($1, $2, $3, $4, $5, (SELECT max(number) FROM replays))
       ON CONFLICT (alert, sink) DO UPDATE SET replay = excluded.replay, at = excluded.at,
         attempts = excluded.attempts, newest_replay = excluded.newest_replay`,
      [alert.seq, sink, this.number, this.now, attempts],
    );
    this.counting.pending(alert.source, alert.bytes, 1);
    this.places.push({ sink, finding: alert.fingerprint });
    return true;
  }

  /** Pending, or made due by a replay since this one was asked for. */
  async #isUnderWay(alert: number, sink: number): Promise<boolean> {
    const rows = await this.query(
      `SELECT 1 FROM owed WHERE sink = $2 AND alert = $1
       UNION ALL SELECT 1 FROM replayed WHERE alert = $1 AND sink = $2 AND newest_replay >= $3`,
      [alert, sink, this.number],
    );
    return rows.length > 0;
  }

  async #unsettle({ seq, accepted_at: at }: OwedRow, sink: number, state: number): Promise<boolean> {
    if (state !== dead && state !== delivered) return false;
    this.counting.sink(at, sink, state === dead ? 'dead' : 'delivered', -1);
    await this.query('DELETE FROM settled WHERE alert = $1 AND sink = $2', [seq, sink]);
    return true;
  }

  /** The decision of then with what is new in it: so it goes on saying where the alert's deliveries are. */
  async #decideAgain(alert: OwedRow, added: { sink: string; routes: readonly string[]; keepsState: boolean }) {
    const before = await this.tables.decisions.get(alert.decision);
    const newRoutes = added.routes.filter((route) => !before.routes.includes(route));
    const after = await this.tables.decisions.of({
      routes: [...before.routes, ...newRoutes],
      sinks: [...before.sinks, added],
    });
    await this.query('UPDATE alerts SET decision = $2 WHERE seq = $1', [alert.seq, after.number]);
    for (const route of newRoutes) this.counting.route(this.tables.routes.numberOf(route));
    if (before.routes.length === 0 && newRoutes.length > 0) {
      this.counting.source(alert.accepted_at, alert.source, 'unrouted', -1);
      this.counting.source(alert.accepted_at, alert.source, 'routed');
    }
  }
}

function toRecord(row: Row | undefined): ReplayRecord {
  if (!row) throw new Error('a replay was not written');
  const { id, request, created_at: createdAt, finished_at: finishedAt, looked, outdated, unconfigured } = row;
  return {
    ...(JSON.parse(request) as ReplayRequest),
    id,
    createdAt,
    ...(finishedAt !== null && { finishedAt }),
    looked,
    owed: row.owed,
    pending: row.owed - row.delivered - row.dead,
    delivered: row.delivered,
    dead: row.dead,
    outdated,
    unconfigured,
  };
}
