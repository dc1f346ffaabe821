import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityStream } from '../core/activity.js';
import type { Journal, Parked, ParkedBy } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import { asHolder } from '../kit/hold.js';

const firstProbeMs = 5_000;
/** With a probe and a delivery to follow, a sink that is mended goes on within a minute. */
const maxProbeMs = 45_000;

/** What parking needs of the sink's loop. */
export type Parkable = {
  readonly name: string;
  readonly sink: Sink;
  /** Names this router among others on the same journal. */
  readonly holder: string;
  /** Aborts when the loop ends. */
  readonly stop: AbortSignal;
  /** Makes one delivery although the sink is parked; undefined when nothing is due. */
  readonly tryOne: (signal: AbortSignal) => Promise<Outcome['kind'] | undefined>;
  /** Told before deliveries go on. */
  readonly onResume: () => void;
};

/**
 * A sink that waits for an operator: a revoked key, a wrong host. Nothing is dropped. What the router parked it probes,
 * and where the probe says yes (or there is none) it makes a single delivery: only what comes of that ends the parking,
 * since a probe may not know all that a delivery needs. What an operator parked waits for an operator. Of several
 * routers on a journal one probes, and what one parks or resumes holds for all.
 */
export class Parking {
  /** Who parked it, as far as this router knows. */
  #parkedBy: ParkedBy | undefined;
  /** What this router did to it: what was read before is out of date. */
  #changes = 0;
  #isGivenUp = false;
  #probing: AbortController | undefined;
  /** Probes in a row that did not help: one parked again right after a resume waits longer. */
  #failed = 0;

  constructor(
    private readonly parkable: Parkable,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
    private readonly wait: (ms: number, signal: AbortSignal) => Promise<void> = pause,
  ) {
    parkable.stop.addEventListener('abort', () => this.#probing?.abort(), { once: true });
  }

  get isParked(): boolean {
    return this.#parkedBy !== undefined;
  }

  /** Takes up what was parked before a restart or a reload: perhaps it was for mending it, so the first probe is now. */
  async watch(): Promise<void> {
    const parked = (await this.journal.parkings()).sinks.get(this.parkable.name);
    this.#parkedBy = parked?.by;
    if (parked?.by === 'router') this.#probe(true);
  }

  /**
   * To be called before the journal is asked what is parked; what it returns takes the answer, and follows it where it
   * is another router's doing.
   */
  observe(): (parked: Parked | undefined) => void {
    const seen = this.#changes;
    return (parked) => {
      if (seen !== this.#changes || parked?.by === this.#parkedBy) return;
      this.#parkedBy = parked?.by;
      if (parked?.by === 'router') this.#probe(false);
      else this.#probing?.abort();
      if (!parked) this.#resumed();
    };
  }

  /** Parks the sink, and tells; by the router, one that is parked already stays as it is. */
  async park(reason: string, by: ParkedBy = 'router'): Promise<void> {
    const before = this.#parkedBy;
    if (before && by === 'router') return;
    this.#changes += 1;
    this.#parkedBy = by;
    let parked: Parked;
    try {
      parked = await this.journal.park(this.parkable.name, reason, by);
    } catch (error) {
      this.#parkedBy = before;
      throw error;
    } finally {
      this.#changes += 1;
    }
    this.#parkedBy = parked.by;
    this.activity.next({ kind: 'parked', at: Date.now(), sink: this.parkable.name, ...parked });
    if (parked.by === 'operator') this.#probing?.abort();
    else this.#probe(false);
  }

  /** The other side gave this place up: probes would be no use, so only an operator resumes it. Told once. */
  async giveUp(reason: string): Promise<void> {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    await this.park(reason, 'operator').catch((error: unknown) => {
      this.#isGivenUp = false;
      throw error;
    });
  }

  /** What an operator says goes, whoever parked it. */
  async resume(): Promise<void> {
    this.#probing?.abort();
    await this.#end('operator');
  }

  /** A delivery went through: the next trouble starts afresh. */
  recovered(): void {
    this.#failed = 0;
  }

  #probe(isNow: boolean): void {
    this.#probing?.abort();
    const probing = new AbortController();
    this.#probing = probing;
    const { name, holder, stop } = this.parkable;
    if (stop.aborted) return;
    const held = { name: `probe ${name}`, holder, signal: probing.signal };
    void asHolder(this.journal, held, (signal) => this.#probeUntilItWorks(isNow, signal));
  }

  async #probeUntilItWorks(isNow: boolean, signal: AbortSignal): Promise<void> {
    if (!isNow) await this.#pause(signal);
    while (!signal.aborted) {
      try {
        if ((await this.#works(signal)) && (await this.#end('router'))) return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const { name: sink } = this.parkable;
        this.activity.next({ kind: 'fault', at: Date.now(), part: 'delivery', sink, reason });
      }
      await this.#pause(signal);
    }
  }

  async #works(signal: AbortSignal): Promise<boolean> {
    const { sink, tryOne } = this.parkable;
    if (sink.probe && !(await sink.probe(signal).catch(() => false))) return false;
    if (signal.aborted) return false;
    return (await tryOne(signal)) !== 'parked';
  }

  /** True when nothing is parked any more. */
  async #end(by: ParkedBy): Promise<boolean> {
    const { name } = this.parkable;
    this.#changes += 1;
    const ended = await this.journal.resume(name, by).finally(() => (this.#changes += 1));
    if (!ended && by === 'router') return false;
    this.#resumed();
    if (ended) this.activity.next({ kind: 'resumed', at: Date.now(), sink: name, since: ended.since, by });
    return true;
  }

  #resumed(): void {
    this.#parkedBy = undefined;
    this.#isGivenUp = false;
    this.parkable.onResume();
  }

  /** Before the next probe, longer each time. */
  async #pause(signal: AbortSignal): Promise<void> {
    const delay = Math.min(maxProbeMs, firstProbeMs * 2 ** Math.min(this.#failed, 10));
    this.#failed += 1;
    await this.wait(delay * (0.8 + 0.2 * Math.random()), signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
