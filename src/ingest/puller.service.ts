import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import { Journal } from '../core/journal.js';
import { PullControl, type PullStanding } from '../core/pull-control.js';
import { followParkings } from '../kit/follow-parkings.js';
import { IngestService } from './ingest.service.js';
import { Pressure } from './pressure.js';
import { PullLoop, type PullContext, type PullingSource } from './pull-loop.js';

/** Asks the vendors for what their webhooks may have missed: for each source that pulls one loop of its own. */
@Injectable()
export class Puller extends PullControl implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #context: PullContext;
  readonly #loops = new Map<string, PullLoop>();
  readonly #ending = new AbortController();

  constructor(
    private readonly sources: readonly PullingSource[],
    ingest: IngestService,
    journal: Journal,
    pressure: Pressure,
    activity: ActivityStream,
  ) {
    super();
    this.#context = {
      ingest,
      journal,
      activity,
      isFull: (source) => pressure.refuses(source),
      holder: mintId(),
      now: Date.now,
      random: Math.random,
    };
  }

  onApplicationBootstrap(): void {
    for (const pulling of this.sources) this.#start(pulling);
    void followParkings(this.#context.journal, this.#ending.signal, () => {
      const observing = [...this.#loops.values()].map((loop) => [loop.name, loop.observe()] as const);
      return ({ pulls }) => {
        for (const [name, take] of observing) take(pulls.get(name));
      };
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#loops.values()].map((loop) => loop.end()));
  }

  /**
   * From now on pulls these sources and no others. One whose source is the same goes on; one whose source is another
   * ends first, and the new one begins at once, parked by the router or not: perhaps this mended it.
   */
  async use(sources: readonly PullingSource[]): Promise<void> {
    const wanted = new Map(sources.map((pulling) => [pulling.source.name, pulling]));
    const gone = [...this.#loops.values()].filter(
      ({ name, pulling }) => wanted.get(name)?.source.source !== pulling.source.source,
    );
    await Promise.all(gone.map((loop) => loop.end()));
    for (const { name } of gone) this.#loops.delete(name);
    for (const pulling of sources) if (!this.#loops.has(pulling.source.name)) this.#start(pulling);
  }

  async park(source: string, reason: string): Promise<void> {
    await this.#loop(source).park(reason);
  }

  async resume(source: string): Promise<void> {
    await this.#loop(source).resume();
  }

  standing(source: string): PullStanding | undefined {
    return this.#loops.get(source)?.standing;
  }

  #start(pulling: PullingSource): void {
    if (!this.#ending.signal.aborted) this.#loops.set(pulling.source.name, new PullLoop(pulling, this.#context));
  }

  #loop(source: string): PullLoop {
    const loop = this.#loops.get(source);
    if (!loop) throw new Error(`the source ${source} does not pull`);
    return loop;
  }
}
