import type { ClientBase } from 'pg';
import { JournalUnavailableError } from '../../core/errors.js';

/**
 * Each entry brings the database from the version of its position to the next. What has been released is never edited.
 * Plain tables and indexes only: no extension, no trigger, no stored procedure, so that databases that speak
 * PostgreSQL can serve.
 *
 * `source`, `sink`, `decision` and `instance` are the numbers of the tables of those names. Names and other free texts
 * are JSON texts (`rows.ts`, encode). `kind`, `state` and `severity` are positions in the lists of core/alert.ts. Keys of
 * 16 bytes are the first half of a SHA-256. Times are milliseconds since the epoch.
 */
export const migrations: readonly string[] = [
  `
  CREATE SEQUENCE request_numbers;
  CREATE SEQUENCE alert_numbers;
  CREATE SEQUENCE lease_tokens;

  -- Each router that ever opened the journal; seen_at is its last sign of life, by the database's clock.
  CREATE TABLE instances (
    number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL,
    started_at BIGINT NOT NULL, seen_at BIGINT NOT NULL
  );
  CREATE TABLE sources (number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE routes (number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE sinks (
    number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    parked_reason TEXT, parked_at BIGINT, parked_by TEXT
  );
  -- What the router decided: {"routes": [...], "sinks": [{"sink", "routes", "keepsState"}]}, by its SHA-256. Few differ.
  CREATE TABLE decisions (
    number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, digest BYTEA NOT NULL UNIQUE, text TEXT NOT NULL
  );

  -- arrival: {"remoteAddress", "authentication", "contentType"}.
  CREATE TABLE requests (
    seq BIGINT PRIMARY KEY, id UUID NOT NULL UNIQUE, source INTEGER NOT NULL, received_at BIGINT NOT NULL,
    instance INTEGER NOT NULL, arrival TEXT NOT NULL, probe TEXT, bytes INTEGER NOT NULL, body BYTEA NOT NULL
  );
  CREATE INDEX probes ON requests (seq) WHERE probe IS NOT NULL;
  CREATE INDEX requests_received ON requests (received_at);
  CREATE TABLE unread (
    seq BIGINT PRIMARY KEY, request BIGINT NOT NULL, position INTEGER, reason TEXT NOT NULL
  );
  CREATE INDEX unread_of ON unread (request);

  -- previous: the alert before this one of the same finding. json: the alert without its action.
  CREATE TABLE alerts (
    seq BIGINT PRIMARY KEY, id UUID NOT NULL UNIQUE, request BIGINT NOT NULL, source INTEGER NOT NULL,
    accepted_at BIGINT NOT NULL, fingerprint BYTEA NOT NULL, dedup_key BYTEA NOT NULL, previous BIGINT,
    kind SMALLINT NOT NULL, state SMALLINT NOT NULL, severity SMALLINT NOT NULL, is_first BOOLEAN NOT NULL,
    superseded BOOLEAN NOT NULL, duplicates INTEGER NOT NULL DEFAULT 0, decision INTEGER NOT NULL,
    bytes INTEGER NOT NULL, json TEXT NOT NULL
  );
  CREATE INDEX alerts_of_request ON alerts (request);
  CREATE INDEX alerts_accepted ON alerts (accepted_at);

  -- The newest accepted report of each finding; its row is what routers wait for each other at. alert 0: none yet.
  CREATE TABLE findings (
    fingerprint BYTEA PRIMARY KEY, alert BIGINT NOT NULL, newest_at BIGINT NOT NULL, ended BOOLEAN NOT NULL
  );
  CREATE TABLE reports (
    fingerprint BYTEA NOT NULL, dedup_key BYTEA NOT NULL, alert BIGINT NOT NULL, received_at BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, dedup_key)
  );

  -- A delivery is here while it is owed and in settled after that. is_head: the first of its finding, the only one that
  -- may be claimed. due_at: 0, now; with a token, the end of its lease.
  CREATE TABLE owed (
    sink INTEGER NOT NULL, alert BIGINT NOT NULL, finding BYTEA NOT NULL, is_head BOOLEAN NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due_at BIGINT NOT NULL DEFAULT 0, token BIGINT NOT NULL DEFAULT 0,
    replay INTEGER, source INTEGER NOT NULL, accepted_at BIGINT NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (sink, alert)
  ) WITH (fillfactor = 70);
  CREATE INDEX owed_ready ON owed (sink, alert) WHERE is_head AND due_at = 0;
  CREATE INDEX owed_waiting ON owed (sink, due_at) WHERE is_head AND due_at > 0;
  CREATE INDEX owed_of_finding ON owed (sink, finding, alert);
  -- state: a position in deliveryStates. attempt: the last one, as JSON.
  CREATE TABLE settled (
    alert BIGINT NOT NULL, sink INTEGER NOT NULL, state SMALLINT NOT NULL, attempts INTEGER NOT NULL,
    settled_at BIGINT NOT NULL, remote_id TEXT, fault TEXT, reason TEXT, PRIMARY KEY (alert, sink)
  );
  CREATE INDEX dead_letters ON settled (sink, alert) WHERE state = 2;
  CREATE TABLE attempts (
    alert BIGINT NOT NULL, sink INTEGER NOT NULL, number INTEGER NOT NULL, attempt TEXT NOT NULL,
    PRIMARY KEY (alert, sink, number)
  );

  -- What was accepted by hour (since the epoch), counted when it was; gone_: of that, the rows that were purged. Each
  -- router adds to rows of its own: sums over a row that all share would make them wait for each other. What it settles
  -- is in rows with its number negated.
  CREATE TABLE source_hours (
    hour INTEGER NOT NULL, source INTEGER NOT NULL, instance INTEGER NOT NULL,
    requests BIGINT NOT NULL DEFAULT 0, received BIGINT NOT NULL DEFAULT 0, accepted BIGINT NOT NULL DEFAULT 0,
    duplicates BIGINT NOT NULL DEFAULT 0, quarantined BIGINT NOT NULL DEFAULT 0, probes BIGINT NOT NULL DEFAULT 0,
    routed BIGINT NOT NULL DEFAULT 0, unrouted BIGINT NOT NULL DEFAULT 0, gone_routed BIGINT NOT NULL DEFAULT 0,
    gone_unrouted BIGINT NOT NULL DEFAULT 0, gone_quarantined BIGINT NOT NULL DEFAULT 0,
    gone_probes BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (hour, source, instance)
  );
  CREATE TABLE sink_hours (
    hour INTEGER NOT NULL, sink INTEGER NOT NULL, instance INTEGER NOT NULL,
    owed BIGINT NOT NULL DEFAULT 0, delivered BIGINT NOT NULL DEFAULT 0, dead BIGINT NOT NULL DEFAULT 0,
    superseded BIGINT NOT NULL DEFAULT 0, gone_delivered BIGINT NOT NULL DEFAULT 0,
    gone_dead BIGINT NOT NULL DEFAULT 0, gone_superseded BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, sink, instance)
  );
  CREATE TABLE route_counts (
    route INTEGER NOT NULL, instance INTEGER NOT NULL, alerts BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (route, instance)
  );
  -- What is owed of each source: deliveries, and the bytes of their alerts' JSON.
  CREATE TABLE source_pending (
    source INTEGER NOT NULL, instance INTEGER NOT NULL, deliveries BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (source, instance)
  );

  -- Who changed what by the admin side. role: none, where nobody was recognised. detail: JSON, perhaps cut off.
  CREATE TABLE audit (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT NOT NULL, entry TEXT NOT NULL
  );
  CREATE INDEX audit_at ON audit (at);

  -- request: what was asked, as JSON. place: where the next step goes on; finished_at: there is none.
  CREATE TABLE replays (
    number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id UUID NOT NULL UNIQUE, key TEXT UNIQUE,
    request TEXT NOT NULL, created_at BIGINT NOT NULL, finished_at BIGINT, place TEXT, looked BIGINT NOT NULL DEFAULT 0,
    owed BIGINT NOT NULL DEFAULT 0, delivered BIGINT NOT NULL DEFAULT 0, dead BIGINT NOT NULL DEFAULT 0,
    outdated BIGINT NOT NULL DEFAULT 0, unconfigured BIGINT NOT NULL DEFAULT 0
  );
  -- The last replay that made a delivery due, when, after how many attempts, and the newest replay then.
  CREATE TABLE replayed (
    alert BIGINT NOT NULL, sink INTEGER NOT NULL, replay INTEGER NOT NULL, at BIGINT NOT NULL,
    attempts INTEGER NOT NULL, newest_replay INTEGER NOT NULL, PRIMARY KEY (alert, sink)
  );

  -- How far the pull of each source has come.
  CREATE TABLE pulls (
    source INTEGER PRIMARY KEY, since BIGINT NOT NULL, cursor TEXT, page_at BIGINT, caught_up_at BIGINT,
    parked_reason TEXT, parked_at BIGINT, parked_by TEXT
  );
  -- The findings that pulls saw. day: of the vendor's time. by_webhook: a webhook brought it, too.
  CREATE TABLE pulled (
    fingerprint BYTEA NOT NULL, source INTEGER NOT NULL, day TEXT NOT NULL, by_webhook BOOLEAN NOT NULL,
    seen_at BIGINT NOT NULL, PRIMARY KEY (fingerprint, source)
  );
  CREATE INDEX pulled_at ON pulled (seen_at);
  -- What was counted of them by day. total: how many the vendor said it has. unread: by the day the page came.
  CREATE TABLE pull_days (
    source INTEGER NOT NULL, day TEXT NOT NULL, total BIGINT, webhook BIGINT NOT NULL DEFAULT 0,
    recovered BIGINT NOT NULL DEFAULT 0, changes BIGINT NOT NULL DEFAULT 0, unread BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (source, day)
  );
  -- Alerts that came by both ways: by which, and when, for the second time. added: what that knew more, as JSON.
  CREATE TABLE second_ways (
    alert BIGINT PRIMARY KEY, by_pull BOOLEAN NOT NULL, at BIGINT NOT NULL, added TEXT,
    is_late BOOLEAN NOT NULL DEFAULT false
  );
  -- What became of asking the vendor's API for an alert: a LookupRecord, as JSON.
  CREATE TABLE lookups (alert BIGINT PRIMARY KEY, record TEXT NOT NULL);
  -- What one router does for all, which one, and until when by the database's clock.
  CREATE TABLE holds (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until BIGINT NOT NULL);
  `,
  // ended_at: none, it runs or was killed. Of what is owed: the router that claimed it last.
  `
  ALTER TABLE instances ADD COLUMN version TEXT NOT NULL DEFAULT '""';
  ALTER TABLE instances ADD COLUMN ended_at BIGINT;
  ALTER TABLE owed ADD COLUMN instance INTEGER;
  `,
  // missing: a Missing as JSON, but for when it was acknowledged. moves: what was moved into this database, or is being
  // moved: from where, by which instance, and where to go on; no part: all of it is here.
  `
  CREATE TABLE missing (
    number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, missing TEXT NOT NULL, acknowledged_at BIGINT
  );
  CREATE TABLE moves (
    one INTEGER PRIMARY KEY, identity TEXT NOT NULL, source TEXT NOT NULL, instance INTEGER NOT NULL, part TEXT,
    place TEXT, begun_at BIGINT NOT NULL, finished_at BIGINT
  );
  `,
];

/**
 * Makes the tables, or brings them to this version, in one transaction; many routers may start at once. Throws
 * `JournalUnavailableError` where a newer router made them.
 */
export async function migrate(client: ClientBase): Promise<void> {
  await client.query('CREATE TABLE IF NOT EXISTS schema_version (one INTEGER PRIMARY KEY, version INTEGER NOT NULL)');
  await client.query('INSERT INTO schema_version VALUES (1, 0) ON CONFLICT DO NOTHING');
  await client.query('BEGIN');
  try {
    const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version FOR UPDATE');
    const version = rows[0]?.version ?? 0;
    if (version > migrations.length) {
      throw new JournalUnavailableError(
        `The journal's tables are of version ${String(version)}, made by a newer Signalbox; this one knows ` +
          `${String(migrations.length)}. Start the newer one.`,
        true,
      );
    }
    for (const migration of migrations.slice(version)) await client.query(migration);
    await client.query('UPDATE schema_version SET version = $1', [migrations.length]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
