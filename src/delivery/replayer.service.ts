import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import type { Journal } from '../core/journal.js';
import { ReplayControl, type ReplayPlan } from '../core/replay-control.js';
import type { ReplayCandidate, ReplayRecord, ReplayRequest, ReplayStep, UnfinishedReplay } from '../core/replay.js';
import { choose, PlanSum, type Choice, type ReplayConfig } from './replay-choice.js';

const faultPauseMs = 1_000;
/** How often a replay looks whether there is room again for more of it. */
const roomPauseMs = 100;
/** Steps a second, at the rate that was asked for. */
const stepsPerSecond = 10;
/** Alerts looked at in one go while nothing of them is owed. */
const stretch = 200;

/**
 * Makes replays: a step at a time, each kept in the journal with the place it has come to, so that a restart goes on
 * there. No more is under way at once than may be sent in a second, so that new alerts do not wait behind it.
 */
export class Replayer extends ReplayControl implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();

  constructor(
    private readonly config: ReplayConfig,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {
    super();
  }

  onApplicationBootstrap(): void {
    void this.#takeUp();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running.values());
  }

  async plan(request: ReplayRequest): Promise<ReplayPlan> {
    const sum = new PlanSum(this.config, Date.now());
    let place: string | undefined;
    do {
      const { items, next } = await this.journal.replayCandidates(request.select, place);
      for (const candidate of items) sum.add(candidate, choose(candidate, request, this.config));
      place = next;
    } while (place !== undefined && !this.#isStopping());
    return sum.plan();
  }

  async start(request: ReplayRequest): Promise<ReplayRecord> {
    const replay = await this.journal.startReplay(mintId(), request);
    if (replay.finishedAt === undefined) this.#begin({ replay });
    return replay;
  }

  /** What was under way before the start, once the journal tells. */
  async #takeUp(): Promise<void> {
    while (!this.#isStopping()) {
      try {
        for (const unfinished of await this.journal.unfinishedReplays()) this.#begin(unfinished);
        return;
      } catch (error) {
        await this.#fault(error);
      }
    }
  }

  #begin(unfinished: UnfinishedReplay): void {
    const { id } = unfinished.replay;
    if (this.#running.has(id) || this.#isStopping()) return;
    this.#tell(unfinished.replay, 'started');
    this.#running.set(
      id,
      this.#run(unfinished).finally(() => this.#running.delete(id)),
    );
  }

  /** To the end of the selection, or until the router stops. */
  async #run({ replay: { id, select, createdAt, rate, ...rest }, place: start }: UnfinishedReplay): Promise<void> {
    // What was accepted after it was asked for is not meant.
    const until = Math.min(select.until ?? Number.POSITIVE_INFINITY, createdAt + 1);
    const request = { ...rest, rate, select: { ...select, until } };
    const most = Math.max(1, Math.ceil(rate / stepsPerSecond));
    let limit = most;
    let place = start;
    while (!this.#isStopping()) {
      try {
        await this.#room(id, rate);
        const { items, next } = await this.journal.replayCandidates(request.select, place, limit);
        const step = this.#stepOf(items, next, request, most);
        const replay = await this.journal.advanceReplay(id, step);
        if (step.place === undefined) {
          this.#tell(replay, 'finished');
          return;
        }
        place = step.place;
        limit = step.owe.length > 0 ? most : stretch;
        await this.#pause((1_000 * step.owe.length) / rate);
      } catch (error) {
        if (this.#isStopping()) return;
        await this.#fault(error, id);
      }
    }
  }

  /** Takes candidates until it owes as many as one step may. */
  #stepOf(
    items: readonly ReplayCandidate[],
    next: string | undefined,
    request: ReplayRequest,
    most: number,
  ): ReplayStep {
    const chosen: Choice[] = [];
    let owed = 0;
    let place = next;
    for (const [at, candidate] of items.entries()) {
      const choice = choose(candidate, request, this.config);
      chosen.push(choice);
      owed += choice.owe.length;
      if (owed < most || at === items.length - 1) continue;
      ({ place } = candidate);
      break;
    }
    return {
      owe: chosen.flatMap(({ owe }) => owe),
      looked: chosen.length,
      outdated: chosen.reduce((sum, { outdated }) => sum + outdated.length, 0),
      unconfigured: chosen.reduce((sum, { unconfigured }) => sum + unconfigured.length, 0),
      ...(place !== undefined && { place }),
    };
  }

  /** Resolves when fewer of its deliveries are under way than its rate. */
  async #room(id: string, rate: number): Promise<void> {
    while (!this.#isStopping()) {
      const replay = await this.journal.replay(id);
      if (!replay || replay.pending < rate) return;
      await this.#pause(roomPauseMs);
    }
  }

  #tell({ id, mode, looked, owed, outdated, unconfigured }: ReplayRecord, state: 'started' | 'finished'): void {
    this.activity.next({ kind: 'replay', at: Date.now(), id, mode, state, looked, owed, outdated, unconfigured });
  }

  /** The journal failed us: say so, and give it a moment. */
  async #fault(error: unknown, id?: string): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    const what = id === undefined ? 'replays' : `replay ${id}`;
    this.activity.next({ kind: 'fault', at: Date.now(), part: 'delivery', reason: `${what}: ${reason}` });
    await this.#pause(faultPauseMs);
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
