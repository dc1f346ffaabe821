import type Database from 'better-sqlite3';
import { hourOf } from '../../core/ledger.js';

const sourceFields = [
  'received',
  'accepted',
  'duplicates',
  'routed',
  'gone_routed',
  'gone_unrouted',
  'gone_quarantined',
  'gone_probes',
] as const;
/** The requests and alerts that an hour may be among. */
const firstFields = ['first_request', 'first_alert'] as const;
const lastFields = ['last_request', 'last_alert'] as const;
const sinkFields = ['owed', 'gone_delivered', 'gone_dead', 'gone_superseded'] as const;

type SourceTally = Record<(typeof sourceFields | typeof firstFields | typeof lastFields)[number], number>;
type SinkTally = Record<(typeof sinkFields)[number], number>;

/**
 * What was accepted by hour, of each source and for each sink, and what of it was purged since. In memory is only what
 * the open transaction adds: that goes to disk with one statement for each source and sink that it touched.
 */
export class Hours {
  /** Of the tallies below. Requests of one transaction are seldom of two hours. */
  #hour = Number.NaN;
  readonly #sources = new Map<number, SourceTally>();
  readonly #sinks = new Map<number, SinkTally>();
  readonly #addSource;
  readonly #addSink;

  constructor(db: Database.Database) {
    this.#addSource = db.prepare<number[]>(
      upsert('source', [
        ...sourceFields.map((field) => [field, `${field} + excluded.${field}`] as const),
        ...firstFields.map((field) => [field, `min(${field}, excluded.${field})`] as const),
        ...lastFields.map((field) => [field, `max(${field}, excluded.${field})`] as const),
      ]),
    );
    this.#addSink = db.prepare<number[]>(
      upsert(
        'sink',
        sinkFields.map((field) => [field, `${field} + excluded.${field}`] as const),
      ),
    );
  }

  /** To be added to within the open transaction; good until the next call. */
  source(time: number, source: number): SourceTally {
    this.#turnTo(time);
    const known = this.#sources.get(source);
    if (known) return known;
    const tally: SourceTally = {
      received: 0,
      accepted: 0,
      duplicates: 0,
      routed: 0,
      gone_routed: 0,
      gone_unrouted: 0,
      gone_quarantined: 0,
      gone_probes: 0,
      first_request: Number.MAX_SAFE_INTEGER,
      first_alert: Number.MAX_SAFE_INTEGER,
      last_request: 0,
      last_alert: 0,
    };
    this.#sources.set(source, tally);
    return tally;
  }

  /** As `source`. */
  sink(time: number, sink: number): SinkTally {
    this.#turnTo(time);
    const known = this.#sinks.get(sink);
    if (known) return known;
    const tally: SinkTally = { owed: 0, gone_delivered: 0, gone_dead: 0, gone_superseded: 0 };
    this.#sinks.set(sink, tally);
    return tally;
  }

  /** Writes what the open transaction added. */
  flush(): void {
    for (const [number, tally] of this.#sources) {
      const added = [...sourceFields, ...firstFields, ...lastFields].map((field) => tally[field]);
      this.#addSource.run(this.#hour, number, ...added);
    }
    for (const [number, tally] of this.#sinks) {
      this.#addSink.run(this.#hour, number, ...sinkFields.map((field) => tally[field]));
    }
    this.rollback();
  }

  commit(): void {
    this.rollback();
  }

  rollback(): void {
    this.#sources.clear();
    this.#sinks.clear();
  }

  #turnTo(time: number): void {
    const hour = hourOf(time);
    if (hour === this.#hour) return;
    this.flush();
    this.#hour = hour;
  }
}

function upsert(of: 'source' | 'sink', fields: readonly (readonly [string, string])[]): string {
  const names = fields.map(([name]) => name);
  return (
    `INSERT INTO ${of}_hours (hour, ${of}, ${names.join(', ')}) VALUES (?, ?, ${names.map(() => '?').join(', ')}) ` +
    `ON CONFLICT DO UPDATE SET ${fields.map(([name, value]) => `${name} = ${value}`).join(', ')}`
  );
}
