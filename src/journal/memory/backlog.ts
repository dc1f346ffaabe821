import type { ClaimLimit, Delivery, Lease, Parked, ParkedBy, Settlement, SinkBacklog } from '../../core/journal.js';
import { mayEnd, parkedAgain } from '../../core/parking.js';
import type { Look } from '../../kit/claim-bell.js';
import type { KeptDelivery } from './kept.js';
import type { PendingTally } from './pending.js';
import { toMark } from './records.js';

/** What is owed to one sink, in the order it was accepted. */
export class Backlog {
  #pending = new Map<number, KeptDelivery>();
  readonly #settled = { delivered: 0, dead: 0, superseded: 0 };
  #parked: Parked | undefined;
  #lastToken = 0;

  constructor(
    readonly sink: string,
    private readonly leaseMs: number,
    private readonly tally: PendingTally,
  ) {}

  add(delivery: KeptDelivery): void {
    if (delivery.state === 'pending') {
      this.#pending.set(delivery.seq, delivery);
      this.tally.count(delivery.of, 1);
    } else if (delivery.state === 'superseded') this.#settled.superseded += 1;
  }

  /** One that is owed no longer, since its alert was decided anew. */
  withdraw(delivery: KeptDelivery): void {
    if (this.#pending.delete(delivery.seq)) this.tally.count(delivery.of, -1);
    else if (delivery.state === 'superseded') this.#settled.superseded -= 1;
  }

  /** One that a replay makes due: of an alert that may be earlier than others. */
  addAgain(delivery: KeptDelivery): void {
    if (delivery.state === 'delivered' || delivery.state === 'dead') this.#settled[delivery.state] -= 1;
    delivery.state = 'pending';
    this.add(delivery);
    this.sort();
  }

  /** Puts what is owed in the order accepted again. */
  sort(): void {
    const inOrder = [...this.#pending].sort(([, a], [, b]) => a.of.seq - b.of.seq);
    this.#pending = new Map(inOrder);
  }

  /**
   * Leases what is due. A finding is passed over when its earliest delivery is out or waiting: nothing overtakes.
   * `now` is the wall clock, `uptime` one that never jumps, both in milliseconds.
   */
  claim(limit: ClaimLimit, now: number, uptime: number): Look {
    const deliveries: Delivery[] = [];
    const passed = new Set<string>();
    let againMs = Number.POSITIVE_INFINITY;
    let bytes = 0;
    if (this.#parked && limit.whileParked !== true) return { deliveries };
    const out = this.#leases(uptime);
    for (const delivery of this.#pending.values()) {
      const { alert } = delivery.of;
      if (passed.has(alert.fingerprint)) continue;
      passed.add(alert.fingerprint);
      const waitMs = Math.max(waitOf(delivery, now, uptime), out.get(alert.fingerprint) ?? 0);
      if (waitMs > 0) {
        againMs = Math.min(againMs, waitMs);
        continue;
      }
      bytes += limit.bytes === undefined ? 0 : JSON.stringify(alert).length;
      if (deliveries.length > 0 && bytes > (limit.bytes ?? bytes)) break;
      this.#lastToken += 1;
      delivery.lease = { token: this.#lastToken, until: uptime + this.leaseMs };
      deliveries.push(toDelivery(delivery, this.#lastToken));
      if (deliveries.length === limit.count) break;
    }
    return againMs === Number.POSITIVE_INFINITY ? { deliveries } : { deliveries, againMs };
  }

  /** False when the lease was no longer valid. `uptime` as for `claim`. */
  settle({ lease, attempt, next }: Settlement, uptime: number): boolean {
    const delivery = this.#held(lease);
    if (!delivery) return false;
    delivery.lease = undefined;
    delivery.history = [...delivery.history, attempt];
    delivery.state = next.kind;
    if (next.kind === 'pending') {
      // As long as it was when that was decided: the clock may have been set back since.
      const waitMs = Math.max(0, next.dueAt - attempt.at - attempt.durationMs);
      delivery.due = { at: next.dueAt, uptime: uptime + waitMs };
      return true;
    }
    delivery.settledAt = attempt.at + attempt.durationMs;
    if (next.kind === 'dead') {
      delivery.fault = next.fault;
      delivery.reason = next.reason;
    } else if (next.remoteId !== undefined) {
      delivery.remoteId = next.remoteId;
    }
    this.#settled[next.kind] += 1;
    this.#pending.delete(lease.seq);
    this.tally.count(delivery.of, -1);
    const replay = delivery.replay?.by;
    if (replay)
      replay.record = {
        ...replay.record,
        [next.kind]: replay.record[next.kind] + 1,
        pending: replay.record.pending - 1,
      };
    return true;
  }

  /** Those that nobody else has. `uptime` as for `claim`. */
  renew(leases: readonly Lease[], uptime: number): readonly Lease[] {
    return leases.filter((lease) => {
      const delivery = this.#held(lease);
      if (delivery) delivery.lease = { token: lease.token, until: uptime + this.leaseMs };
      return delivery !== undefined;
    });
  }

  release(leases: readonly Lease[]): void {
    for (const lease of leases) {
      const delivery = this.#held(lease);
      if (delivery) delivery.lease = undefined;
    }
  }

  park(reason: string, by: ParkedBy, since: number): Parked {
    this.#parked = parkedAgain(this.#parked, { reason, since, by });
    return this.#parked;
  }

  resume(by: ParkedBy): Parked | undefined {
    const parked = this.#parked;
    if (!parked || !mayEnd(parked, by)) return undefined;
    this.#parked = undefined;
    return parked;
  }

  /** How many are out; `uptime` as for `claim`. */
  claims(uptime: number): number {
    return this.#leases(uptime).size;
  }

  count(): SinkBacklog {
    const [oldest] = this.#pending.values();
    return {
      sink: this.sink,
      pending: this.#pending.size,
      ...this.#settled,
      ...(oldest && { oldestPendingAt: oldest.of.acceptedAt }),
      ...(this.#parked && { parked: this.#parked }),
    };
  }

  /** How long the leases that hold have to go, by finding: a replay may bring an earlier delivery than the one out. */
  #leases(uptime: number): ReadonlyMap<string, number> {
    const held = [...this.#pending.values()].flatMap(({ lease, of }) =>
      lease && lease.until > uptime ? [[of.alert.fingerprint, lease.until - uptime] as const] : [],
    );
    return new Map(held);
  }

  #held(lease: Lease): KeptDelivery | undefined {
    const delivery = this.#pending.get(lease.seq);
    return delivery?.lease?.token === lease.token ? delivery : undefined;
  }
}

/** How long until a delivery is due or its lease ends, in milliseconds; none when it may be claimed. */
function waitOf({ lease, due }: KeptDelivery, now: number, uptime: number): number {
  if (lease) return lease.until - uptime;
  return due ? Math.min(due.at - now, due.uptime - uptime) : 0;
}

function toDelivery(delivery: KeptDelivery, token: number): Delivery {
  const { alert } = delivery.of;
  return {
    id: `${alert.id}:${delivery.sink}`,
    sink: delivery.sink,
    alert,
    routes: delivery.routes,
    attempt: delivery.history.length + 1,
    acceptedAt: delivery.of.acceptedAt,
    ...(delivery.replay && { replay: toMark(delivery.replay) }),
    lease: { seq: delivery.seq, token },
  };
}
