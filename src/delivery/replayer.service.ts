import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityStream } from '../core/activity.js';
import { mintId } from '../core/identity.js';
import type { Journal } from '../core/journal.js';
import { ReplayControl, type ReplayPlan } from '../core/replay-control.js';
import type { ReplayCandidate, ReplayRecord, ReplayRequest, ReplayStep, UnfinishedReplay } from '../core/replay.js';
import { asHolder } from '../kit/hold.js';
import { choose, PlanSum, type Choice, type ReplayConfig } from './replay-choice.js';

const faultPauseMs = 1_000;
/** How often a replay looks whether there is room again for more of it. */
const roomPauseMs = 100;
/** Steps a second, at the rate that was asked for. */
const stepsPerSecond = 10;
/** Alerts looked at in one go while nothing of them is owed. */
const stretch = 200;
/** How often it is looked what another router was asked for: should that one die, this one goes on with it. */
const lookMs = 5_000;

/**
 * Makes replays: a step at a time, each kept in the journal with the place it has come to, so that a restart goes on
 * there. No more is under way at once than may be sent in a second, so that new alerts do not wait behind it. Of several
 * routers on a journal one makes a replay; should it die, another takes it over.
 */
export class Replayer extends ReplayControl implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Names this router among others on the same journal. */
  readonly #holder = mintId();

  constructor(
    private readonly config: ReplayConfig,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {
    super();
  }

  onApplicationBootstrap(): void {
    void this.#look();
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
    if (replay.finishedAt === undefined) this.#begin(replay.id);
    return replay;
  }

  /** What was under way before the start, once the journal tells; and what other routers were asked for. */
  async #look(): Promise<void> {
    while (!this.#isStopping()) {
      try {
        for (const { replay } of await this.journal.unfinishedReplays()) this.#begin(replay.id);
        await this.#pause(lookMs);
      } catch (error) {
        await this.#fault(error);
      }
    }
  }

  #begin(id: string): void {
    if (this.#running.has(id) || this.#isStopping()) return;
    const held = { name: `replay ${id}`, holder: this.#holder, signal: this.#stop.signal };
    this.#running.set(
      id,
      asHolder(this.journal, held, (signal) => this.#run(id, signal)).finally(() => this.#running.delete(id)),
    );
  }

  /** To the end of the selection, or until the signal aborts. */
  async #run(id: string, signal: AbortSignal): Promise<void> {
    const isOver = () => signal.aborted;
    let isTold = false;
    let owes = true;
    while (!isOver()) {
      try {
        const unfinished = (await this.journal.unfinishedReplays()).find(({ replay }) => replay.id === id);
        if (!unfinished || isOver()) return;
        if (!isTold) this.#tell(unfinished.replay, 'started');
        isTold = true;
        const { rate, pending } = unfinished.replay;
        if (pending >= rate) {
          await this.#pause(roomPauseMs, signal);
          continue;
        }
        const { replay, owed } = await this.#takeStep(unfinished, owes);
        if (replay.finishedAt !== undefined) {
          this.#tell(replay, 'finished');
          return;
        }
        owes = owed > 0;
        await this.#pause((1_000 * owed) / rate, signal);
      } catch (error) {
        if (isOver()) return;
        await this.#fault(error, id);
      }
    }
  }

  /** The next step, a short one where the one before `owes`; and how many deliveries it is about. */
  async #takeStep({ replay: asked, place }: UnfinishedReplay, owes: boolean) {
    const { id, createdAt, select, rate } = asked;
    const most = Math.max(1, Math.ceil(rate / stepsPerSecond));
    // What was accepted after it was asked for is not meant.
    const until = Math.min(select.until ?? Number.POSITIVE_INFINITY, createdAt + 1);
    const request = { ...asked, select: { ...select, until } };
    const { items, next } = await this.journal.replayCandidates(request.select, place, owes ? most : stretch);
    const step = { ...this.#stepOf(items, next, request, most), ...(place !== undefined && { from: place }) };
    return { replay: await this.journal.advanceReplay(id, step), owed: step.owe.length };
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

  async #pause(ms: number, signal = this.#stop.signal): Promise<void> {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
