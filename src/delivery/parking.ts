import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityStream } from '../core/activity.js';
import type { Journal } from '../core/journal.js';
import type { Sink } from '../core/sink.js';
import type { Breaker } from './breaker.js';

const firstProbeMs = 5_000;
const maxProbeMs = 60_000;

/**
 * Sinks that wait for an operator: a revoked key, a wrong host. Nothing is tried and nothing is dropped until the sink
 * answers a probe (one without a probe gets a single delivery to try); then deliveries go on in order.
 */
export class Parking {
  readonly #probing = new Set<string>();
  /** Probes in a row that did not help, by sink: a sink parked again right after a resume waits longer. */
  readonly #failed = new Map<string, number>();

  constructor(
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {}

  /** Takes up the probing of a sink that was parked before a restart. */
  async watch(name: string, sink: Sink, breaker: Breaker, signal: AbortSignal): Promise<void> {
    const { sinks } = await this.journal.counts();
    if (sinks.some((backlog) => backlog.sink === name && backlog.parked)) void this.#probe(name, sink, breaker, signal);
  }

  /** Parks a sink, tells, and probes it until it works again or the signal aborts. */
  async park(name: string, sink: Sink, breaker: Breaker, reason: string, signal: AbortSignal): Promise<void> {
    if (this.#probing.has(name)) return;
    const probing = this.#probe(name, sink, breaker, signal);
    await this.journal.park(name, reason);
    this.activity.next({ kind: 'parked', at: Date.now(), sink: name, reason });
    void probing;
  }

  isParked(name: string): boolean {
    return this.#probing.has(name);
  }

  /** A delivery went through: the next trouble starts afresh. */
  recovered(name: string): void {
    this.#failed.delete(name);
  }

  async #probe(name: string, sink: Sink, breaker: Breaker, signal: AbortSignal): Promise<void> {
    this.#probing.add(name);
    while (await this.#waited(name, signal)) {
      if (!(await answers(sink, signal))) continue;
      breaker.halfOpen();
      this.#probing.delete(name);
      await this.journal.resume(name).catch((error: unknown) => {
        this.activity.next({ kind: 'fault', at: Date.now(), part: 'delivery', sink: name, reason: String(error) });
      });
      this.activity.next({ kind: 'resumed', at: Date.now(), sink: name });
      return;
    }
    this.#probing.delete(name);
  }

  /** Waits before the next probe, longer each time; false when it is time to stop. */
  async #waited(name: string, signal: AbortSignal): Promise<boolean> {
    const failed = this.#failed.get(name) ?? 0;
    this.#failed.set(name, failed + 1);
    const delay = Math.min(maxProbeMs, firstProbeMs * 2 ** Math.min(failed, 10));
    await sleep(delay * (0.8 + 0.2 * Math.random()), undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }
}

async function answers(sink: Sink, signal: AbortSignal): Promise<boolean> {
  if (!sink.probe) return true;
  return sink.probe(signal).catch(() => false);
}
