/** The columns that rows of these tables are written with, and their types in PostgreSQL; see `rows.ts`. */

export const requestColumns = {
  seq: 'bigint',
  id: 'uuid',
  source: 'integer',
  received_at: 'bigint',
  instance: 'integer',
  arrival: 'text',
  probe: 'text',
  bytes: 'integer',
  body: 'bytea',
} as const;
export const unreadColumns = { seq: 'bigint', request: 'bigint', position: 'integer', reason: 'text' } as const;
export const alertColumns = {
  seq: 'bigint',
  id: 'uuid',
  request: 'bigint',
  source: 'integer',
  accepted_at: 'bigint',
  fingerprint: 'bytea',
  dedup_key: 'bytea',
  previous: 'bigint',
  kind: 'smallint',
  state: 'smallint',
  severity: 'smallint',
  is_first: 'boolean',
  superseded: 'boolean',
  decision: 'integer',
  bytes: 'integer',
  json: 'text',
} as const;
export const findingColumns = { fingerprint: 'bytea', alert: 'bigint', newest_at: 'bigint', ended: 'boolean' } as const;
export const reportColumns = {
  fingerprint: 'bytea',
  dedup_key: 'bytea',
  alert: 'bigint',
  received_at: 'bigint',
} as const;
export const settledColumns = {
  alert: 'bigint',
  sink: 'integer',
  state: 'smallint',
  attempts: 'integer',
  settled_at: 'bigint',
  remote_id: 'text',
  fault: 'text',
  reason: 'text',
} as const;
export const attemptColumns = { alert: 'bigint', sink: 'integer', number: 'integer', attempt: 'text' } as const;
