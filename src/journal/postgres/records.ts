import { actionOf, states, type Alert, type NewAlert } from '../../core/alert.js';
import {
  deliveryStates,
  type AlertRecord,
  type Attempt,
  type DeliveryRecord,
  type Fault,
  type LookupRecord,
  type QuarantinedRequest,
} from '../../core/journal.js';
import { clock } from './database.js';
import type { Tables } from './tables.js';
import { secondWay } from './pulls.js';
import { decode, idOrNothing } from './rows.js';

type Arrival = Pick<AlertRecord['request'], 'remoteAddress' | 'authentication' | 'contentType'>;

export type AlertRow = {
  readonly seq: number;
  readonly request: number;
  readonly source: number;
  readonly accepted_at: number;
  readonly fingerprint: Buffer;
  readonly previous: number | null;
  readonly state: number;
  readonly is_first: boolean;
  readonly superseded: boolean;
  readonly duplicates: number;
  readonly decision: number;
  readonly json: string;
};

export const alertColumns =
  'seq, request, source, accepted_at, fingerprint, previous, state, is_first, superseded, duplicates, decision, json';

/** One delivery, owed or settled, of an alert. */
export type DeliveryRow = {
  readonly alert: number;
  readonly sink: number;
  readonly state: number;
  readonly attempts: number;
  readonly due_at: number | null;
  readonly settled_at: number | null;
  readonly remote_id: string | null;
  readonly fault: Fault | null;
  readonly reason: string | null;
  readonly replay: string | null;
  readonly replayed_at: number | null;
  readonly attempts_before: number | null;
  readonly held_by: string | null;
};

/** Of some alerts, `$1`. A delivery that is out has no time at which it is due. */
const selectDeliveries = `
  SELECT d.*, i.name AS held_by, r.id AS replay, m.at AS replayed_at, m.attempts AS attempts_before FROM (
    SELECT alert, sink, 0 AS state, attempts, CASE WHEN token = 0 AND due_at > 0 THEN due_at END AS due_at,
      NULL::bigint AS settled_at, NULL AS remote_id, NULL AS fault, NULL AS reason,
      CASE WHEN token > 0 AND due_at > ${clock} THEN instance END AS holder
    FROM owed WHERE sink IN (SELECT number FROM sinks) AND alert = ANY($1::bigint[])
    UNION ALL
    SELECT alert, sink, state, attempts, NULL, settled_at, remote_id, fault, reason, NULL
    FROM settled WHERE alert = ANY($1::bigint[])
  ) AS d LEFT JOIN instances AS i ON i.number = d.holder
  LEFT JOIN replayed AS m ON m.alert = d.alert AND m.sink = d.sink LEFT JOIN replays AS r ON r.number = m.replay`;

/** A delivery as it is shown, but for the alert's id, and the number of its sink. */
export type ShownDelivery = { readonly record: Omit<DeliveryRecord, 'alertId'>; readonly sink: number };

/** All that is known of one alert. */
export async function alertRecord(tables: Tables, id: string): Promise<AlertRecord | undefined> {
  const { database } = tables;
  const [row] = await database.query<AlertRow>(`SELECT ${alertColumns} FROM alerts WHERE id = $1`, [
    idOrNothing(id) ?? null,
  ]);
  if (!row) return undefined;
  const [request] = await database.query<{
    id: string;
    source: number;
    received_at: number;
    arrival: string;
    instance: string;
  }>(
    `SELECT r.id, r.source, r.received_at, r.arrival, i.name AS instance FROM requests AS r
     JOIN instances AS i ON i.number = r.instance WHERE r.seq = $1`,
    [row.request],
  );
  if (!request) return undefined;
  const alert = alertOf(row);
  const attempts = await database.query<{ sink: number; attempt: string }>(
    'SELECT sink, attempt FROM attempts WHERE alert = $1 ORDER BY sink, number',
    [row.seq],
  );
  const deliveries = (await deliveriesOf(tables, [row])).get(row.seq) ?? [];
  const [lookup] = await database.query<{ record: string }>('SELECT record FROM lookups WHERE alert = $1', [row.seq]);
  const again = await secondWay((text, values) => database.query(text, values), row.seq);
  return {
    alert,
    superseded: row.superseded,
    duplicates: row.duplicates,
    routes: (await tables.decisions.get(row.decision)).routes,
    request: {
      id: request.id,
      source: await tables.sources.nameOf(request.source),
      receivedAt: request.received_at,
      ...(JSON.parse(request.arrival) as Arrival),
      instance: decode(request.instance),
    },
    deliveries: deliveries.map(({ record, sink }) => ({
      ...record,
      alertId: alert.id,
      history: attempts.filter((each) => each.sink === sink).map(({ attempt }) => JSON.parse(attempt) as Attempt),
    })),
    ...(lookup && { lookup: JSON.parse(lookup.record) as LookupRecord }),
    ...(again && { again }),
  };
}

/** The bytes that an alert, or a request, came in. */
export async function rawOf(
  { database }: Tables,
  id: string,
): Promise<{ readonly contentType: string; readonly body: Buffer } | undefined> {
  const [row] = await database.query<{ arrival: string; body: Buffer }>(
    `SELECT arrival, body FROM requests
     WHERE seq = coalesce((SELECT request FROM alerts WHERE id = $1), (SELECT seq FROM requests WHERE id = $1))`,
    [idOrNothing(id) ?? null],
  );
  return row && { contentType: (JSON.parse(row.arrival) as Arrival).contentType, body: row.body };
}

/** A request with something in the quarantine. */
export async function quarantinedRequest(
  { database, sources }: Tables,
  requestId: string,
): Promise<QuarantinedRequest | undefined> {
  const [request] = await database.query<{
    seq: number;
    id: string;
    source: number;
    received_at: number;
    arrival: string;
    body: Buffer;
  }>('SELECT seq, id, source, received_at, arrival, body FROM requests WHERE id = $1', [
    idOrNothing(requestId) ?? null,
  ]);
  if (!request) return undefined;
  const parts = await database.query<{ seq: number; position: number | null }>(
    'SELECT seq, position FROM unread WHERE request = $1 ORDER BY seq',
    [request.seq],
  );
  if (parts.length === 0) return undefined;
  const { remoteAddress, contentType } = JSON.parse(request.arrival) as Arrival;
  return {
    id: request.id,
    source: await sources.nameOf(request.source),
    receivedAt: request.received_at,
    remoteAddress,
    contentType,
    body: request.body,
    parts: parts.map(({ seq, position }) => ({ number: seq, ...(position !== null && { index: position }) })),
  };
}

/** The alert as it was given, with its action. */
export function alertOf({ json, state, is_first: isFirst }: Pick<AlertRow, 'json' | 'state' | 'is_first'>): Alert {
  return { ...(JSON.parse(json) as NewAlert), action: actionOf(states[state] ?? 'unknown', isFirst) };
}

/** The deliveries of some alerts, each in the order of its decision. */
export async function deliveriesOf(
  tables: Tables,
  alerts: readonly Pick<AlertRow, 'seq' | 'accepted_at' | 'decision'>[],
): Promise<ReadonlyMap<number, readonly ShownDelivery[]>> {
  const rows = await tables.database.query<DeliveryRow>(selectDeliveries, [alerts.map(({ seq }) => seq)]);
  const found = new Map(rows.map((row) => [`${String(row.alert)} ${String(row.sink)}`, row]));
  const shown = new Map<number, readonly ShownDelivery[]>();
  for (const alert of alerts) {
    const { sinks } = await tables.decisions.get(alert.decision);
    const of: ShownDelivery[] = [];
    for (const { sink: name, routes } of sinks) {
      const sink = await tables.sinks.find(name);
      const row = found.get(`${String(alert.seq)} ${String(sink)}`);
      if (row) of.push({ sink: row.sink, record: toRecord(tables, row, { name, routes, alert }) });
    }
    shown.set(alert.seq, of);
  }
  return shown;
}

function toRecord(
  { database }: Tables,
  row: DeliveryRow,
  of: { readonly name: string; readonly routes: readonly string[]; readonly alert: Pick<AlertRow, 'accepted_at'> },
): Omit<DeliveryRecord, 'alertId'> {
  const state = deliveryStates[row.state] ?? 'pending';
  const dueAt = row.due_at === null ? of.alert.accepted_at : database.toRouterTime(row.due_at);
  return {
    sink: of.name,
    routes: of.routes,
    state,
    attempts: row.attempts,
    ...(state === 'pending' && { dueAt }),
    ...(row.settled_at !== null && { settledAt: row.settled_at }),
    ...(row.remote_id !== null && { remoteId: decode(row.remote_id) }),
    ...(row.fault !== null && { fault: row.fault }),
    ...(row.reason !== null && { reason: decode(row.reason) }),
    ...(row.replay !== null && {
      replay: { id: row.replay, at: row.replayed_at ?? 0, attemptsBefore: row.attempts_before ?? 0 },
    }),
    ...(row.held_by !== null && { heldBy: decode(row.held_by) }),
  };
}
