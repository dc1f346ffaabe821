import type { Pending } from '../../core/journal.js';
import type { Counting } from './counting.js';
import type { Database } from './database.js';
import type { Names } from './names.js';

/** Others' share may be this old. */
const refreshMs = 1_000;

const nothing: Pending = { deliveries: 0, bytes: 0 };

/** How much is owed: what this router added and took off, as of its last commit, and the others' as of a second ago. */
export class PendingBoard {
  readonly #own = new Map<string, Pending>();
  #others = new Map<string, Pending>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly sources: Names,
    private readonly instance: number,
  ) {}

  /** Knows what all are owed when it resolves, and from then on. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#timer = setInterval(() => {
      // The journal tells of a lost database at every other call.
      this.#refresh().catch(() => undefined);
    }, refreshMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Once it is committed. */
  async add(counting: Counting): Promise<void> {
    for (const { source, deliveries, bytes } of counting.owed) {
      const name = await this.sources.nameOf(source);
      this.#own.set(name, sum([this.#own.get(name) ?? nothing, { deliveries, bytes }]));
    }
  }

  pending(source?: string): Pending {
    if (source === undefined) return sum([...this.#own.values(), ...this.#others.values()]);
    return sum([this.#own.get(source) ?? nothing, this.#others.get(source) ?? nothing]);
  }

  async #refresh(): Promise<void> {
    const rows = await this.database.query<{ source: number; deliveries: number; bytes: number }>(
      `SELECT source, sum(deliveries)::bigint AS deliveries, sum(bytes)::bigint AS bytes
       FROM source_pending WHERE instance <> $1 GROUP BY source`,
      [this.instance],
    );
    const others = new Map<string, Pending>();
    for (const { source, deliveries, bytes } of rows)
      others.set(await this.sources.nameOf(source), { deliveries, bytes });
    this.#others = others;
  }
}

function sum(all: readonly Pending[]): Pending {
  return all.reduce(
    (total, { deliveries, bytes }) => ({ deliveries: total.deliveries + deliveries, bytes: total.bytes + bytes }),
    nothing,
  );
}
