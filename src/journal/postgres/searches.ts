import { kinds, severities, states } from '../../core/alert.js';
import {
  deliveryStates,
  type AlertQuery,
  type AlertSummary,
  type Attempt,
  type DeliveryQuery,
  type DeliverySummary,
  type Page,
  type PageRequest,
  type RequestRecord,
} from '../../core/journal.js';
import type { Tables } from './tables.js';
import { alertColumns, alertOf, deliveriesOf, type AlertRow, type ShownDelivery } from './records.js';
import { decode, keyOf, toNumber } from './rows.js';

/** Conditions that must all hold, with their parameters. */
export class Where {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  /** `?` stands for the value. */
  and(condition: string, value: unknown): this {
    this.#conditions.push(condition.replaceAll('?', this.value(value)));
    return this;
  }

  /** Does nothing where the value is undefined. */
  andIf(condition: string, value: unknown): this {
    return value === undefined ? this : this.and(condition, value);
  }

  value(value: unknown): string {
    this.values.push(value);
    return `$${String(this.values.length)}`;
  }

  get text(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`;
  }
}

/** No source or sink has the number 0: what is asked of a name that nobody knows finds nothing. */
const nobody = 0;

/** What both searches ask of an alert, `a`. */
export async function whereAlert(
  { sources }: Tables,
  where: Where,
  { source, severity, kind, state, from, until }: AlertQuery,
): Promise<Where> {
  return where
    .andIf('a.source = ?', source === undefined ? undefined : ((await sources.find(source)) ?? nobody))
    .andIf('a.severity = ?', positionOf(severities, severity))
    .andIf('a.kind = ?', positionOf(kinds, kind))
    .andIf('a.state = ?', positionOf(states, state))
    .andIf('a.accepted_at >= ?', from)
    .andIf('a.accepted_at < ?', until);
}

const unrouted = `a.decision IN (SELECT number FROM decisions WHERE text LIKE '{"routes":[],%')`;

export function whereUnrouted(where: Where, wanted: boolean | undefined): Where {
  return where.andIf(`(${unrouted}) = ?`, wanted);
}

export async function alerts(
  tables: Tables,
  query: AlertQuery,
  { limit, cursor }: PageRequest,
): Promise<Page<AlertSummary>> {
  const { sink, deliveryState, fingerprint, vendorId } = query;
  const where = await whereAlert(tables, new Where().and('a.seq < ?', toNumber(cursor)), query);
  whereUnrouted(where, query.unrouted);
  if (fingerprint !== undefined) where.and('a.fingerprint = ?', keyOf(fingerprint));
  // In the JSON somewhere first, which is quick, and then as a value of that object.
  if (vendorId !== undefined) {
    where.and('strpos(a.json, ?) > 0', JSON.stringify(vendorId));
    where.and("? IN (SELECT value FROM json_each_text((a.json::json)->'vendorIds'))", vendorId);
  }
  if (sink !== undefined || deliveryState !== undefined) {
    where.and(
      `EXISTS (SELECT 1 FROM ${deliveries} AS d WHERE d.alert = a.seq AND (?::boolean OR d.state = ${where.value(
        deliveryStates.indexOf(deliveryState ?? 'pending'),
      )}) AND (${where.value(sink === undefined)} OR d.sink = ${where.value(
        sink === undefined ? nobody : ((await tables.sinks.find(sink)) ?? nobody),
      )}))`,
      deliveryState === undefined,
    );
  }
  const rows = await tables.database.query<AlertRow>(
    `SELECT ${alertColumns} FROM alerts AS a ${where.text} ORDER BY a.seq DESC LIMIT ${where.value(limit + 1)}`,
    where.values,
  );
  const shown = rows.slice(0, limit);
  const of = await deliveriesOf(tables, shown);
  const items: AlertSummary[] = [];
  for (const row of shown) items.push(await summaryOf(tables, row, of.get(row.seq) ?? []));
  return pageOf(items, rows.length > limit, shown.at(-1)?.seq);
}

const deliveries = `(
  SELECT alert, sink, 0 AS state, NULL AS fault FROM owed UNION ALL SELECT alert, sink, state, fault FROM settled
)`;
const tables = { pending: 'owed', settled: 'settled', both: deliveries } as const;

export async function deliverySummaries(
  all: Tables,
  { sink, state, fault, ...query }: DeliveryQuery,
  { limit, cursor }: PageRequest,
): Promise<Page<DeliverySummary>> {
  const [alert, last] = cursor?.split('.') ?? [];
  const where = await whereAlert(all, new Where(), query);
  where.and(`(d.alert, d.sink) < (?::bigint, ${where.value(toNumber(last))}::bigint)`, toNumber(alert));
  where.andIf('d.sink = ?', sink === undefined ? undefined : ((await all.sinks.find(sink)) ?? nobody));
  if (state !== undefined && state !== 'pending') where.and('d.state = ?', deliveryStates.indexOf(state));
  if (fault !== undefined) where.and('d.fault = ?', fault);
  const from =
    state === undefined && fault === undefined ? tables.both : state === 'pending' ? tables.pending : tables.settled;
  // What is pending has no fault.
  if (state === 'pending' && fault !== undefined) return { items: [] };
  const rows = await all.database.query<AlertRow & { sink: number }>(
    `SELECT ${alertColumns.replaceAll(/\b(\w+)\b/g, 'a.$1')}, d.sink FROM ${from} AS d JOIN alerts AS a ON a.seq = d.alert
     ${where.text} ORDER BY d.alert DESC, d.sink DESC LIMIT ${where.value(limit + 1)}`,
    where.values,
  );
  const shown = rows.slice(0, limit);
  const of = await deliveriesOf(all, shown);
  const items: DeliverySummary[] = [];
  for (const row of shown) {
    const delivery = of.get(row.seq)?.find((each) => each.sink === row.sink);
    if (delivery) items.push(await deliverySummaryOf(all, row, delivery));
  }
  const end = shown.at(-1);
  return pageOf(items, rows.length > limit, end && `${String(end.seq)}.${String(end.sink)}`);
}

type RequestRow = {
  readonly seq: number;
  readonly id: string;
  readonly source: number;
  readonly received_at: number;
  readonly arrival: string;
  readonly bytes: number;
  readonly position: number | null;
  readonly reason: string;
};

export function quarantine(all: Tables, page: PageRequest): Promise<Page<RequestRecord>> {
  return requestPage(
    all,
    `SELECT u.seq, r.id, r.source, r.received_at, r.arrival, r.bytes, u.position, u.reason
     FROM unread AS u JOIN requests AS r ON r.seq = u.request WHERE u.seq < $1 ORDER BY u.seq DESC LIMIT $2`,
    page,
  );
}

export function probes(all: Tables, page: PageRequest): Promise<Page<RequestRecord>> {
  return requestPage(
    all,
    `SELECT seq, id, source, received_at, arrival, bytes, NULL AS position, probe AS reason
     FROM requests WHERE probe IS NOT NULL AND seq < $1 ORDER BY seq DESC LIMIT $2`,
    page,
  );
}

async function requestPage(
  { database, sources }: Tables,
  text: string,
  { limit, cursor }: PageRequest,
): Promise<Page<RequestRecord>> {
  const rows = await database.query<RequestRow>(text, [toNumber(cursor), limit + 1]);
  const items: RequestRecord[] = [];
  for (const row of rows.slice(0, limit)) {
    items.push({
      requestId: row.id,
      source: await sources.nameOf(row.source),
      receivedAt: row.received_at,
      contentType: (JSON.parse(row.arrival) as { contentType: string }).contentType,
      bytes: row.bytes,
      ...(row.position !== null && { index: row.position }),
      reason: decode(row.reason),
    });
  }
  return pageOf(items, rows.length > limit, rows[limit - 1]?.seq);
}

export function pageOf<T>(items: readonly T[], hasMore: boolean, last: number | string | undefined): Page<T> {
  return { items, ...(hasMore && last !== undefined && { next: String(last) }) };
}

async function summaryOf(all: Tables, row: AlertRow, of: readonly ShownDelivery[]): Promise<AlertSummary> {
  const { id, fingerprint, receivedAt, kind, state, severity, title } = alertOf(row);
  return {
    id,
    fingerprint,
    receivedAt,
    source: await all.sources.nameOf(row.source),
    kind,
    state,
    severity,
    title,
    superseded: row.superseded,
    routes: (await all.decisions.get(row.decision)).routes,
    deliveries: of.map(({ record }) => ({ sink: record.sink, state: record.state, attempts: record.attempts })),
  };
}

async function deliverySummaryOf(
  all: Tables,
  row: AlertRow,
  { record, sink }: ShownDelivery,
): Promise<DeliverySummary> {
  const { id, receivedAt, severity, title } = alertOf(row);
  const [last] = await all.database.query<{ attempt: string }>(
    'SELECT attempt FROM attempts WHERE alert = $1 AND sink = $2 ORDER BY number DESC LIMIT 1',
    [row.seq, sink],
  );
  const answer = last && (JSON.parse(last.attempt) as Attempt).answer;
  return {
    ...record,
    alertId: id,
    receivedAt,
    source: await all.sources.nameOf(row.source),
    severity,
    title,
    ...(answer && { answer }),
  };
}

function positionOf<T>(list: readonly T[], item: T | undefined): number | undefined {
  return item === undefined ? undefined : list.indexOf(item);
}
