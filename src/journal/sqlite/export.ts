import type Database from 'better-sqlite3';
import { hash } from 'node:crypto';
import type { Ledger as Account, LedgerRange } from '../../core/ledger.js';
import type { LastNumbers, MovedCounts, MovedPart, MovedRows, MovedStretch, MoveSource } from '../../core/move.js';
import { takeAccount } from './account.js';
import { exportedParts, type ExportedPart } from './export-parts.js';
import { Findings } from './findings.js';
import type { Ledger } from './ledger.js';
import { readsOf, type Methods } from './methods.js';
import { readProgress } from './progress.js';
import type { Store } from './store.js';

const rowsAtOnce = 1_000;
/** Of bodies and alerts, about; a body may be larger than that alone. */
const bytesAtOnce = 4_000_000;

/** The journal read part by part, each in the order of its keys. Nothing is written to it meanwhile. */
export class JournalExport implements MoveSource {
  readonly identity: string;
  readonly last: LastNumbers;

  readonly #db: Database.Database;
  readonly #names: Ledger;

  constructor(private readonly store: Store) {
    const { db, names } = store.tables;
    this.#db = db;
    this.#names = names;
    writeFindings(db);
    const { request, alert } = store.lastNumbers;
    const unread = Math.max(this.#number('SELECT max(seq) FROM unread'), readProgress(db, 'last_unread'));
    this.last = { request: Math.max(request, unread), alert };
    this.identity = identityOf(db);
  }

  count(part: MovedPart): number {
    if (part === 'pulls' || part === 'missing') return this.read(part, undefined).rows.length;
    return this.#number(`SELECT count(*) FROM ${exportedParts[part].from}`);
  }

  read<P extends MovedPart>(part: P, after: string | undefined): MovedStretch<P>;
  read(part: MovedPart, after: string | undefined): MovedStretch<MovedPart> {
    if (part === 'pulls') return { rows: this.store.pulls.states() };
    if (part === 'missing') return { rows: this.store.gaps.all() };
    return this.#stretch(exportedParts[part], after);
  }

  counts(): MovedCounts {
    const of = (...parts: MovedPart[]) => parts.reduce((sum, part) => sum + this.count(part), 0);
    return {
      requests: of('requests'),
      'bytes of bodies': this.#number('SELECT sum(coalesce(bytes, length(body))) FROM requests'),
      unread: of('unread'),
      alerts: of('alerts'),
      findings: of('findings'),
      reports: of('newestReports', 'earlierReports'),
      owed: of('owed'),
      settled: of('settled'),
      attempts: of('earlierAttempts', 'lastAttempts'),
      replays: of('replays'),
      replayed: of('replayed'),
      'second ways': of('secondWays'),
      lookups: of('lookups'),
      pulls: of('pulls'),
      'pulled findings': of('pulled'),
      'days of pulls': of('pullDays'),
      missing: of('missing'),
      audit: of('audit'),
    };
  }

  ledger(range: LedgerRange): Promise<Account> {
    const reads = readsOf(this.store) as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    const call = <Name extends keyof Methods>(name: Name, ...args: Parameters<Methods[Name]>) =>
      Promise.resolve(reads[name]?.(...args) as ReturnType<Methods[Name]>);
    return takeAccount({ call }, range);
  }

  close(): void {
    this.store.close();
  }

  #stretch(
    { from, keys, columns, toRow, bytesOf }: ExportedPart<MovedRows[MovedPart]>,
    after: string | undefined,
  ): MovedStretch<MovedPart> {
    const names = keys.join(', ');
    const where = after === undefined ? '' : `WHERE (${names}) > (${keys.map(() => '?').join(', ')})`;
    const placed = keys.map((key, position) => `${key} AS ${placeOf(position)}`).join(', ');
    const text = `SELECT ${placed}, ${columns} FROM ${from} ${where} ORDER BY ${names} LIMIT ${rowsAtOnce}`;
    const rows: MovedRows[MovedPart][] = [];
    let last: Placed = {};
    let bytes = 0;
    let isCut = false;
    for (const row of this.#db
      .prepare<unknown[], Placed>(text)
      .iterate(...(after === undefined ? [] : toKeys(after)))) {
      rows.push(toRow(row as never, this.#names));
      last = row;
      bytes += bytesOf?.(row as never) ?? 0;
      isCut = bytes >= bytesAtOnce;
      if (isCut) break;
    }
    const mayGoOn = isCut || rows.length === rowsAtOnce;
    return { rows, ...(mayGoOn && { place: JSON.stringify(keys.map((_key, position) => last[placeOf(position)])) }) };
  }

  #number(text: string): number {
    return Number(this.#db.prepare(text).pluck().get() ?? 0);
  }
}

/** A row with its keys. */
type Placed = Readonly<Record<string, unknown>>;

function placeOf(position: number): string {
  return `place_${String(position)}`;
}

/** A Buffer is written as `{"type":"Buffer","data":[…]}`. */
function toKeys(place: string): unknown[] {
  return (JSON.parse(place) as unknown[]).map((key) =>
    typeof key === 'object' && key !== null && 'data' in key ? Buffer.from(key.data as number[]) : key,
  );
}

/** The findings and reports that a router has in memory, and reads from the alerts at its start, go to their tables. */
function writeFindings(db: Database.Database): void {
  const findings = new Findings(db, 0, 1);
  db.transaction(() => {
    while (findings.isMoving) {
      findings.flush();
      findings.commit();
    }
  }).immediate();
}

/** A router that had the file counts a transaction at least, and gives ids that nobody else gives. */
function identityOf(db: Database.Database): string {
  const parts = [
    ...(['last_write', 'last_request', 'last_alert', 'last_unread'] as const).map((name) => readProgress(db, name)),
    db.prepare('SELECT hex(id) FROM requests ORDER BY seq DESC LIMIT 1').pluck().get(),
    db.prepare('SELECT hex(id) FROM alerts ORDER BY seq DESC LIMIT 1').pluck().get(),
    db.prepare('SELECT name, requests, accepted, duplicates FROM sources ORDER BY number').raw().all(),
  ];
  return hash('sha256', JSON.stringify(parts), 'hex');
}
