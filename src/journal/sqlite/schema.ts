import Database from 'better-sqlite3';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { JournalUnavailableError } from '../../core/errors.js';
import { asUnavailable, isBusy } from './errors.js';

/** `SBOX`: how a file says that it is a journal of ours. */
const applicationId = 0x53424f58;

/** Large pages waste less on rows of one or two kilobytes, and halve the system calls of a commit. */
const pageBytes = 8_192;
const cacheKiB = 32_768;

/**
 * Each entry brings the file from the version of its position to the next. What has been released is never edited.
 *
 * Blobs of 16 bytes are UUIDs and the first half of a SHA-256. `source`, `sink` and `decision` are the numbers of the
 * tables of those names; `kind`, `state` and `severity` are positions in the lists of core/alert.ts. Times are
 * milliseconds since the epoch.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE sources (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    requests INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0, probes INTEGER NOT NULL DEFAULT 0, unrouted INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE routes (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, alerts INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE sinks (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    pending INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0,
    superseded INTEGER NOT NULL DEFAULT 0, parked_reason TEXT, parked_at INTEGER
  ) STRICT;

  -- What the router decided: {"routes": [...], "sinks": [{"sink", "routes", "keepsState"}]}. Few differ.
  CREATE TABLE decisions (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

  -- arrival: {"remoteAddress", "authentication", "contentType"}. Its alerts are numbered from first_alert on.
  -- body: deflated where bytes, its length, is given.
  CREATE TABLE requests (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, source INTEGER NOT NULL, received_at INTEGER NOT NULL,
    arrival TEXT NOT NULL, first_alert INTEGER NOT NULL, alerts INTEGER NOT NULL, probe TEXT, bytes INTEGER,
    body BLOB NOT NULL
  ) STRICT;
  CREATE INDEX probes ON requests (seq) WHERE probe IS NOT NULL;
  CREATE TABLE unread (
    seq INTEGER PRIMARY KEY, request INTEGER NOT NULL, position INTEGER, reason TEXT NOT NULL
  ) STRICT;
  CREATE INDEX unread_of ON unread (request);

  -- previous: the alert before this one of the same finding. json: the alert without its action.
  CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, request INTEGER NOT NULL, source INTEGER NOT NULL,
    received_at INTEGER NOT NULL, fingerprint BLOB NOT NULL, dedup_key BLOB NOT NULL, previous INTEGER,
    kind INTEGER NOT NULL, state INTEGER NOT NULL, severity INTEGER NOT NULL, reported_at INTEGER NOT NULL,
    is_first INTEGER NOT NULL, superseded INTEGER NOT NULL, duplicates INTEGER NOT NULL DEFAULT 0,
    decision INTEGER NOT NULL, json BLOB NOT NULL
  ) STRICT;

  -- The newest accepted report of each finding, and in reports the others. Alerts after findings_to in progress are
  -- in neither yet: they are read into memory when the journal opens.
  CREATE TABLE findings (
    fingerprint BLOB PRIMARY KEY, alert INTEGER NOT NULL, dedup_key BLOB NOT NULL, received_at INTEGER NOT NULL,
    newest_at INTEGER NOT NULL, ended INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reports (
    fingerprint BLOB NOT NULL, dedup_key BLOB NOT NULL, alert INTEGER NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, dedup_key)
  ) STRICT, WITHOUT ROWID;

  -- A delivery is here while it is owed and in settled after that. due_at: none, at once.
  CREATE TABLE owed (
    sink INTEGER NOT NULL, alert INTEGER NOT NULL, finding INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER, PRIMARY KEY (sink, alert)
  ) STRICT, WITHOUT ROWID;
  -- state: a position in deliveryStates. attempt: the last one, as JSON.
  CREATE TABLE settled (
    alert INTEGER NOT NULL, sink INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,
    settled_at INTEGER NOT NULL, remote_id TEXT, fault TEXT, reason TEXT, attempt TEXT, PRIMARY KEY (alert, sink)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX dead_letters ON settled (sink, alert) WHERE state = 2;
  CREATE TABLE attempts (
    alert INTEGER NOT NULL, sink INTEGER NOT NULL, number INTEGER NOT NULL, attempt TEXT NOT NULL,
    PRIMARY KEY (alert, sink, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  // Who parked a sink was not kept: a probe may end what was parked before.
  `
  ALTER TABLE sinks ADD COLUMN parked_by TEXT;
  UPDATE sinks SET parked_by = 'router' WHERE parked_reason IS NOT NULL;
  `,
  `
  -- What was missing when the journal was opened: numbers from, to, both inclusive; to before from: none.
  CREATE TABLE gaps (
    number INTEGER PRIMARY KEY, noticed_at INTEGER NOT NULL, request_from INTEGER NOT NULL, request_to INTEGER NOT NULL,
    alert_from INTEGER NOT NULL, alert_to INTEGER NOT NULL, write_from INTEGER NOT NULL, write_to INTEGER NOT NULL,
    acknowledged_at INTEGER
  ) STRICT;
  `,
  `
  -- Who changed what by the admin side. role: none, where nobody was recognised. detail: JSON, perhaps cut off.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, role TEXT, remote_address TEXT NOT NULL,
    action TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT NULL, detail TEXT
  ) STRICT;
  CREATE INDEX audit_at ON audit (at);
  `,
  // What is owed of each source: deliveries, and the bytes of their alerts' JSON.
  `
  ALTER TABLE sources ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sources ADD COLUMN pending_bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE sources SET (pending, pending_bytes) = (
    SELECT count(*), coalesce(sum(length(json)), 0) FROM owed JOIN alerts ON alerts.seq = owed.alert
    WHERE alerts.source = sources.number
  );
  `,
  // request: what was asked, as JSON. place: where the next step goes on; finished_at: there is none.
  // replayed: the last replay that made a delivery due, when, after how many attempts, and the newest replay then.
  `
  CREATE TABLE replays (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, key TEXT UNIQUE, request TEXT NOT NULL,
    created_at INTEGER NOT NULL, finished_at INTEGER, place TEXT, looked INTEGER NOT NULL DEFAULT 0,
    owed INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0,
    outdated INTEGER NOT NULL DEFAULT 0, unconfigured INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE replayed (
    alert INTEGER NOT NULL, sink INTEGER NOT NULL, replay INTEGER NOT NULL, at INTEGER NOT NULL,
    attempts INTEGER NOT NULL, newest_replay INTEGER NOT NULL, PRIMARY KEY (alert, sink)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE owed ADD COLUMN replay INTEGER;
  `,
  `
  -- end_unknown: 1 where there was no mark. backup_at: when the backup was made that the journal was restored from.
  ALTER TABLE gaps ADD COLUMN end_unknown INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE gaps ADD COLUMN backup_at INTEGER;
  `,
  `
  -- What was accepted by hour (since the epoch), counted when it was; gone_: of that, the rows that were purged.
  -- first_ and last_: the numbers that an hour may be among. Hour -1: what was purged before the hours were kept.
  CREATE TABLE source_hours (
    hour INTEGER NOT NULL, source INTEGER NOT NULL, received INTEGER NOT NULL, accepted INTEGER NOT NULL,
    duplicates INTEGER NOT NULL, routed INTEGER NOT NULL, gone_routed INTEGER NOT NULL, gone_unrouted INTEGER NOT NULL,
    gone_quarantined INTEGER NOT NULL, gone_probes INTEGER NOT NULL, first_request INTEGER NOT NULL,
    first_alert INTEGER NOT NULL, last_request INTEGER NOT NULL, last_alert INTEGER NOT NULL, PRIMARY KEY (hour, source)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE sink_hours (
    hour INTEGER NOT NULL, sink INTEGER NOT NULL, owed INTEGER NOT NULL, gone_delivered INTEGER NOT NULL,
    gone_dead INTEGER NOT NULL, gone_superseded INTEGER NOT NULL, PRIMARY KEY (hour, sink)
  ) STRICT, WITHOUT ROWID;

  INSERT INTO source_hours
  SELECT received_at / 3600000, source, count(*), count(*), 0, sum(json_array_length(text, '$.routes') > 0), 0, 0, 0, 0,
         min(request), min(seq), max(request), max(seq)
  FROM alerts JOIN decisions ON number = decision WHERE true GROUP BY 1, 2;
  INSERT INTO source_hours
  SELECT received_at / 3600000, source, count(probe), 0, 0, 0, 0, 0, 0, 0, min(seq), 9007199254740991, max(seq), 0
  FROM requests WHERE true GROUP BY 1, 2
  ON CONFLICT DO UPDATE SET received = received + excluded.received,
    first_request = min(first_request, excluded.first_request), last_request = max(last_request, excluded.last_request);
  INSERT INTO source_hours
  SELECT received_at / 3600000, source, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  FROM unread JOIN requests ON requests.seq = request WHERE true GROUP BY 1, 2
  ON CONFLICT DO UPDATE SET received = received + excluded.received;
  INSERT INTO source_hours
  SELECT -1, number, accepted + duplicates + quarantined + probes - known_received, accepted - known_accepted, duplicates,
         accepted - unrouted - known_routed, accepted - unrouted - known_routed,
         unrouted - (known_accepted - known_routed), quarantined - known_quarantined, probes - known_probes,
         9007199254740991, 9007199254740991, 0, 0
  FROM sources JOIN (
    SELECT number AS of,
      (SELECT coalesce(sum(h.received), 0) FROM source_hours AS h WHERE source = number) AS known_received,
      (SELECT coalesce(sum(h.accepted), 0) FROM source_hours AS h WHERE source = number) AS known_accepted,
      (SELECT coalesce(sum(h.routed), 0) FROM source_hours AS h WHERE source = number) AS known_routed,
      (SELECT count(*) FROM unread JOIN requests ON requests.seq = request WHERE source = number) AS known_quarantined,
      (SELECT count(probe) FROM requests WHERE source = number) AS known_probes
    FROM sources
  ) ON of = number;

  INSERT INTO sink_hours
  SELECT received_at / 3600000, sink, count(*), 0, 0, 0 FROM settled JOIN alerts ON seq = alert WHERE true GROUP BY 1, 2;
  INSERT INTO sink_hours
  SELECT received_at / 3600000, sink, count(*), 0, 0, 0 FROM owed JOIN alerts ON seq = alert WHERE true GROUP BY 1, 2
  ON CONFLICT DO UPDATE SET owed = owed + excluded.owed;
  INSERT INTO sink_hours
  SELECT -1, number, delivered + dead + superseded - known_delivered - known_dead - known_superseded,
         delivered - known_delivered, dead - known_dead, superseded - known_superseded
  FROM sinks JOIN (
    SELECT number AS of,
      (SELECT count(*) FROM settled WHERE sink = number AND state = 1) AS known_delivered,
      (SELECT count(*) FROM settled WHERE sink = number AND state = 2) AS known_dead,
      (SELECT count(*) FROM settled WHERE sink = number AND state = 3) AS known_superseded
    FROM sinks
  ) ON of = number;
  `,
  // Alerts that a quarantined request gave when it was read again: numbered from first_alert on.
  `
  CREATE TABLE rereads (
    request INTEGER NOT NULL, first_alert INTEGER NOT NULL, alerts INTEGER NOT NULL, PRIMARY KEY (request, first_alert)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- How far the pull of each source has come.
  CREATE TABLE pulls (
    source INTEGER PRIMARY KEY, since INTEGER NOT NULL, cursor TEXT, page_at INTEGER, caught_up_at INTEGER,
    parked_reason TEXT, parked_at INTEGER, parked_by TEXT
  ) STRICT;
  -- The findings that pulls saw. day: of the vendor's time. by_webhook: 1 where a webhook brought it, too.
  CREATE TABLE pulled (
    fingerprint BLOB NOT NULL, source INTEGER NOT NULL, day TEXT NOT NULL, by_webhook INTEGER NOT NULL,
    seen_at INTEGER NOT NULL, PRIMARY KEY (fingerprint, source)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pulled_at ON pulled (seen_at);
  -- What was counted of them by day. total: how many the vendor said it has. unread: by the day the page came.
  CREATE TABLE pull_days (
    source INTEGER NOT NULL, day TEXT NOT NULL, total INTEGER, webhook INTEGER NOT NULL DEFAULT 0,
    recovered INTEGER NOT NULL DEFAULT 0, changes INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, day)
  ) STRICT, WITHOUT ROWID;
  -- Alerts that came by both ways: by which, and when, for the second time.
  CREATE TABLE second_ways (alert INTEGER PRIMARY KEY, by_pull INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  `,
  `
  -- What became of asking the vendor's API for an alert: a LookupRecord, as JSON.
  CREATE TABLE lookups (alert INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
  `,
  `
  -- What the second way knew more: fields of the alert as JSON. is_late: 1 where it was too late to add it.
  ALTER TABLE second_ways ADD COLUMN added TEXT;
  ALTER TABLE second_ways ADD COLUMN is_late INTEGER NOT NULL DEFAULT 0;
  `,
];

/**
 * Opens the file, makes or migrates it where needed, and locks it: one process at a time, until it ends however it
 * ends. Throws `JournalUnavailableError` with words for the operator.
 */
export function openDatabase(path: string): Database.Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // An open file of ours must not be opened and closed here again: that would drop the lock this process holds on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: 0 });
    refuseOldSqlite(db);
    configure(db);
    migrate(db, path);
    proveDurability(db);
    // Only for the words below: the lock is the kernel's, and goes with the process.
    writeFileSync(holderOf(path), `${String(process.pid)}\n`, { mode: 0o600 });
    return db;
  } catch (error) {
    db?.close();
    throw isBusy(error) ? inUse(path, error) : asUnavailable(error);
  }
}

/** 3.51.3 mended a bug that could corrupt a database in WAL mode; 3.52.0 was withdrawn. */
export function isSafeSqlite(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major !== 3 || version === '3.52.0') return major > 3;
  return minor > 51 || (minor === 51 && patch >= 3);
}

function refuseOldSqlite(db: Database.Database): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  if (isSafeSqlite(version)) return;
  throw new JournalUnavailableError(
    `SQLite ${version} can corrupt a journal; 3.51.3 or newer is needed. Install better-sqlite3 as locked.`,
    true,
  );
}

function configure(db: Database.Database): void {
  db.pragma(`page_size = ${String(pageBytes)}`);
  // Held by this connection until the process ends; also keeps the index of the WAL in memory, out of a shared file.
  db.pragma('locking_mode = EXCLUSIVE');
  db.pragma('trusted_schema = OFF');
  db.pragma('foreign_keys = OFF');
  db.pragma('mmap_size = 0');
  db.pragma(`cache_size = -${String(cacheKiB)}`);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  // The store does it, when nobody waits for an answer.
  db.pragma('wal_autocheckpoint = 0');
}

function holderOf(path: string): string {
  return `${path}.pid`;
}

function inUse(path: string, cause: unknown): JournalUnavailableError {
  const holder = existsSync(holderOf(path)) ? readFileSync(holderOf(path), 'utf8').trim() : 'unknown';
  return new JournalUnavailableError(
    `The journal ${path} is in use by process ${holder}. Each router needs a journal of its own.`,
    true,
    { cause },
  );
}

function migrate(db: Database.Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  const owner = Number(db.pragma('application_id', { simple: true }));
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  if (owner !== applicationId && (owner !== 0 || tables > 0)) {
    throw new JournalUnavailableError(`${path} is a database, but no journal of this router.`, true);
  }
  if (version > migrations.length) {
    throw new JournalUnavailableError(
      `The journal ${path} was written by a newer router (version ${version}, this one knows ${migrations.length}). ` +
        'Start that one again, or give this one another path.',
      true,
    );
  }
  if (version === migrations.length) return;
  db.transaction(() => {
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.pragma(`application_id = ${String(applicationId)}`);
    db.pragma(`user_version = ${String(migrations.length)}`);
  }).immediate();
}

/**
 * better-sqlite3 is compiled to sync only at checkpoints in WAL mode, and tells of it only after a first statement.
 * So the level that was set is read back once a transaction went through.
 */
function proveDurability(db: Database.Database): void {
  db.exec('BEGIN IMMEDIATE; COMMIT');
  const mode = String(db.pragma('journal_mode', { simple: true }));
  const level = Number(db.pragma('synchronous', { simple: true }));
  if (mode === 'wal' && level === 2) return;
  throw new JournalUnavailableError(
    `The journal cannot promise to keep what it accepts: journal_mode is ${mode}, synchronous is ${level}.`,
    true,
  );
}
