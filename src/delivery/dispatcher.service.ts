import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityStream } from '../core/activity.js';
import { Journal, type Delivery } from '../core/journal.js';
import type { Sink } from '../core/sink.js';
import { attempt, type Attempted } from './attempt.js';
import { Breaker } from './breaker.js';
import { DeliveryOptions } from './delivery.options.js';
import { Lanes } from './lanes.js';
import { Pace } from './pace.js';
import { Parking } from './parking.js';
import { settle } from './settlement.js';
import { Settler } from './settler.js';

const faultPauseMs = 1_000;
/** After less than a full claim: a trickle is claimed a few at a time rather than one by one. */
const gatherMs = 5;
/** What a call that was told to stop gets to do so; one that hangs is left behind. */
const abortGraceMs = 1_000;

/** The sending half: for each sink one loop of its own, so that a dead or slow one delays no other. */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Ends the claims; then what runs gets its grace. */
  readonly #stop = new AbortController();
  /** Ends the calls that are still running. */
  readonly #abort = new AbortController();
  readonly #parking: Parking;
  readonly #settler: Settler;
  #loops: readonly Promise<void>[] = [];

  constructor(
    private readonly options: DeliveryOptions,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {
    this.#parking = new Parking(journal, activity);
    this.#settler = new Settler((settlements) => journal.settle(settlements));
  }

  onApplicationBootstrap(): void {
    this.#loops = [...this.options.sinks].map(([name, sink]) => this.#run(name, sink));
  }

  /** Claims nothing more, lets running calls end within the grace, then cuts them off; what they had comes due again. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    const ended = Promise.all(this.#loops);
    const grace = sleep(this.options.shutdownGrace, undefined, { ref: false });
    await Promise.race([ended, grace]);
    this.#abort.abort();
    await Promise.race([ended, sleep(abortGraceMs, undefined, { ref: false })]);
    for (const sink of this.options.sinks.values()) await sink.close?.();
  }

  /** The path of one sink's deliveries: claim, deliver, settle. */
  async #run(name: string, sink: Sink): Promise<void> {
    const breaker = new Breaker(sink.concurrency);
    const lanes = new Lanes();
    const pace = new Pace();
    const settling = new Lanes();
    const limit = sink.maxBatchBytes === undefined ? {} : { bytes: sink.maxBatchBytes };
    await this.#parking
      .watch(name, sink, breaker, this.#stop.signal)
      .catch((error: unknown) => this.#fault(name, error));

    while (!this.#stop.signal.aborted) {
      await this.#pause(breaker.waitMs(Date.now()));
      const count = breaker.isOpen ? 1 : Math.max(sink.maxBatch, breaker.lanes * pace.rounds);
      const claimed = await this.#claim(name, { count, ...limit });
      for (const batch of inBatches(claimed, sink.maxBatch)) {
        await lanes.free(() => breaker.lanes);
        lanes.take(this.#deliver(name, sink, { breaker, pace, settling }, batch));
      }
      if (breaker.isOpen) await idle(lanes, settling);
      else if (claimed.length < count) await this.#pause(gatherMs);
    }
    await idle(lanes, settling);
  }

  /** One call; settling what it brought goes on after it, so that the next call need not wait for the disk. */
  async #deliver(
    name: string,
    sink: Sink,
    { breaker, pace, settling }: { breaker: Breaker; pace: Pace; settling: Lanes },
    batch: readonly Delivery[],
  ): Promise<void> {
    if (this.#stop.signal.aborted || this.#parking.isParked(name) || breaker.waitMs(Date.now()) > 0) {
      const leases = batch.map(({ lease }) => lease);
      await this.journal.release(name, leases).catch((error: unknown) => this.#fault(name, error));
      return;
    }
    const attempted = await attempt(sink, batch, this.#abort.signal);
    for (const { timing } of attempted) pace.record(timing.durationMs);
    const settled = this.#settle(name, sink, breaker, attempted);
    settling.take(settled.catch((error: unknown) => this.#fault(name, error)));
  }

  /** What could not be settled comes due again when its lease ends. */
  async #settle(name: string, sink: Sink, breaker: Breaker, attempted: readonly Attempted[]): Promise<void> {
    const now = Date.now();
    const policy = { now, maxAge: this.options.maxAge };
    const settlements = attempted.map(({ delivery, outcome, timing }) =>
      settle(delivery, outcome, timing, { ...policy, random: Math.random() }),
    );
    const [first] = attempted;
    if (first) breaker.record(first.outcome, now);
    if (attempted.some(({ outcome }) => outcome.kind === 'delivered')) this.#parking.recovered(name);
    const parked = attempted.find(({ outcome }) => outcome.kind === 'parked')?.outcome;
    if (parked?.kind === 'parked') await this.#parking.park(name, sink, breaker, parked.reason, this.#stop.signal);
    await this.#settler.settle(settlements);

    attempted.forEach(({ delivery }, index) => {
      const settlement = settlements[index];
      if (!settlement) return;
      this.activity.next({
        kind: 'attempted',
        at: now,
        sink: name,
        alertId: delivery.alert.id,
        acceptedAt: delivery.acceptedAt,
        attempt: settlement.attempt,
        next: settlement.next.kind,
      });
    });
  }

  /** The next deliveries that are due; waits for them, and gives none when stopping. */
  async #claim(name: string, limit: { count: number; bytes?: number }): Promise<readonly Delivery[]> {
    try {
      for await (const claimed of this.journal.claim(name, limit, this.#stop.signal)) return claimed;
    } catch (error) {
      await this.#fault(name, error);
    }
    return [];
  }

  /** The journal failed us: say so, and give it a moment. */
  async #fault(sink: string, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    this.activity.next({ kind: 'fault', at: Date.now(), part: 'delivery', sink, reason });
    await this.#pause(faultPauseMs);
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

async function idle(...lanes: readonly Lanes[]): Promise<void> {
  for (const each of lanes) await each.idle();
}

function inBatches(deliveries: readonly Delivery[], size: number): readonly (readonly Delivery[])[] {
  if (deliveries.length <= size) return deliveries.length === 0 ? [] : [deliveries];
  const batches: (readonly Delivery[])[] = [];
  for (let start = 0; start < deliveries.length; start += size) batches.push(deliveries.slice(start, start + size));
  return batches;
}
