import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityStream } from '../core/activity.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { Journal, Parked, ParkedBy } from '../core/journal.js';
import type { PullStanding } from '../core/pull-control.js';
import type { PullState } from '../core/reconciliation.js';
import { PullError, type PulledPage, type PullFrom, type Source } from '../core/source.js';
import type { PullOptions } from '../kit/source-options.js';
import type { NamedSource } from '../routing/triage.js';
import type { IngestService, PageCounts } from './ingest.service.js';
import { endWith, nextPullMs, paceMs, type PullEnd, type PullSum } from './pull-pace.js';

/** A configured source that pulls, and how. */
export type PullingSource = { readonly source: NamedSource; readonly pull: PullOptions };

/** What the loops of all sources share. */
export type PullContext = {
  readonly ingest: Pick<IngestService, 'acceptPage'>;
  readonly journal: Journal;
  readonly activity: ActivityStream;
  /** True while nothing more is to be taken of a source. */
  readonly isFull: (source: string) => boolean;
  /** Names this router among others on the same journal. */
  readonly holder: string;
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
};

/** Longer than a page takes: so long nobody else pulls after this router was killed. */
const holdMs = 60_000;
const holdAgainMs = 15_000;
const fullAgainMs = 1_000;
/** A vendor that says nothing for so long is given up for this time. */
const pageWithinMs = 5 * 60_000;

const nothing: PullSum = { pages: 0, accepted: 0, duplicates: 0, quarantined: 0 };

/**
 * Pulls one source, again and again: page by page, each kept together with where it leads before the next is asked for.
 * At most one of the routers on a journal does. A vendor that refuses parks the pull and nothing else; the router tries
 * now and then whether it may go on. What one router parks or resumes holds for all.
 */
export class PullLoop {
  readonly #ending = new AbortController();
  /** Ends what the loop does now, so that it looks again at what holds. */
  #turn = new AbortController();
  #standing: PullStanding = { kind: 'pulling' };
  #parked: Parked | undefined;
  /** What this router did to the parking: what was read before is out of date. */
  #changes = 0;
  #failures = 0;
  /** The vendor has forgotten the cursor that the journal has. */
  #isLost = false;
  readonly #ended: Promise<void>;

  constructor(
    readonly pulling: PullingSource,
    private readonly context: PullContext,
  ) {
    this.#ended = this.#run();
  }

  get name(): string {
    return this.pulling.source.name;
  }

  get standing(): PullStanding {
    return this.#standing;
  }

  /** Asks for nothing more; what is being kept is kept. */
  async end(): Promise<void> {
    this.#ending.abort();
    this.#turn.abort();
    await this.#ended;
  }

  async park(reason: string): Promise<void> {
    await this.#park(reason, 'operator');
    this.#turn.abort();
  }

  async resume(): Promise<void> {
    await this.#resume('operator');
    this.#failures = 0;
    this.#turn.abort();
  }

  /**
   * To be called before the journal is asked what is parked; what it returns takes the answer, and follows it where it
   * is another router's doing.
   */
  observe(): (parked: Parked | undefined) => void {
    const seen = this.#changes;
    return (parked) => {
      if (seen !== this.#changes || parked?.by === this.#parked?.by) return;
      this.#parked = parked;
      this.#failures = 0;
      this.#turn.abort();
    };
  }

  async #run(): Promise<void> {
    await this.#begin();
    while (!this.#ending.signal.aborted) {
      this.#turn = new AbortController();
      const turn = AbortSignal.any([this.#ending.signal, this.#turn.signal]);
      try {
        await this.#takeTurn(turn);
      } catch (error) {
        if (!turn.aborted) await this.#failed({ kind: 'retry', reason: reasonOf(error) }, turn);
      }
    }
    await this.context.journal.hold(this.#lease, this.context.holder, 0).catch(() => false);
  }

  /** Where the first pull begins is kept before it is tried; what was parked before a restart still is. */
  async #begin(): Promise<void> {
    const { journal, now, activity } = this.context;
    while (!this.#ending.signal.aborted) {
      try {
        const { parked } = await journal.beginPull(this.name, now() - this.pulling.pull.from);
        this.#parked = parked;
        if (parked) activity.next({ kind: 'pull-parked', at: now(), source: this.name, ...parked });
        return;
      } catch {
        this.#standing = { kind: 'held up' };
        await pause(fullAgainMs, this.#ending.signal);
      }
    }
  }

  async #takeTurn(turn: AbortSignal): Promise<void> {
    const { journal, holder } = this.context;
    if (this.#parked?.by === 'operator') {
      this.#standing = { kind: 'parked' };
      await pause(undefined, turn);
      return;
    }
    if (!(await journal.hold(this.#lease, holder, this.pulling.pull.every + holdMs))) {
      this.#standing = { kind: 'standing by' };
      await pause(holdAgainMs, turn);
      return;
    }
    this.#standing = { kind: 'pulling' };
    const end = await this.#pull(turn);
    if (turn.aborted) return;
    if (end.kind === 'done' || end.kind === 'cut') await this.#wait(end, turn);
    else await this.#failed(end, turn);
  }

  /** From where the last one ended until there is nothing left, or no more may be taken. */
  async #pull(turn: AbortSignal): Promise<PullEnd> {
    const { activity, now } = this.context;
    const began = performance.now();
    const state = await this.context.journal.pullState(this.name);
    let cursor = state?.cursor;
    let sum = nothing;
    let end: PullEnd = { kind: 'done' };
    try {
      for await (const page of pagesOf(this.pulling.source.source, this.#from(state), turn)) {
        const { accepted, duplicates, quarantined } = await this.#keep(page, turn);
        this.#isLost = false;
        sum = {
          pages: sum.pages + 1,
          accepted: sum.accepted + accepted,
          duplicates: sum.duplicates + duplicates,
          quarantined: sum.quarantined + quarantined,
        };
        await pause(paceMs(accepted, this.pulling.pull.rate), turn);
        const ended = endWith({ ...page, accepted }, cursor, sum, this.pulling.pull.maxPages);
        cursor = page.cursor;
        if (ended) end = ended;
        if (ended || turn.aborted) break;
      }
    } catch (error) {
      if (turn.aborted) return end;
      end = error instanceof PullError ? error.failure : { kind: 'retry', reason: reasonOf(error) };
    }
    if (this.#parked && (sum.pages > 0 || end.kind === 'done')) await this.#resume('router');
    if (end.kind === 'done' || end.kind === 'cut') {
      const durationMs = Math.round(performance.now() - began);
      const isCaughtUp = end.kind === 'done';
      activity.next({ kind: 'pulled', at: now(), source: this.name, ...sum, isCaughtUp, durationMs });
      this.#failures = 0;
    }
    return end;
  }

  /** A pull whose place is lost begins where the last one had come to the end, or earlier: what is known already is known. */
  #from(state: PullState | undefined): PullFrom {
    const { from, overlap } = this.pulling.pull;
    const { cursor, caughtUpAt, since = this.context.now() - from } = state ?? {};
    if (cursor !== undefined && !this.#isLost) return { cursor, since };
    if (!this.#isLost) return { since };
    const seenTo = caughtUpAt === undefined ? since : caughtUpAt - overlap;
    return { since: Math.min(this.context.now() - from, seenTo) };
  }

  /** Waits for room in the backlog and for the journal: a page that was got is not let go. */
  async #keep(page: PulledPage, turn: AbortSignal): Promise<PageCounts> {
    const { ingest, journal, holder, isFull } = this.context;
    for (;;) {
      turn.throwIfAborted();
      try {
        if (!isFull(this.name)) {
          const kept = await ingest.acceptPage(this.pulling.source, page, this.pulling.pull.rate);
          await journal.hold(this.#lease, holder, this.pulling.pull.every + holdMs);
          this.#standing = { kind: 'pulling' };
          return kept;
        }
      } catch (error) {
        // The journal says why at every webhook; here nobody waits for an answer.
        if (!(error instanceof JournalUnavailableError)) throw error;
      }
      this.#standing = { kind: 'held up' };
      await pause(fullAgainMs, turn);
    }
  }

  async #failed(end: Exclude<PullEnd, { kind: 'done' } | { kind: 'cut' }>, turn: AbortSignal): Promise<void> {
    const { activity, now, random } = this.context;
    this.#failures += 1;
    if (end.kind === 'parked') await this.#park(end.reason, 'router');
    if (end.kind === 'lost') this.#isLost = true;
    const waitMs = nextPullMs(this.#parked ? { ...end, kind: 'parked' } : end, this.#failures, 0, random());
    const again = { reason: end.reason, failures: this.#failures };
    const [at, nextAt] = [now(), now() + waitMs];
    if (end.kind !== 'parked') activity.next({ kind: 'pull-failed', at, source: this.name, ...again, againAt: nextAt });
    this.#standing = this.#parked ? { kind: 'parked', nextAt } : { kind: 'failing', ...again, nextAt };
    await pause(waitMs, turn);
  }

  async #wait(end: PullEnd, turn: AbortSignal): Promise<void> {
    const waitMs = nextPullMs(end, 0, this.pulling.pull.every, this.context.random());
    this.#standing = { kind: 'waiting', nextAt: this.context.now() + waitMs };
    await pause(waitMs, turn);
  }

  /** By the router, one that is parked already stays as it is, and nobody is told again. */
  async #park(reason: string, by: ParkedBy): Promise<void> {
    if (this.#parked && by === 'router') return;
    this.#changes += 1;
    const parked = await this.context.journal.parkPull(this.name, reason, by).finally(() => (this.#changes += 1));
    this.#parked = parked;
    this.context.activity.next({ kind: 'pull-parked', at: this.context.now(), source: this.name, ...parked });
  }

  async #resume(by: ParkedBy): Promise<void> {
    this.#changes += 1;
    const ended = await this.context.journal.resumePull(this.name, by).finally(() => (this.#changes += 1));
    if (!ended && by === 'router') return;
    this.#parked = undefined;
    if (!ended) return;
    const { since } = ended;
    this.context.activity.next({ kind: 'pull-resumed', at: this.context.now(), source: this.name, since, by });
  }

  get #lease(): string {
    return `pull ${this.name}`;
  }
}

/** The pages of a source, of which none takes for ever. */
async function* pagesOf(source: Source, from: PullFrom, turn: AbortSignal): AsyncGenerator<PulledPage> {
  const late = new AbortController();
  const signal = AbortSignal.any([turn, late.signal]);
  const pages = source.pull?.(from, signal)[Symbol.asyncIterator]();
  if (!pages) return;
  try {
    for (;;) {
      const timer = setTimeout(() => {
        late.abort(new Error(`the vendor gave no page for ${pageWithinMs / 60_000} minutes`));
      }, pageWithinMs);
      try {
        const next = await Promise.race([pages.next(), abortOf(signal)]);
        if (next.done === true) return;
        clearTimeout(timer);
        yield next.value;
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    // What is being asked for ends with the signal, whether or not the plugin heeds it.
    late.abort();
    void pages.return?.().catch(() => undefined);
  }
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const refuse = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) refuse();
    else signal.addEventListener('abort', refuse, { once: true });
  });
}

/** Without a time, until the signal. Never rejects. */
async function pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
  if (ms === undefined) await abortOf(signal).catch(() => undefined);
  else if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
