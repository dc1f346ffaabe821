import { kinds, severities, states } from '../../core/alert.js';
import { ageOf, isSuperseded, withReport, type Finding } from '../../core/finding.js';
import {
  deliveryStates,
  wholeRequest,
  type AcceptedRequest,
  type Receipt,
  type Reread,
  type RoutedAlert,
} from '../../core/journal.js';
import type { Way } from '../../core/reconciliation.js';
import { alertColumns, findingColumns, reportColumns, requestColumns, unreadColumns } from './columns.js';
import { Counting } from './counting.js';
import { clock, type Query, type Transaction } from './database.js';
import type { Decision } from './names.js';
import { countUnread, keepPage, pullingSources, saw, wayOf, type Seen } from './pulls.js';
import { encode, idOrNothing, insertInto, keyOf, rowsOf, valuesOf } from './rows.js';
import type { Tables } from './tables.js';

const owedColumns = {
  sink: 'integer',
  alert: 'bigint',
  finding: 'bytea',
  follows: 'boolean',
  due_at: 'bigint',
  source: 'integer',
  accepted_at: 'bigint',
  bytes: 'integer',
} as const;
const supersededColumns = {
  alert: 'bigint',
  sink: 'integer',
  state: 'smallint',
  attempts: 'integer',
  settled_at: 'bigint',
} as const;
const duplicateColumns = { seq: 'bigint', count: 'integer' } as const;
const keyColumns = { fingerprint: 'bytea', dedup_key: 'bytea' } as const;

type RowOf<Columns> = Readonly<Record<keyof Columns, unknown>>;

const statements = {
  // In one order, whoever does it: no two can wait for each other.
  makeFindings: `INSERT INTO findings (fingerprint, alert, newest_at, ended)
    SELECT fingerprint, 0, 0, false FROM ${rowsOf({ fingerprint: 'bytea' })} ORDER BY 1 ON CONFLICT DO NOTHING`,
  lockFindings: `SELECT fingerprint, alert, newest_at, ended FROM findings
    WHERE fingerprint = ANY($1::bytea[]) ORDER BY fingerprint FOR UPDATE`,
  knownReports: `SELECT r.fingerprint, r.dedup_key, r.alert, r.received_at, a.id FROM ${rowsOf(keyColumns)}
    JOIN reports AS r ON r.fingerprint = n.fingerprint AND r.dedup_key = n.dedup_key JOIN alerts AS a ON a.seq = r.alert`,
  requests: insertInto('requests', requestColumns),
  unread: insertInto('unread', unreadColumns),
  alerts: insertInto('alerts', alertColumns),
  settled: insertInto('settled', supersededColumns),
  owed: `INSERT INTO owed (sink, alert, finding, is_head, due_at, source, accepted_at, bytes)
    SELECT sink, alert, finding, NOT follows AND NOT EXISTS (
      SELECT 1 FROM owed AS o WHERE o.sink = n.sink AND o.finding = n.finding
    ), due_at, source, accepted_at, bytes FROM ${rowsOf(owedColumns)}`,
  findings: `UPDATE findings AS f SET alert = n.alert, newest_at = n.newest_at, ended = n.ended
    FROM ${rowsOf(findingColumns)} WHERE f.fingerprint = n.fingerprint`,
  reports: `${insertInto('reports', reportColumns)}
    ON CONFLICT (fingerprint, dedup_key) DO UPDATE SET alert = excluded.alert, received_at = excluded.received_at`,
  duplicates: `UPDATE alerts AS a SET duplicates = a.duplicates + n.count
    FROM ${rowsOf(duplicateColumns)} WHERE a.seq = n.seq`,
  live: `UPDATE instances SET seen_at = ${clock} WHERE number = $1`,
};

/** The request that something comes in, by its number and that of its source. */
type RequestPlace = { readonly seq: number; readonly source: number; readonly by: Way };
type Known = { alert: number; finding: Finding | undefined };
type Reported = { readonly alert: number; readonly id: string; readonly receivedAt: number };

/** Numbers what the requests name, before anything is locked. */
export async function prepare(tables: Tables, requests: readonly AcceptedRequest[]): Promise<void> {
  await tables.sources.learn(requests.map(({ source }) => source));
  await learn(
    tables,
    requests.flatMap(({ alerts }) => alerts),
  );
}

export async function learn(
  { sinks, routes, decisions }: Tables,
  alerts: readonly Pick<RoutedAlert, 'routes' | 'sinks'>[],
): Promise<void> {
  await sinks.learn(alerts.flatMap((alert) => alert.sinks.map(({ sink }) => sink)));
  await routes.learn(alerts.flatMap((alert) => alert.routes));
  for (const alert of alerts) await decisions.of(alert);
}

/** Keeps requests that were prepared, in one transaction. What an earlier try of it committed is told again. */
export async function append(
  tables: Tables,
  requests: readonly AcceptedRequest[],
  transaction: Transaction,
): Promise<{ readonly receipts: readonly Receipt[]; readonly counting: Counting }> {
  const kept = transaction.isRetry ? await keptOf(transaction.query, requests) : new Map<string, Receipt>();
  const fresh = requests.filter(({ id }) => !kept.has(id));
  const acceptance = await Acceptance.begin(tables, transaction.query, {
    alerts: fresh.flatMap(({ alerts }) => alerts),
    requests: fresh.length,
    unread: fresh.reduce((sum, { unread }) => sum + unread.length, 0),
  });
  const begun = await begunOf(transaction.query, fresh);
  const receipts = new Map(fresh.map((request) => [request.id, acceptance.request(request, begun.get(request.id))]));
  await acceptance.write();
  // What an earlier COMMIT left may not be on the standby yet: this one waits for all that was written before it.
  if (kept.size > 0) await transaction.query(statements.live, [tables.instance]);
  return {
    receipts: requests.map(({ id }) => kept.get(id) ?? receipts.get(id) ?? { alerts: [] }),
    counting: acceptance.counting,
  };
}

/** Accepts now what a quarantined request gave when it was read again; undefined where its parts are gone. */
export async function reread(
  tables: Tables,
  { requestId, parts, alerts, unread, probe, isUnfinished }: Reread,
  now: number,
  { query }: Transaction,
): Promise<{ readonly receipt: Receipt; readonly counting: Counting } | undefined> {
  const [request] = await query<{ seq: number; source: number; received_at: number; arrival: string }>(
    'SELECT seq, source, received_at, arrival FROM requests WHERE id = $1 FOR UPDATE',
    [idOrNothing(requestId) ?? null],
  );
  if (!request || parts.length === 0) return undefined;
  const there = await query<{ seq: number }>('SELECT seq FROM unread WHERE request = $1 AND seq = ANY($2::bigint[])', [
    request.seq,
    parts,
  ]);
  if (there.length !== new Set(parts).size) return undefined;
  const gone = isUnfinished ? [] : parts;
  await query('DELETE FROM unread WHERE request = $1 AND seq = ANY($2::bigint[])', [request.seq, gone]);
  const acceptance = await Acceptance.begin(tables, query, { alerts, requests: 0, unread: unread.length });
  const by = wayOf(request.arrival);
  const receipt = acceptance.read({ ...request, by }, { alerts, unread }, now);
  const { counting } = acceptance;
  const then = request.received_at;
  counting.source(then, request.source, 'received', unread.length - gone.length + (probe === undefined ? 0 : 1));
  counting.source(then, request.source, 'quarantined', unread.length - gone.length);
  if (probe !== undefined) {
    counting.source(then, request.source, 'probes');
    await query('UPDATE requests SET probe = $2 WHERE seq = $1', [request.seq, encode(probe)]);
  }
  await acceptance.write();
  if (by === 'pull') await countUnread(query, request.source, unread.length - gone.length, then);
  return { receipt, counting };
}

/** The numbers of those requests of which a part is here already. */
async function begunOf(query: Query, requests: readonly AcceptedRequest[]): Promise<ReadonlyMap<string, number>> {
  const later = requests.filter(({ part }) => part?.isFirst === false);
  if (later.length === 0) return new Map();
  const rows = await query<{ id: string; seq: number }>('SELECT id, seq FROM requests WHERE id = ANY($1::uuid[])', [
    later.map(({ id }) => id),
  ]);
  return new Map(rows.map(({ id, seq }) => [id, seq]));
}

/** The receipts of requests that are there already; of a later part, by what of it is there. */
async function keptOf(query: Query, requests: readonly AcceptedRequest[]): Promise<Map<string, Receipt>> {
  const there = await query<{ id: string; has_unread: boolean }>(
    `SELECT id, EXISTS (SELECT 1 FROM unread AS u WHERE u.request = r.seq) AS has_unread
     FROM requests AS r WHERE id = ANY($1::uuid[])`,
    [requests.map(({ id }) => id)],
  );
  const kept = new Map<string, Receipt>();
  for (const { id, has_unread: hasUnread } of there) {
    const { alerts = [], part } = requests.find((request) => request.id === id) ?? {};
    const accepted = await query<{ id: string }>('SELECT id FROM alerts WHERE id = ANY($1::uuid[])', [
      alerts.map(({ alert }) => alert.id),
    ]);
    const ids = new Set(accepted.map((row) => row.id));
    if (part?.isFirst === false && ids.size === 0 && !(part.isLast && hasUnread)) continue;
    const reports = await reportsOf(query, alerts);
    const receipts = alerts.map(({ alert }): Receipt['alerts'][number] =>
      ids.has(alert.id)
        ? { id: alert.id, status: 'accepted' }
        : { id: reports.get(reportKey(alert))?.id ?? alert.id, status: 'duplicate' },
    );
    kept.set(id, { alerts: receipts });
  }
  return kept;
}

function reportKey({ fingerprint, dedupKey }: RoutedAlert['alert']): string {
  return `${hexKey(fingerprint)} ${hexKey(dedupKey)}`;
}

async function reportsOf(query: Query, alerts: readonly RoutedAlert[]): Promise<Map<string, Reported>> {
  if (alerts.length === 0) return new Map();
  const keys = alerts.map(({ alert }) => ({
    fingerprint: keyOf(alert.fingerprint),
    dedup_key: keyOf(alert.dedupKey),
  }));
  const rows = await query<{ fingerprint: Buffer; dedup_key: Buffer; alert: number; received_at: number; id: string }>(
    statements.knownReports,
    valuesOf(keyColumns, keys),
  );
  return new Map(
    rows.map(({ fingerprint, dedup_key: key, alert, received_at: receivedAt, id }) => [
      `${fingerprint.toString('hex')} ${key.toString('hex')}`,
      { alert, id, receivedAt },
    ]),
  );
}

/** What comes in one transaction: how many numbers it needs, and of which findings. */
type Load = { readonly alerts: readonly RoutedAlert[]; readonly requests: number; readonly unread: number };

/** Judges alerts one by one, with the rows of their findings locked, and then writes them all at once. */
class Acceptance {
  readonly counting = new Counting();
  readonly #rows = {
    requests: [] as RowOf<typeof requestColumns>[],
    unread: [] as RowOf<typeof unreadColumns>[],
    alerts: [] as RowOf<typeof alertColumns>[],
    owed: [] as RowOf<typeof owedColumns>[],
    settled: [] as RowOf<typeof supersededColumns>[],
  };
  /** What changed of the findings, by their keys in hex. */
  readonly #changed = new Set<string>();
  readonly #reported = new Map<string, RowOf<typeof reportColumns>>();
  readonly #duplicates = new Map<number, number>();
  /** The findings that each sink is owed something of in this transaction. */
  readonly #owed = new Set<string>();
  /** Of sources that pull, in order. */
  readonly #seen: Seen[] = [];
  readonly #pages: (Pick<AcceptedRequest, 'receivedAt' | 'pull' | 'unread'> & { readonly source: number })[] = [];

  private constructor(
    private readonly tables: Tables,
    private readonly query: Query,
    private readonly decisions: ReadonlyMap<RoutedAlert, Decision>,
    private readonly findings: Map<string, Known>,
    private readonly reports: Map<string, Reported>,
    private readonly numbers: { readonly alerts: number[]; readonly requests: number[]; readonly unread: number[] },
    private readonly pulling: ReadonlySet<number>,
  ) {}

  static async begin(tables: Tables, query: Query, { alerts, requests, unread }: Load): Promise<Acceptance> {
    const decisions = new Map<RoutedAlert, Decision>();
    for (const routed of alerts) decisions.set(routed, await tables.decisions.of(routed));
    const keys = [...new Set(alerts.map(({ alert }) => hexKey(alert.fingerprint)))];
    const findings = await lock(query, keys);
    // Only now: whoever waited at a finding is numbered after whoever it waited for.
    const numbers = {
      alerts: await numbersOf(query, 'alert_numbers', alerts.length),
      requests: await numbersOf(query, 'request_numbers', requests),
      unread: await numbersOf(query, 'request_numbers', unread),
    };
    return new Acceptance(
      tables,
      query,
      decisions,
      findings,
      await reportsOf(query, alerts),
      numbers,
      await pullingSources(query),
    );
  }

  /** `begun`: the number of the request where a part of it is here already. */
  request(request: AcceptedRequest, begun: number | undefined): Receipt {
    const { receivedAt, alerts, unread, probe, pull, body, remoteAddress, authentication, contentType } = request;
    const { isFirst, isLast } = request.part ?? wholeRequest;
    const seq = begun ?? this.numbers.requests.shift() ?? 0;
    const source = this.tables.sources.numberOf(request.source);
    const by = pull ? 'pull' : 'webhook';
    const receipt = this.read({ seq, source, by }, { alerts, unread }, receivedAt);
    const isNew =
      receipt.alerts.some(({ status }) => status === 'accepted') || unread.length > 0 || probe !== undefined;
    if (pull && isLast) this.#pages.push({ source, receivedAt, pull, unread });
    if (begun === undefined && (!pull || isNew))
      this.#rows.requests.push({
        seq,
        id: request.id,
        source,
        received_at: receivedAt,
        instance: this.tables.instance,
        arrival: JSON.stringify({ remoteAddress, authentication, contentType }),
        probe: probe === undefined ? null : encode(probe),
        bytes: body.length,
        body,
      });
    if (isFirst) this.counting.source(receivedAt, source, 'requests');
    this.counting.source(receivedAt, source, 'received', unread.length + (probe === undefined ? 0 : 1));
    this.counting.source(receivedAt, source, 'quarantined', unread.length);
    this.counting.source(receivedAt, source, 'probes', probe === undefined ? 0 : 1);
    return receipt;
  }

  /** What was read of a request, now or again. */
  read(
    request: RequestPlace,
    { alerts, unread }: Pick<AcceptedRequest, 'alerts' | 'unread'>,
    acceptedAt: number,
  ): Receipt {
    const { seq, source } = request;
    for (const { index, reason } of unread) {
      const number = this.numbers.unread.shift() ?? 0;
      this.#rows.unread.push({ seq: number, request: seq, position: index ?? null, reason: encode(reason) });
    }
    const receipts = alerts.map((routed) => this.#alert(routed, request, acceptedAt));
    const accepted = receipts.filter(({ status }) => status === 'accepted').length;
    this.counting.source(acceptedAt, source, 'received', alerts.length);
    this.counting.source(acceptedAt, source, 'accepted', accepted);
    this.counting.source(acceptedAt, source, 'duplicates', alerts.length - accepted);
    return { alerts: receipts };
  }

  async write(): Promise<void> {
    const { requests, unread, alerts, owed, settled } = this.#rows;
    const findings = [...this.#changed].map((key) => {
      const { alert = 0, finding } = this.findings.get(key) ?? {};
      const { newestAt = 0, ended = false } = finding ?? {};
      return { fingerprint: Buffer.from(key, 'hex'), alert, newest_at: newestAt, ended };
    });
    await this.#put(statements.requests, requestColumns, requests);
    await this.#put(statements.unread, unreadColumns, unread);
    await this.#put(statements.alerts, alertColumns, alerts);
    await this.#put(statements.owed, owedColumns, owed);
    await this.#put(statements.settled, supersededColumns, settled);
    await this.#put(statements.findings, findingColumns, findings);
    await this.#put(statements.reports, reportColumns, [...this.#reported.values()]);
    await this.#put(
      statements.duplicates,
      duplicateColumns,
      [...this.#duplicates].map(([seq, count]) => ({ seq, count })),
    );
    for (const seen of this.#seen) await saw(this.query, seen, this.counting);
    for (const { source, pull, unread, receivedAt } of this.#pages)
      if (pull) await keepPage(this.query, source, pull, unread.length, receivedAt);
    await this.counting.write(this.query, this.tables.instance);
  }

  async #put<Columns extends Readonly<Record<string, string>>>(
    text: string,
    columns: Columns,
    rows: readonly RowOf<Columns>[],
  ): Promise<void> {
    if (rows.length > 0) await this.query(text, valuesOf(columns, rows));
  }

  #alert(routed: RoutedAlert, request: RequestPlace, acceptedAt: number): Receipt['alerts'][number] {
    const { alert } = routed;
    const key = hexKey(alert.fingerprint);
    const known = this.findings.get(key) ?? { alert: 0, finding: undefined };
    const same = this.reports.get(reportKey(alert));
    if (same && acceptedAt - same.receivedAt < this.tables.dedupWindow) {
      this.#duplicates.set(same.alert, (this.#duplicates.get(same.alert) ?? 0) + 1);
      this.#see(routed, request, { of: same.alert, at: acceptedAt });
      return { id: same.id, status: 'duplicate' };
    }
    const seq = this.numbers.alerts.shift() ?? 0;
    const age = ageOf(alert);
    const superseded = isSuperseded(age, known.finding);
    this.#keep(routed, { seq, superseded, previous: known.alert }, request, acceptedAt);
    const isFirst = known.alert === 0;
    if (request.by === 'pull' || !isFirst) this.#see(routed, request, { isFirst, at: acceptedAt });
    this.findings.set(key, { alert: seq, finding: superseded ? known.finding : withReport(age, known.finding) });
    this.#changed.add(key);
    this.reports.set(reportKey(alert), { alert: seq, id: alert.id, receivedAt: acceptedAt });
    this.#reported.set(reportKey(alert), {
      fingerprint: keyOf(alert.fingerprint),
      dedup_key: keyOf(alert.dedupKey),
      alert: seq,
      received_at: acceptedAt,
    });
    return { id: alert.id, status: 'accepted' };
  }

  #see(
    { alert }: RoutedAlert,
    { source, by }: RequestPlace,
    what: { readonly at: number } & ({ readonly of: number } | { readonly isFirst: boolean }),
  ): void {
    if (by === 'webhook' && !this.pulling.has(source)) return;
    this.#seen.push({ source, fingerprint: keyOf(alert.fingerprint), alert, by, ...what });
  }

  #keep(
    routed: RoutedAlert,
    { seq, superseded, previous }: { seq: number; superseded: boolean; previous: number },
    { seq: request, source }: RequestPlace,
    acceptedAt: number,
  ): void {
    const { alert, json = JSON.stringify(alert), routes, sinks, notBefore } = routed;
    const bytes = Buffer.byteLength(json);
    const finding = keyOf(alert.fingerprint);
    this.#rows.alerts.push({
      seq,
      id: alert.id,
      request,
      source,
      accepted_at: acceptedAt,
      fingerprint: finding,
      dedup_key: keyOf(alert.dedupKey),
      previous: previous === 0 ? null : previous,
      kind: kinds.indexOf(alert.kind),
      state: states.indexOf(alert.state),
      severity: severities.indexOf(alert.severity),
      is_first: previous === 0,
      superseded,
      decision: this.decisions.get(routed)?.number,
      bytes,
      json,
    });
    const dueAt = notBefore === undefined ? 0 : Math.max(1, this.tables.database.toDatabaseTime(notBefore));
    for (const { sink: name, keepsState } of sinks) {
      const sink = this.tables.sinks.numberOf(name);
      this.counting.sink(acceptedAt, sink, 'owed');
      if (superseded && keepsState) {
        this.#rows.settled.push({
          alert: seq,
          sink,
          state: deliveryStates.indexOf('superseded'),
          attempts: 0,
          settled_at: acceptedAt,
        });
        this.counting.sink(acceptedAt, sink, 'superseded');
        continue;
      }
      const place = `${String(sink)} ${hexKey(alert.fingerprint)}`;
      const follows = this.#owed.has(place);
      this.#owed.add(place);
      this.#rows.owed.push({
        sink,
        alert: seq,
        finding,
        follows,
        due_at: dueAt,
        source,
        accepted_at: acceptedAt,
        bytes,
      });
      this.counting.pending(source, bytes, 1);
    }
    for (const route of routes) this.counting.route(this.tables.routes.numberOf(route));
    this.counting.source(acceptedAt, source, routes.length > 0 ? 'routed' : 'unrouted');
  }
}

/** The findings with these keys, in hex: nobody else changes them, or what is owed of them, until the transaction ends. */
async function lock(query: Query, keys: readonly string[]): Promise<Map<string, Known>> {
  if (keys.length === 0) return new Map();
  const values = [keys.map((key) => Buffer.from(key, 'hex'))];
  await query(statements.makeFindings, values);
  const rows = await query<{ fingerprint: Buffer; alert: number; newest_at: number; ended: boolean }>(
    statements.lockFindings,
    values,
  );
  return new Map(
    rows.map(({ fingerprint, alert, newest_at: newestAt, ended }) => [
      fingerprint.toString('hex'),
      { alert, finding: alert > 0 ? { newestAt, ended } : undefined },
    ]),
  );
}

async function numbersOf(query: Query, sequence: string, count: number): Promise<number[]> {
  if (count === 0) return [];
  const rows = await query<{ number: number }>(`SELECT nextval('${sequence}') AS number FROM generate_series(1, $1)`, [
    count,
  ]);
  return rows.map(({ number }) => number).sort((a, b) => a - b);
}

function hexKey(digest: string): string {
  return digest.slice(0, 32);
}
