import type Database from 'better-sqlite3';
import { JournalUnavailableError } from '../../core/errors.js';
import { wholeRequest, type AcceptedRequest, type Receipt, type Reread } from '../../core/journal.js';
import { pullAuthentication, type Way } from '../../core/reconciliation.js';
import { store } from './body.js';
import { idOrNothing, toUuid } from './bytes.js';
import type { Debts } from './debts.js';
import type { Findings } from './findings.js';
import { Inserter } from './inserter.js';
import type { Ledger } from './ledger.js';
import type { Learning } from './learning.js';
import { packedAlertOf, type PackedAlert, type PackedRequest } from './pack.js';
import { readProgress, type ProgressName } from './progress.js';
import type { Pulls } from './pulls.js';

/** An alert that was already there, by its place in the call, and the id of the one that is kept. */
export type Duplicate = { readonly request: number; readonly alert: number; readonly id: string };

const requestColumns = [
  'seq',
  'id',
  'source',
  'received_at',
  'arrival',
  'first_alert',
  'alerts',
  'probe',
  'bytes',
  'body',
] as const;
const alertColumns = [
  'seq',
  'id',
  'request',
  'source',
  'received_at',
  'fingerprint',
  'dedup_key',
  'previous',
  'kind',
  'state',
  'severity',
  'reported_at',
  'is_first',
  'superseded',
  'decision',
  'json',
] as const;

type SourceTotal = ReturnType<Ledger['sources']['change']>;
type Last = { request: number; alert: number; unread: number };

/** Writes accepted requests, each with all that follows from it. Called within a transaction. */
export class Acceptance {
  readonly #requests;
  readonly #unread;
  readonly #alerts;
  readonly #countDuplicate;
  readonly #selectRequest;
  readonly #selectParts;
  readonly #deletePart;
  readonly #updateProbe;
  readonly #insertRest;
  /** The numbers given last; and as far as they are on disk. */
  readonly #last: Last;
  readonly #lastCommitted: Last;

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly findings: Findings,
    private readonly debts: Debts,
    private readonly pulls: Pulls,
    private readonly learning: Learning,
  ) {
    this.#requests = new Inserter(db, 'requests', requestColumns);
    this.#unread = new Inserter(db, 'unread', ['seq', 'request', 'position', 'reason']);
    this.#alerts = new Inserter(db, 'alerts', alertColumns);
    this.#countDuplicate = db
      .prepare<[number], Buffer>('UPDATE alerts SET duplicates = duplicates + 1 WHERE seq = ? RETURNING id')
      .pluck();
    this.#selectRequest = db.prepare<[Buffer], { seq: number; source: number; received_at: number; arrival: string }>(
      'SELECT seq, source, received_at, arrival FROM requests WHERE id = ?',
    );
    this.#selectParts = db.prepare<[number], number>('SELECT seq FROM unread WHERE request = ?').pluck();
    this.#deletePart = db.prepare<[number]>('DELETE FROM unread WHERE seq = ?');
    this.#updateProbe = db.prepare<[string, number]>('UPDATE requests SET probe = ? WHERE seq = ?');
    this.#insertRest = db.prepare<[number, number, number]>('INSERT INTO rereads VALUES (?, ?, ?)');
    // A number is never given twice, though the rows that had the last ones were purged.
    const last = (table: string, name: ProgressName) =>
      Math.max(Number(db.prepare(`SELECT max(seq) FROM ${table}`).pluck().get() ?? 0), readProgress(db, name));
    this.#last = {
      request: last('requests', 'last_request'),
      alert: last('alerts', 'last_alert'),
      unread: last('unread', 'last_unread'),
    };
    this.#lastCommitted = { ...this.#last };
  }

  get last(): Readonly<Last> {
    return this.#lastCommitted;
  }

  /** Numbers up to these were given once, though their rows are gone. */
  skip({ request, alert }: Pick<Last, 'request' | 'alert'>): void {
    this.#last.request = Math.max(this.#last.request, request);
    this.#last.alert = Math.max(this.#last.alert, alert);
    this.commit();
  }

  /** Keeps the requests of one call and tells which of their alerts were duplicates. */
  append(requests: readonly PackedRequest[]): readonly Duplicate[] {
    const duplicates: Duplicate[] = [];
    requests.forEach((request, position) => {
      this.#request(request, position, duplicates);
    });
    return duplicates;
  }

  /** Accepts now what a quarantined request gave when it was read again; undefined where its parts are gone. */
  reread({ requestId, parts, alerts, unread, probe, isUnfinished }: Reread, now: number): Receipt | undefined {
    const request = this.#selectRequest.get(idOrNothing(requestId) ?? Buffer.alloc(0));
    if (!request) return undefined;
    this.#unread.flush();
    const there = new Set(this.#selectParts.all(request.seq));
    if (parts.length === 0 || !parts.every((part) => there.has(part))) return undefined;
    const gone = isUnfinished ? [] : parts;
    const source = this.ledger.sources.change(this.ledger.sources.nameOf(request.source));
    const before = this.#last.alert;
    const unroutedBefore = source.unrouted;
    const by = wayOf(request.arrival);
    const receipts = alerts.map((routed): Receipt['alerts'][number] => {
      const known = this.#alert(packedAlertOf(routed), request.seq, source, now, by);
      return known === undefined ? { id: routed.alert.id, status: 'accepted' } : { id: known, status: 'duplicate' };
    });
    const accepted = this.#last.alert - before;
    for (const part of gone) this.#deletePart.run(part);
    for (const { index, reason } of unread) {
      this.#last.unread += 1;
      this.#unread.add(this.#last.unread, request.seq, index ?? null, reason);
    }
    if (probe !== undefined) this.#updateProbe.run(probe, request.seq);
    if (accepted > 0) this.#insertRest.run(request.seq, before + 1, accepted);
    const probes = probe === undefined ? 0 : 1;
    source.accepted += accepted;
    source.duplicates += alerts.length - accepted;
    source.quarantined += unread.length - gone.length;
    source.probes += probes;
    if (by === 'pull') this.pulls.countUnread(source.number, unread.length - gone.length, request.received_at);

    const then = this.ledger.hours.source(request.received_at, source.number);
    then.received += unread.length - gone.length + probes;
    const hour = this.ledger.hours.source(now, source.number);
    hour.received += alerts.length;
    hour.accepted += accepted;
    hour.duplicates += alerts.length - accepted;
    hour.routed += accepted - (source.unrouted - unroutedBefore);
    if (accepted > 0) {
      hour.first_alert = Math.min(hour.first_alert, before + 1);
      hour.last_alert = Math.max(hour.last_alert, this.#last.alert);
    }
    return { alerts: receipts };
  }

  flush(): void {
    for (const inserter of [this.#requests, this.#unread, this.#alerts]) inserter.flush();
  }

  commit(): void {
    Object.assign(this.#lastCommitted, this.#last);
  }

  rollback(): void {
    Object.assign(this.#last, this.#lastCommitted);
    for (const inserter of [this.#requests, this.#unread, this.#alerts]) inserter.clear();
  }

  #request(request: PackedRequest, position: number, duplicates: Duplicate[]): void {
    const { id, receivedAt, arrival, probe, unread, pull, part = wholeRequest, alerts } = request;
    const source = this.ledger.sources.change(request.source);
    const before = this.#last.alert;
    const unroutedBefore = source.unrouted;
    const begun = part.isFirst ? undefined : this.#begun(id);
    if (!begun && !part.isFirst && !pull) throw new JournalUnavailableError('The first part is gone.', false);
    if (!begun) this.#last.request += 1;
    const seq = begun ?? this.#last.request;
    const by = pull ? 'pull' : 'webhook';
    alerts.forEach((alert, at) => {
      const known = this.#alert(alert, seq, source, receivedAt, by);
      if (known !== undefined) duplicates.push({ request: position, alert: at, id: known });
    });
    const accepted = this.#last.alert - before;
    const isKept = !pull || accepted > 0 || unread.length > 0 || probe !== undefined;
    if (begun) {
      if (accepted > 0) this.#insertRest.run(seq, before + 1, accepted);
    } else if (isKept) {
      const { bytes, body } = store(request.body);
      this.#requests.add(seq, id, source.number, receivedAt, arrival, before + 1, accepted, probe ?? null, bytes, body);
    } else this.#last.request -= 1;
    if (pull && part.isLast) this.pulls.keepPage(source.number, pull, unread.length, receivedAt);
    for (const { index, reason } of unread) {
      this.#last.unread += 1;
      this.#unread.add(this.#last.unread, seq, index ?? null, reason);
    }
    source.requests += part.isFirst ? 1 : 0;
    source.accepted += accepted;
    source.duplicates += alerts.length - accepted;
    source.quarantined += unread.length;
    source.probes += probe === undefined ? 0 : 1;

    const hour = this.ledger.hours.source(receivedAt, source.number);
    hour.received += alerts.length + unread.length + (probe === undefined ? 0 : 1);
    hour.accepted += accepted;
    hour.duplicates += alerts.length - accepted;
    hour.routed += accepted - (source.unrouted - unroutedBefore);
    if (isKept) {
      hour.first_request = Math.min(hour.first_request, seq);
      hour.last_request = Math.max(hour.last_request, seq);
    }
    if (accepted === 0) return;
    hour.first_alert = Math.min(hour.first_alert, before + 1);
    hour.last_alert = Math.max(hour.last_alert, this.#last.alert);
  }

  /** The number of a request of which a part is here already. */
  #begun(id: Buffer): number | undefined {
    this.#requests.flush();
    return this.#selectRequest.get(id)?.seq;
  }

  /** The id of the alert that it is a duplicate of, or undefined once it is kept. */
  #alert(alert: PackedAlert, request: number, source: SourceTotal, receivedAt: number, by: Way): string | undefined {
    const { id, fingerprint, dedupKey, age, kind, state, severity, json, notBefore } = alert;
    const seq = this.#last.alert + 1;
    const verdict = this.findings.judge(fingerprint, dedupKey, age, receivedAt, seq);
    if (verdict.kind === 'duplicate') {
      this.#alerts.flush();
      if (by === 'pull' || this.pulls.has(source.number)) {
        this.#requests.flush();
        const isSecond = this.pulls.sawAgain(
          { source: source.number, fingerprint, json, by, at: receivedAt },
          verdict.of,
        );
        if (isSecond) this.learning.learn(verdict.of, json);
      }
      return toUuid(this.#countDuplicate.get(verdict.of) ?? id);
    }
    this.#last.alert = seq;
    const { isFirst, superseded, previous } = verdict;
    const decision = this.ledger.decisions.of(alert.decision);
    this.#alerts.add(
      seq,
      id,
      request,
      source.number,
      receivedAt,
      fingerprint,
      dedupKey,
      previous,
      kind,
      state,
      severity,
      age.at,
      isFirst ? 1 : 0,
      superseded ? 1 : 0,
      decision.number,
      json,
    );
    const finding = fingerprint.readUIntBE(0, 6);
    const weight = { source: source.number, bytes: json.length };
    for (const { sink, keepsState } of decision.sinks) {
      if (superseded && keepsState) this.debts.supersede(sink, seq, receivedAt);
      else this.debts.owe(sink, seq, finding, weight, receivedAt, notBefore);
    }
    for (const route of decision.routes) this.ledger.routes.change(route).alerts += 1;
    if (decision.routes.length === 0) source.unrouted += 1;
    if (by === 'pull' || (!isFirst && this.pulls.has(source.number))) {
      this.pulls.saw({ source: source.number, fingerprint, json, by, at: receivedAt, isFirst, isNew: true });
    }
    return undefined;
  }
}

function wayOf(arrival: string): Way {
  const { authentication } = JSON.parse(arrival) as Pick<AcceptedRequest, 'authentication'>;
  return authentication === pullAuthentication ? 'pull' : 'webhook';
}
