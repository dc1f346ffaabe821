import type { Fault } from '../../core/journal.js';

/** Rows as they are selected. Columns that are positions in a list, or numbers of a name, are named after the list. */

export const alertColumns =
  'seq, request, source, received_at, fingerprint, previous, kind, state, severity, is_first, superseded, duplicates, decision';

export type AlertRow = {
  readonly seq: number;
  readonly request: number;
  readonly source: number;
  readonly received_at: number;
  readonly fingerprint: Buffer;
  readonly previous: number | null;
  readonly kind: number;
  readonly state: number;
  readonly severity: number;
  readonly is_first: number;
  readonly superseded: number;
  readonly duplicates: number;
  readonly decision: number;
};

export const deliveryOfAlert = `
  SELECT 0 AS state, attempts, due_at, NULL AS settled_at, NULL AS remote_id, NULL AS fault, NULL AS reason,
         NULL AS attempt FROM owed WHERE sink = :sink AND alert = :alert
  UNION ALL
  SELECT state, attempts, NULL, settled_at, remote_id, fault, reason, attempt
  FROM settled WHERE alert = :alert AND sink = :sink`;

export type DeliveryRow = {
  readonly state: number;
  readonly attempts: number;
  readonly due_at: number | null;
  readonly settled_at: number | null;
  readonly remote_id: string | null;
  readonly fault: Fault | null;
  readonly reason: string | null;
  readonly attempt: string | null;
};

export const requestColumns = 'requests.seq, id, source, received_at, arrival, coalesce(bytes, length(body)) AS bytes';

export type RequestRow = {
  readonly seq: number;
  readonly id: Buffer;
  readonly source: number;
  readonly received_at: number;
  readonly arrival: string;
  readonly bytes: number;
};
