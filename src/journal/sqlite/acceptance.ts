import type Database from 'better-sqlite3';
import { store } from './body.js';
import { toUuid } from './bytes.js';
import type { Debts } from './debts.js';
import type { Findings } from './findings.js';
import type { Ledger } from './ledger.js';
import type { PackedAlert, PackedRequest } from './pack.js';
import { readProgress } from './progress.js';

/** An alert that was already there, by its place in the call, and the id of the one that is kept. */
export type Duplicate = { readonly request: number; readonly alert: number; readonly id: string };

type SourceTotal = ReturnType<Ledger['sources']['of']>;

/** Writes accepted requests, each with all that follows from it. Called within a transaction. */
export class Acceptance {
  readonly #insertRequest;
  readonly #insertUnread;
  readonly #insertAlert;
  readonly #countDuplicate;
  #last: { request: number; alert: number; unread: number };
  #lastCommitted: { readonly request: number; readonly alert: number; readonly unread: number };

  constructor(
    db: Database.Database,
    private readonly ledger: Ledger,
    private readonly findings: Findings,
    private readonly debts: Debts,
  ) {
    this.#insertRequest = db.prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#insertUnread = db.prepare('INSERT INTO unread VALUES (?, ?, ?, ?)');
    this.#insertAlert = db.prepare('INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)');
    this.#countDuplicate = db
      .prepare<[number], Buffer>('UPDATE alerts SET duplicates = duplicates + 1 WHERE seq = ? RETURNING id')
      .pluck();
    // A number is never given twice, though the rows that had the last ones were purged.
    const last = (table: string) => Number(db.prepare(`SELECT max(seq) FROM ${table}`).pluck().get() ?? 0);
    this.#last = {
      request: Math.max(last('requests'), readProgress(db, 'last_request')),
      alert: Math.max(last('alerts'), readProgress(db, 'last_alert')),
      unread: Math.max(last('unread'), readProgress(db, 'last_unread')),
    };
    this.#lastCommitted = { ...this.#last };
  }

  /** The numbers given last, as far as they are on disk. */
  get last(): { readonly request: number; readonly alert: number; readonly unread: number } {
    return this.#lastCommitted;
  }

  /** Keeps the requests of one call and tells which of their alerts were duplicates. */
  append(requests: readonly PackedRequest[]): readonly Duplicate[] {
    const duplicates: Duplicate[] = [];
    requests.forEach((request, position) => {
      this.#request(request, (alert, id) => duplicates.push({ request: position, alert, id }));
    });
    return duplicates;
  }

  commit(): void {
    this.#lastCommitted = { ...this.#last };
  }

  rollback(): void {
    this.#last = { ...this.#lastCommitted };
  }

  #request(request: PackedRequest, onDuplicate: (alert: number, id: string) => void): void {
    const { id, receivedAt, arrival, probe = null, unread, alerts } = request;
    const source = this.ledger.sources.of(request.source);
    const { bytes, body } = store(request.body);
    const first = this.#last.alert + 1;
    this.#last.request += 1;
    const number = this.#last.request;
    alerts.forEach((alert, position) => {
      const known = this.#alert(alert, number, source, receivedAt);
      if (known !== undefined) onDuplicate(position, known);
    });
    const accepted = this.#last.alert + 1 - first;
    this.#insertRequest.run(number, id, source.number, receivedAt, arrival, first, accepted, probe, bytes, body);
    for (const { index = null, reason } of unread) {
      this.#last.unread += 1;
      this.#insertUnread.run(this.#last.unread, number, index, reason);
    }
    this.ledger.sources.add(source, 'requests', 1);
    this.ledger.sources.add(source, 'accepted', accepted);
    this.ledger.sources.add(source, 'duplicates', alerts.length - accepted);
    this.ledger.sources.add(source, 'quarantined', unread.length);
    this.ledger.sources.add(source, 'probes', probe === null ? 0 : 1);
  }

  /** The id of the alert that it is a duplicate of, or undefined once it is kept. */
  #alert(alert: PackedAlert, request: number, source: SourceTotal, receivedAt: number): string | undefined {
    const { id, fingerprint, dedupKey, age, kind, state, severity, json } = alert;
    const seq = this.#last.alert + 1;
    const verdict = this.findings.judge({ fingerprint, dedupKey, age, receivedAt }, seq);
    if (verdict.kind === 'duplicate') return toUuid(this.#countDuplicate.get(verdict.of) ?? id);
    this.#last.alert = seq;
    const { isFirst, superseded, previous } = verdict;
    const decision = this.ledger.decisions.of(alert.decision);
    this.#insertAlert.run(
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
    for (const { sink, keepsState } of decision.sinks) {
      if (superseded && keepsState) this.debts.supersede(sink, seq, receivedAt);
      else this.debts.owe(sink, seq, finding);
    }
    if (decision.routes.length === 0) this.ledger.sources.add(source, 'unrouted', 1);
    for (const route of decision.routes) this.ledger.routes.add(this.ledger.routes.of(route), 'alerts', 1);
    return undefined;
  }
}
