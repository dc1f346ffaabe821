import type { Pending } from '../../core/journal.js';
import type { Counting } from './counting.js';
import type { Tables } from './tables.js';

/** Others' share may be this old. */
const refreshMs = 1_000;

const nothing: Pending = { deliveries: 0, bytes: 0 };

/** What a transaction that was committed changed. */
export type Counted = { readonly counting: Counting } | undefined;

/** How much is owed: what this router added and took off, as of its last commit, and the others' as of a second ago. */
export class PendingBoard {
  #own = new Map<string, Pending>();
  #others = new Map<string, Pending>();
  #begun = 0;
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly tables: Pick<Tables, 'database' | 'sources' | 'instance'>) {}

  /** Knows what all are owed when it resolves, if the database can be reached, and from then on. */
  async start(): Promise<void> {
    // The journal tells of a lost database at every other call.
    const refresh = (): Promise<void> => this.#refresh().catch(() => undefined);
    await refresh();
    this.#timer = setInterval(() => void refresh(), refreshMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Runs a transaction, and shows what it changed once it is committed. */
  async during<T extends Counted>(transaction: () => Promise<T>): Promise<T> {
    this.#begun += 1;
    this.#underWay += 1;
    try {
      const counted = await transaction();
      if (counted) await this.#add(counted.counting);
      return counted;
    } finally {
      this.#underWay -= 1;
    }
  }

  pending(source?: string): Pending {
    if (source === undefined) return sum([...this.#own.values(), ...this.#others.values()]);
    return sum([this.#own.get(source) ?? nothing, this.#others.get(source) ?? nothing]);
  }

  async #add(counting: Counting): Promise<void> {
    for (const { source, deliveries, bytes } of counting.owed) {
      const name = await this.tables.sources.nameOf(source);
      this.#own.set(name, sum([this.#own.get(name) ?? nothing, { deliveries, bytes }]));
    }
  }

  /** Its own share is read in a quiet moment: a COMMIT whose answer was lost is not known from the transaction. */
  async #refresh(): Promise<void> {
    const { database, sources, instance } = this.tables;
    const begun = this.#begun;
    const isQuiet = this.#underWay === 0;
    const rows = await database.query<{ source: number; is_own: boolean; deliveries: number; bytes: number }>(
      `SELECT source, abs(instance) = $1 AS is_own, sum(deliveries)::bigint AS deliveries, sum(bytes)::bigint AS bytes
       FROM source_pending GROUP BY 1, 2`,
      [instance],
    );
    const [own, others] = [new Map<string, Pending>(), new Map<string, Pending>()];
    for (const { source, is_own: isOwn, deliveries, bytes } of rows)
      (isOwn ? own : others).set(await sources.nameOf(source), { deliveries, bytes });
    this.#others = others;
    if (isQuiet && begun === this.#begun) this.#own = own;
  }
}

function sum(all: readonly Pending[]): Pending {
  return all.reduce(
    (total, { deliveries, bytes }) => ({ deliveries: total.deliveries + deliveries, bytes: total.bytes + bytes }),
    nothing,
  );
}
