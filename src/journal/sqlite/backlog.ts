import { Heap } from './heap.js';

/** One delivery that is owed, as far as it is known in memory: the first unsettled one of its finding. */
export type Owed = {
  readonly alert: number;
  /** A number of the finding; two findings may share one, and then keep one order. */
  readonly finding: number;
  readonly attempts: number;
};

type Entry = Owed & {
  attempts: number;
  state: 'ready' | 'waiting' | 'out' | 'gone';
  /** Void once the delivery is claimed again. */
  token: number;
  /** Out: until when, on the clock that never jumps. */
  leasedUntil: number;
  /** Waiting: until either clock says so. Whichever comes first: a wall clock that is set back must not stall it. */
  dueAt: number;
  dueUptime: number;
  /** Alerts of the same finding, later ones, never tried: the next one's turn comes when this one is settled. */
  readonly followers: number[];
  /** How many of them had their turn. */
  followed: number;
  /** Known once it was claimed. */
  weight: Weight | undefined;
};

/** Whose account an alert is on, by the source's number, and the bytes of its JSON. */
export type Weight = { readonly source: number; readonly bytes: number };

/** The wall clock and one that never jumps, both in milliseconds. */
export type Clocks = { readonly now: number; readonly uptime: number };

export type Claimed = Owed & { readonly token: number };

const neverWaits: Clocks = { now: 0, uptime: 0 };

/** About 10 MB of memory for each sink, however much it is owed. */
const mostFindings = 20_000;
const mostKnown = 200_000;
/** How many settled ones may stay in the list of a finding that is never done. */
const mostFollowed = 1_000;

/**
 * What one sink is owed, in the order accepted, and who holds which lease. The rows on disk know nothing of leases: one
 * process has the journal, so after a crash every lease is void and everything unsettled is due again.
 *
 * Only the head of what is owed need be here: `isComplete` is false while there are more rows on disk, after `readTo`.
 * Nothing is changed that the disk does not have already: the store calls these after its transaction.
 */
export class Backlog {
  isComplete = false;
  readTo = 0;
  #lastToken = 0;
  #size = 0;
  readonly #byAlert = new Map<number, Entry>();
  readonly #byFinding = new Map<number, Entry>();
  readonly #ready = new Heap<Entry>((entry) => entry.alert);
  readonly #waiting = new Heap<Entry>((entry) => entry.dueAt);
  /** Leases are all of one length: the oldest expires first. */
  readonly #out = new Set<Entry>();

  constructor(private readonly leaseMs: number) {}

  /** True when no more should be read from the disk for now. */
  get isFull(): boolean {
    return this.#byAlert.size >= mostFindings || this.#size >= mostKnown;
  }

  /** A row that was just written: known from now on, or read later in its turn. */
  append(owed: Owed): void {
    if (this.isFull) this.isComplete = false;
    if (this.isComplete) this.add(owed, undefined, neverWaits);
  }

  /** A row that was read, later than all before it. */
  add(owed: Owed, dueAt: number | undefined, clocks: Clocks): void {
    this.readTo = owed.alert;
    this.#size += 1;
    const first = this.#byFinding.get(owed.finding);
    if (first) first.followers.push(owed.alert);
    else this.#enter(owed, dueAt, clocks);
  }

  /** The earliest delivery that is due, leased; undefined when none is. */
  claim({ now, uptime }: Clocks): Claimed | undefined {
    this.#wake({ now, uptime });
    const entry = this.#nextReady();
    if (!entry) return undefined;
    this.#ready.pop();
    this.#lastToken += 1;
    entry.token = this.#lastToken;
    entry.state = 'out';
    entry.leasedUntil = uptime + this.leaseMs;
    this.#out.add(entry);
    const { alert, finding, attempts, token } = entry;
    return { alert, finding, attempts, token };
  }

  /** How long until something may be due, in milliseconds; undefined when only a change can bring it. */
  nextMs({ now, uptime }: Clocks): number | undefined {
    if (this.#nextReady()) return 0;
    const [oldest] = this.#out;
    const next = this.#waiting.peek();
    const waits = [];
    if (oldest) waits.push(oldest.leasedUntil - uptime);
    if (next) waits.push(Math.min(next.dueAt - now, next.dueUptime - uptime));
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
  }

  /** What was read of a claimed delivery's alert, for when it is settled. */
  weigh(alert: number, weight: Weight): void {
    const entry = this.#byAlert.get(alert);
    if (entry) entry.weight = weight;
  }

  /** The delivery that a lease holds; undefined when the lease is void. */
  held(alert: number, token: number): (Owed & { readonly weight: Weight | undefined }) | undefined {
    const entry = this.#byAlert.get(alert);
    return entry?.token === token && token > 0 ? entry : undefined;
  }

  /** Gives a claimed delivery back, due at once. */
  release(alert: number, token: number): void {
    const entry = this.#byAlert.get(alert);
    if (entry?.token !== token || entry.state !== 'out') return;
    entry.token = 0;
    this.#makeReady(entry);
  }

  /** One more attempt was made, and the next is due at `dueAt`. */
  postpone(alert: number, dueAt: number, { now, uptime }: Clocks): void {
    const entry = this.#byAlert.get(alert);
    if (!entry) return;
    this.#drop(entry);
    const { finding, attempts, followers, followed } = entry;
    this.#enter({ alert, finding, attempts: attempts + 1 }, dueAt, { now, uptime }, followers, followed);
  }

  /** The delivery is owed no longer: the next of its finding may go. */
  settle(alert: number, clocks: Clocks): void {
    const entry = this.#byAlert.get(alert);
    if (!entry) return;
    this.#drop(entry);
    this.#size -= 1;
    const next = entry.followers[entry.followed];
    if (next === undefined) return;
    const { finding, followers } = entry;
    let followed = entry.followed + 1;
    if (followed > mostFollowed) {
      followers.splice(0, followed);
      followed = 0;
    }
    this.#enter({ alert: next, finding, attempts: 0 }, undefined, clocks, followers, followed);
  }

  #enter(owed: Owed, dueAt: number | undefined, { now, uptime }: Clocks, followers: number[] = [], followed = 0): void {
    // Written out: copying the properties over one by one would cost more than all the rest.
    const entry: Entry = {
      alert: owed.alert,
      finding: owed.finding,
      attempts: owed.attempts,
      state: 'waiting',
      token: 0,
      leasedUntil: 0,
      dueAt: dueAt ?? 0,
      dueUptime: uptime + Math.max(0, (dueAt ?? now) - now),
      followers,
      followed,
      weight: undefined,
    };
    this.#byAlert.set(entry.alert, entry);
    this.#byFinding.set(entry.finding, entry);
    if (dueAt === undefined) this.#makeReady(entry);
    else this.#waiting.push(entry);
  }

  #drop(entry: Entry): void {
    entry.state = 'gone';
    this.#byAlert.delete(entry.alert);
    this.#byFinding.delete(entry.finding);
    this.#out.delete(entry);
  }

  #makeReady(entry: Entry): void {
    entry.state = 'ready';
    this.#out.delete(entry);
    this.#ready.push(entry);
  }

  /** Moves what has come due, and what was leased for too long, to the ready ones. */
  #wake({ now, uptime }: Clocks): void {
    for (let next = this.#waiting.peek(); next; next = this.#waiting.peek()) {
      if (next.state === 'waiting' && next.dueAt > now && next.dueUptime > uptime) break;
      this.#waiting.pop();
      if (next.state === 'waiting') this.#makeReady(next);
    }
    for (const entry of this.#out) {
      if (entry.leasedUntil > uptime) break;
      this.#makeReady(entry);
    }
  }

  /** Settled ones are left in the heap until they come to its top. */
  #nextReady(): Entry | undefined {
    for (let first = this.#ready.peek(); first; first = this.#ready.peek()) {
      if (first.state === 'ready') return first;
      this.#ready.pop();
    }
    return undefined;
  }
}
