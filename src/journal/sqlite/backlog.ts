import { Heap } from './heap.js';

/** One delivery that is owed, as far as it is known in memory: the first unsettled one of its finding. */
export type Owed = {
  readonly alert: number;
  /** A number of the finding; two findings may share one, and then keep one order. */
  readonly finding: number;
  readonly attempts: number;
  /** The number of the replay that made it due; undefined: none. */
  readonly replay?: number | undefined;
};

/** Until either clock says so. Whichever comes first: a wall clock that is set back must not stall it. */
export type Due = { readonly at: number; readonly uptime: number };

type Entry = Owed & {
  attempts: number;
  state: 'ready' | 'waiting' | 'out' | 'gone';
  /** Void once the delivery is claimed again. */
  token: number;
  /** Out: until when, on the clock that never jumps. */
  leasedUntil: number;
  /** Waiting: as `Due`. */
  dueAt: number;
  dueUptime: number;
  /** Alerts of the same finding, in order: the next one's turn comes when this one is settled. */
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
  /** What is known of followers besides that they are owed. Few: tried, held until a time, or of a replay. */
  readonly #heldFollowers = new Map<number, { readonly owed: Owed; readonly due: Due | undefined }>();
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
  append(owed: Owed, due?: Due): void {
    if (this.isFull) this.isComplete = false;
    if (this.isComplete) this.#add(owed, due);
  }

  /** How many are out, by the clock that never jumps. */
  claims(uptime: number): number {
    return [...this.#out].filter(({ leasedUntil }) => leasedUntil > uptime).length;
  }

  /** Whether somebody holds it, or held it until the lease expired. */
  isClaimed(alert: number): boolean {
    return (this.#byAlert.get(alert)?.token ?? 0) > 0;
  }

  /** A row that was just deleted, of a delivery that nobody claimed. */
  withdraw(alert: number, finding: number): void {
    if (this.#byAlert.has(alert)) {
      this.settle(alert);
      return;
    }
    const first = this.#byFinding.get(finding);
    const at = first ? first.followers.indexOf(alert, first.followed) : -1;
    if (at < 0) return;
    first?.followers.splice(at, 1);
    this.#heldFollowers.delete(alert);
    this.#size -= 1;
  }

  /** A row that was read, later than all before it. */
  add(owed: Owed, dueAt: number | undefined, clocks: Clocks): void {
    this.#add(owed, dueOf(dueAt, clocks));
  }

  /** A row that was just written, of an alert that may be earlier than those known: due at once, in its turn. */
  insert(owed: Owed): void {
    if (owed.alert > this.readTo) {
      if (this.isComplete) this.#add(owed, undefined);
      return;
    }
    this.#size += 1;
    const first = this.#byFinding.get(owed.finding);
    if (!first) {
      this.#enter(owed, undefined);
      return;
    }
    this.#follow(first, owed, undefined);
    this.#giveWay(first);
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
    const { alert, finding, attempts, token, replay } = entry;
    return { alert, finding, attempts, token, replay };
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

  /** Begins a lease anew; false when it is void, or has ended: then the delivery waits to be claimed again. */
  renew(alert: number, token: number, uptime: number): boolean {
    const entry = this.#byAlert.get(alert);
    if (entry?.token !== token || entry.state !== 'out') return false;
    entry.leasedUntil = uptime + this.leaseMs;
    this.#out.delete(entry);
    this.#out.add(entry);
    return true;
  }

  /** Gives a claimed delivery back, due at once. */
  release(alert: number, token: number): void {
    const entry = this.#byAlert.get(alert);
    if (entry?.token !== token || entry.state !== 'out') return;
    entry.token = 0;
    this.#makeReady(entry);
    this.#giveWay(entry);
  }

  /** One more attempt was made, and the next is due at `dueAt`. */
  postpone(alert: number, dueAt: number, { now, uptime }: Clocks): void {
    const entry = this.#byAlert.get(alert);
    if (!entry) return;
    this.#drop(entry);
    const { finding, attempts, replay, followers, followed } = entry;
    const due = dueOf(dueAt, { now, uptime });
    this.#giveWay(this.#enter({ alert, finding, attempts: attempts + 1, replay }, due, followers, followed));
  }

  /** The delivery is owed no longer: the next of its finding may go. */
  settle(alert: number): void {
    const entry = this.#byAlert.get(alert);
    if (!entry) return;
    this.#drop(entry);
    this.#size -= 1;
    this.#enterNext(entry);
  }

  /** The delivery after one that was taken out. */
  #enterNext({ finding, followers, followed: before }: Entry): void {
    const next = followers[before];
    if (next === undefined) return;
    let followed = before + 1;
    if (followed > mostFollowed) {
      followers.splice(0, followed);
      followed = 0;
    }
    const held = this.#heldFollowers.get(next);
    this.#heldFollowers.delete(next);
    this.#enter(held?.owed ?? { alert: next, finding, attempts: 0 }, held?.due, followers, followed);
  }

  #add(owed: Owed, due: Due | undefined): void {
    this.readTo = owed.alert;
    this.#size += 1;
    const first = this.#byFinding.get(owed.finding);
    if (first) this.#follow(first, owed, due);
    else this.#enter(owed, due);
  }

  #follow({ followers, followed }: Entry, owed: Owed, due: Due | undefined): void {
    if (due || owed.attempts > 0 || owed.replay !== undefined) this.#heldFollowers.set(owed.alert, { owed, due });
    let at = followers.length;
    while (at > followed && Number(followers[at - 1]) > owed.alert) at -= 1;
    if (at === followers.length) followers.push(owed.alert);
    else followers.splice(at, 0, owed.alert);
  }

  /** Lets an earlier one of its finding, that a replay brought, go before it, unless it is out. */
  #giveWay(entry: Entry): void {
    const next = entry.followers[entry.followed];
    if (next === undefined || next > entry.alert || entry.state === 'out') return;
    const { alert, finding, attempts, replay, dueAt, dueUptime } = entry;
    const due = entry.state === 'waiting' ? { at: dueAt, uptime: dueUptime } : undefined;
    this.#drop(entry);
    this.#heldFollowers.set(alert, { owed: { alert, finding, attempts, replay }, due });
    this.#follow(entry, { alert, finding, attempts: 0 }, undefined);
    this.#enterNext(entry);
  }

  #enter(owed: Owed, due: Due | undefined, followers: number[] = [], followed = 0): Entry {
    // Written out: copying the properties over one by one would cost more than all the rest.
    const entry: Entry = {
      alert: owed.alert,
      finding: owed.finding,
      attempts: owed.attempts,
      replay: owed.replay,
      state: 'waiting',
      token: 0,
      leasedUntil: 0,
      dueAt: due?.at ?? 0,
      dueUptime: due?.uptime ?? 0,
      followers,
      followed,
      weight: undefined,
    };
    this.#byAlert.set(entry.alert, entry);
    this.#byFinding.set(entry.finding, entry);
    if (due === undefined) this.#makeReady(entry);
    else this.#waiting.push(entry);
    return entry;
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
      this.#giveWay(entry);
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

export function dueOf(dueAt: number | undefined, { now, uptime }: Clocks): Due | undefined {
  return dueAt === undefined ? undefined : { at: dueAt, uptime: uptime + Math.max(0, dueAt - now) };
}
