import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityStream } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { ClaimLimit, Delivery, Journal, Parked } from '../core/journal.js';
import type { SinkTest } from '../core/sink-control.js';
import type { Outcome, Sink } from '../core/sink.js';
import { attempt, type Attempted } from './attempt.js';
import { Breaker } from './breaker.js';
import { Lanes } from './lanes.js';
import { Leases } from './leases.js';
import { Pace } from './pace.js';
import { Parking } from './parking.js';
import { settle } from './settlement.js';
import type { Settler } from './settler.js';
import { testDelivery } from './test-delivery.js';

const faultPauseMs = 1_000;
/** After less than a full claim: a trickle is claimed a few at a time rather than one by one. */
const gatherMs = 5;
/** What a call that was told to stop gets to do so; one that hangs is left behind. */
const abortGraceMs = 1_000;
/** For the journal to find a delivery to try a parked sink with, where there is one. */
const trialClaimMs = 1_000;

/** Calls whose settlement is not durable yet, for each that may run: with it, eight. A crash repeats what they sent. */
const settlingPerCall = 7;

/** What the loops of all sinks share. */
export type LoopContext = {
  readonly journal: Journal;
  readonly activity: ActivityStream;
  readonly settler: Settler;
  /** Names this router among others on the same journal. */
  readonly holder: string;
  /** Milliseconds after accept when retrying ends in the dead letters. */
  maxAge(): number;
};

/** The path of one sink's deliveries: claim, deliver, settle. Starts as soon as it is made, and ends once. */
export class SinkLoop {
  /** Ends the claims; then what runs gets its grace. */
  readonly #stop = new AbortController();
  /** Ends the calls that are still running. */
  readonly #abort = new AbortController();
  readonly #breaker: Breaker;
  readonly #lanes = new Lanes();
  readonly #settling = new Lanes();
  readonly #pace = new Pace();
  readonly #parking: Parking;
  readonly #leases: Leases;
  readonly #ended: Promise<void>;

  constructor(
    readonly name: string,
    readonly sink: Sink,
    private readonly context: LoopContext,
  ) {
    this.#breaker = new Breaker(sink.concurrency);
    this.#leases = new Leases(name, context.journal);
    const parkable = {
      name,
      sink,
      holder: context.holder,
      stop: this.#stop.signal,
      tryOne: (signal: AbortSignal) => this.#tryOne(signal),
      onResume: () => {
        this.#breaker.halfOpen();
      },
    };
    this.#parking = new Parking(parkable, context.journal, context.activity);
    this.#ended = this.#run();
  }

  /** Claims nothing more, lets running calls end within the grace, then cuts them off; what they had comes due again. */
  async end(graceMs: number): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#ended, sleep(graceMs, undefined, { ref: false })]);
    this.#abort.abort();
    await Promise.race([this.#ended, sleep(abortGraceMs, undefined, { ref: false })]);
    this.#leases.close();
    await this.sink.close?.();
  }

  park(reason: string): Promise<void> {
    return this.#parking.park(reason, 'operator');
  }

  resume(): Promise<void> {
    return this.#parking.resume();
  }

  /** As `Parking.observe`. */
  observe(): (parked: Parked | undefined) => void {
    return this.#parking.observe();
  }

  /** One call with an event of our own, among the others as far as the sink allows; nothing of it is kept. */
  test(): Promise<SinkTest> {
    return new Promise((resolve, reject) => {
      const call = async (): Promise<void> => {
        const [attempted] = await attempt(this.sink, [testDelivery(this.name)], this.#abort.signal);
        if (attempted) resolve(toTest(attempted));
      };
      this.#lanes.start(() => this.#breaker.lanes, call).catch(reject);
    });
  }

  async #run(): Promise<void> {
    const { sink } = this;
    const bytes = limitOf(sink);
    await this.#watch();

    while (!this.#stop.signal.aborted) {
      await this.#pause(this.#breaker.waitMs(performance.now()));
      const count = this.#breaker.isOpen ? 1 : Math.max(sink.maxBatch, this.#breaker.lanes * this.#pace.rounds);
      const claimed = await this.#claim({ count, ...bytes }, this.#stop.signal);
      for (const batch of inBatches(claimed, sink.maxBatch)) {
        await this.#lanes.start(
          () => this.#breaker.lanes,
          () => this.#deliver(batch),
        );
      }
      if (this.#breaker.isOpen) await idle(this.#lanes, this.#settling);
      else if (claimed.length < count) await this.#pause(gatherMs);
    }
    await idle(this.#lanes, this.#settling);
  }

  /** Until the journal has told whether the sink is parked. */
  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#parking.watch();
        return;
      } catch (error) {
        await this.#fault(error);
      }
    }
  }

  /** One call; settling what it brought goes on after it, so that the next one waits for the disk only after several. */
  async #deliver(claimed: readonly Delivery[]): Promise<void> {
    // It may have waited for long.
    const batch = claimed.filter((delivery) => this.#leases.holds(delivery));
    if (batch.length === 0) return;
    if (this.#stop.signal.aborted || this.#parking.isParked || this.#breaker.waitMs(performance.now()) > 0) {
      const leases = batch.map(({ lease }) => lease);
      await this.context.journal.release(this.name, leases).catch((error: unknown) => this.#fault(error));
      this.#leases.drop(batch);
      return;
    }
    const startedAt = performance.now();
    const attempted = await attempt(this.sink, batch, this.#abort.signal);
    for (const { timing } of attempted) this.#pace.record(timing.durationMs);
    const settled = this.#settle(attempted, startedAt).catch((error: unknown) => this.#fault(error));
    const done = settled.finally(() => {
      this.#leases.drop(batch);
    });
    await this.#settling.start(
      () => settlingPerCall * this.sink.concurrency,
      () => done,
    );
  }

  /** One delivery of a parked sink: the answer to it says more than a probe. */
  async #tryOne(signal: AbortSignal): Promise<Outcome['kind'] | undefined> {
    const limit = { count: 1, whileParked: true, ...limitOf(this.sink) };
    const batch = await this.#claim(limit, AbortSignal.any([signal, AbortSignal.timeout(trialClaimMs)]));
    if (batch.length === 0) return undefined;
    try {
      const startedAt = performance.now();
      const attempted = await attempt(this.sink, batch, this.#abort.signal);
      await this.#settle(attempted, startedAt);
      return attempted[0]?.outcome.kind;
    } finally {
      this.#leases.drop(batch);
    }
  }

  /**
   * While the journal is out of reach it is tried again, and the leases are renewed as soon as they can be: so that what
   * was delivered meanwhile is not delivered again. What is not settled after all comes due when its lease ends.
   */
  async #settle(attempted: readonly Attempted[], startedAt: number): Promise<void> {
    const { activity, settler } = this.context;
    const now = Date.now();
    const policy = { now, maxAge: this.context.maxAge() };
    const settlements = attempted.map(({ delivery, outcome, timing }) =>
      settle(delivery, outcome, timing, { random: Math.random(), ...policy }),
    );
    const [first] = attempted;
    if (first) this.#breaker.record(first.outcome, performance.now(), startedAt);
    if (attempted.some(({ outcome }) => outcome.kind === 'delivered')) this.#parking.recovered();
    const parked = attempted.find(({ outcome }) => outcome.kind === 'parked')?.outcome;
    await this.#insist(async () => {
      if (parked?.kind === 'parked')
        await (parked.isFinal === true ? this.#parking.giveUp(parked.reason) : this.#parking.park(parked.reason));
      await settler.settle(settlements);
    });

    attempted.forEach(({ delivery }, index) => {
      const settlement = settlements[index];
      if (!settlement) return;
      activity.next({
        kind: 'attempted',
        at: now,
        sink: this.name,
        alertId: delivery.alert.id,
        acceptedAt: delivery.acceptedAt,
        ...(delivery.replay && { isReplay: true }),
        attempt: settlement.attempt,
        next: settlement.next.kind,
      });
    });
  }

  /** The next deliveries that are due; waits for them, and gives none when stopping. */
  async #claim(limit: ClaimLimit, signal: AbortSignal): Promise<readonly Delivery[]> {
    try {
      for await (const claimed of this.context.journal.claim(this.name, limit, signal)) {
        this.#leases.take(claimed);
        return claimed;
      }
    } catch (error) {
      await this.#fault(error);
    }
    return [];
  }

  /** Tries until the journal can, or the loop ends. */
  async #insist(step: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await step();
        return;
      } catch (error) {
        const isPassing = error instanceof JournalUnavailableError && !error.fatal;
        if (!isPassing || this.#stop.signal.aborted) throw error;
        await this.#fault(error);
      }
    }
  }

  /** The journal failed us: say so, and give it a moment. */
  async #fault(error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    this.context.activity.next({ kind: 'fault', at: Date.now(), part: 'delivery', sink: this.name, reason });
    await this.#pause(faultPauseMs);
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

function limitOf({ maxBatchBytes: bytes }: Sink): { readonly bytes?: number } {
  return bytes === undefined ? {} : { bytes };
}

function toTest({ outcome, timing: { durationMs } }: Attempted): SinkTest {
  const { kind, ...told } = outcome;
  const { cause, reason, remoteId, answer }: Partial<SinkTest> = told;
  return {
    outcome: kind,
    ...(cause !== undefined && { cause }),
    ...(reason !== undefined && { reason }),
    ...(remoteId !== undefined && { remoteId }),
    ...(answer && { answer }),
    durationMs,
  };
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
