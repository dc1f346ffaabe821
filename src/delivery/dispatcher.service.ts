import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import { Journal } from '../core/journal.js';
import { SinkControl, type SinkTest } from '../core/sink-control.js';
import type { Sink } from '../core/sink.js';
import { followParkings } from '../kit/follow-parkings.js';
import { DeliveryOptions } from './delivery.options.js';
import { giveUpOwed } from './give-up.js';
import { Settler } from './settler.js';
import { SinkLoop, type LoopContext } from './sink-loop.js';

/** The sending half: for each sink one loop of its own, so that a dead or slow one delays no other. */
@Injectable()
export class Dispatcher extends SinkControl implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #context: LoopContext;
  readonly #loops = new Map<string, SinkLoop>();
  readonly #ending = new AbortController();

  constructor(
    private readonly options: DeliveryOptions,
    journal: Journal,
    activity: ActivityStream,
  ) {
    super();
    const settler = new Settler((settlements) => journal.settle(settlements));
    this.#context = { journal, activity, settler, holder: mintId(), maxAge: () => options.maxAge };
  }

  onApplicationBootstrap(): void {
    for (const [name, sink] of this.options.sinks) this.#start(name, sink);
    void followParkings(this.#context.journal, this.#ending.signal, () => {
      const observing = [...this.#loops.values()].map((loop) => [loop.name, loop.observe()] as const);
      return ({ sinks }) => {
        for (const [name, take] of observing) take(sinks.get(name));
      };
    });
  }

  /** Claims nothing more and lets what runs end within the grace. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#loops.values()].map((loop) => loop.end(this.options.shutdownGrace)));
  }

  /**
   * From now on delivers to these sinks and no others. A loop whose sink is the same goes on; one whose sink is another
   * ends first, within the grace of a shutdown, so that no two ever send for one name. What a sink that is gone was
   * owed stays in the journal.
   */
  async use(sinks: ReadonlyMap<string, Sink>): Promise<void> {
    const { shutdownGrace } = this.options;
    const gone = [...this.#loops.values()].filter(({ name }) => !sinks.has(name));
    const ended = gone.map(async (loop) => {
      await loop.end(shutdownGrace);
      this.#loops.delete(loop.name);
    });
    const started = [...sinks].map(async ([name, sink]) => {
      const before = this.#loops.get(name);
      if (before?.sink === sink) return;
      await before?.end(shutdownGrace);
      this.#start(name, sink);
    });
    await Promise.all([...ended, ...started]);
  }

  /** The running sink of a name. */
  sink(name: string): Sink | undefined {
    return this.#loops.get(name)?.sink;
  }

  async park(sink: string, reason: string): Promise<void> {
    await this.#loop(sink).park(reason);
  }

  async resume(sink: string): Promise<void> {
    await this.#loop(sink).resume();
  }

  async test(sink: string): Promise<SinkTest> {
    return this.#loop(sink).test();
  }

  async giveUp(sink: string): Promise<number> {
    if (this.#loops.has(sink)) throw new Error(`the sink ${sink} is at work`);
    return giveUpOwed(this.#context.journal, sink, Date.now);
  }

  #start(name: string, sink: Sink): void {
    if (!this.#ending.signal.aborted) this.#loops.set(name, new SinkLoop(name, sink, this.#context));
  }

  #loop(name: string): SinkLoop {
    const loop = this.#loops.get(name);
    if (!loop) throw new Error(`there is no sink ${name}`);
    return loop;
  }
}
