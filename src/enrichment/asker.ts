import type { NewAlert } from '../core/alert.js';
import type { EnrichmentStanding } from '../core/enrichment-view.js';
import type { Lookup } from '../core/source.js';
import { Allowance } from './allowance.js';
import { Fuse } from './fuse.js';
import type { Finding } from './judgement.js';

export type AskerOptions = {
  /** Asks the vendor's API. */
  readonly lookup: (alert: NewAlert, signal: AbortSignal) => Promise<Lookup>;
  /** The most calls at once, and the most a minute where that is bounded. */
  readonly concurrency: number;
  readonly maxPerMinute?: number;
  /** How many answers are remembered, and for how many milliseconds. */
  readonly cache: number;
  readonly cacheFor: number;
  readonly now: () => number;
};

/** What was found; shared where it was an earlier answer, or the one that another alert was waiting for. */
export type Asked = { readonly finding: Finding; readonly isShared: boolean };

/** The most alerts that wait for their turn. */
const mostWaiting = 1_000;
/** That the vendor does not know an alert may be true no longer in a moment: its API can be behind its webhooks. */
const unknownForMs = 30_000;
const maxReason = 300;

type Call = {
  readonly key: string;
  readonly alert: NewAlert;
  readonly stop: AbortController;
  readonly found: Promise<Finding>;
  readonly settle: (finding: Finding) => void;
  /** How many alerts wait for it. */
  waiters: number;
};

/** Asks one vendor's API for alerts: each finding once at a time, within bounds, and not while it only fails. */
export class Asker {
  readonly #fuse = new Fuse();
  readonly #allowance: Allowance | undefined;
  readonly #calls = new Map<string, Call>();
  #waiting: Call[] = [];
  #running = 0;
  /** The oldest first. */
  readonly #answers = new Map<string, { readonly until: number; readonly finding: Finding }>();

  constructor(private readonly options: AskerOptions) {
    const { maxPerMinute, now } = options;
    this.#allowance = maxPerMinute === undefined ? undefined : new Allowance(maxPerMinute, now());
  }

  /** Never rejects; a `timeout` after so many milliseconds, or when it is closed a failure. */
  async ask(alert: NewAlert, waitMs: number): Promise<Asked> {
    const key = alert.fingerprint;
    const known = this.#remembered(key);
    if (known) return { finding: known, isShared: true };
    const pending = this.#calls.get(key);
    if (pending) return { finding: await this.#wait(pending, waitMs), isShared: true };
    const against = this.#against();
    if (against !== undefined) return { finding: { kind: 'skipped', reason: against }, isShared: false };
    return { finding: await this.#wait(this.#begin(key, alert), waitMs), isShared: false };
  }

  get standing(): EnrichmentStanding {
    const resting = this.#fuse.resting(this.options.now());
    const counts = { running: this.#running, waiting: this.#waiting.length };
    return resting ? { state: 'resting', ...resting, ...counts } : { state: 'asking', ...counts };
  }

  /** Gives up what is under way. */
  close(reason: string): void {
    for (const call of this.#calls.values()) this.#giveUp(call, { kind: 'failed', reason });
  }

  #remembered(key: string): Finding | undefined {
    const answer = this.#answers.get(key);
    if (answer && answer.until > this.options.now()) return answer.finding;
    this.#answers.delete(key);
    return undefined;
  }

  #against(): string | undefined {
    const { now, maxPerMinute } = this.options;
    const resting = this.#fuse.resting(now());
    if (resting) return `the vendor's API is left alone for a while, since it failed: ${resting.reason}`;
    if (this.#waiting.length >= mostWaiting) return `more than ${mostWaiting} alerts wait to be looked up`;
    if (this.#allowance?.take(now()) === false) return `more than ${String(maxPerMinute)} lookups a minute`;
    return undefined;
  }

  #begin(key: string, alert: NewAlert): Call {
    let settle: (finding: Finding) => void = () => undefined;
    const found = new Promise<Finding>((resolve) => {
      settle = resolve;
    });
    const call = { key, alert, stop: new AbortController(), found, settle, waiters: 0 };
    this.#calls.set(key, call);
    this.#waiting.push(call);
    this.#next();
    return call;
  }

  async #wait(call: Call, waitMs: number): Promise<Finding> {
    call.waiters += 1;
    const late: Finding = { kind: 'timeout', reason: 'no answer in time' };
    let timer: NodeJS.Timeout | undefined;
    const isLate = new Promise<Finding>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, waitMs), late);
    });
    const finding = await Promise.race([call.found, isLate]);
    clearTimeout(timer);
    call.waiters -= 1;
    // Nobody waits any more: the place of a slow call is another's.
    if (call.waiters === 0 && finding === late) this.#giveUp(call, late);
    return finding;
  }

  #giveUp(call: Call, finding: Finding): void {
    this.#waiting = this.#waiting.filter((each) => each !== call);
    if (this.#calls.get(call.key) === call) this.#calls.delete(call.key);
    call.settle(finding);
    call.stop.abort(new Error('nobody waits for it'));
  }

  #next(): void {
    while (this.#running < this.options.concurrency) {
      const call = this.#waiting.shift();
      if (!call) return;
      this.#running += 1;
      void this.#make(call);
    }
  }

  async #make(call: Call): Promise<void> {
    const { now, lookup } = this.options;
    this.#fuse.begin(now());
    const finding = await lookup(call.alert, call.stop.signal).then(
      (found): Finding => found,
      (error: unknown): Finding => ({ kind: 'failed', reason: reasonOf(error) }),
    );
    this.#running -= 1;
    if (finding.kind === 'failed')
      this.#fuse.failed(call.stop.signal.aborted ? 'no answer in time' : finding.reason, now());
    else {
      this.#fuse.succeeded();
      this.#remember(call.key, finding);
    }
    if (this.#calls.get(call.key) === call) this.#calls.delete(call.key);
    call.settle(finding);
    this.#next();
  }

  #remember(key: string, finding: Finding): void {
    const { cache, cacheFor, now } = this.options;
    if (cache === 0) return;
    const forMs = finding.kind === 'unknown' ? Math.min(cacheFor, unknownForMs) : cacheFor;
    this.#answers.delete(key);
    this.#answers.set(key, { until: now() + forMs, finding });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= cache) break;
      this.#answers.delete(oldest);
    }
  }
}

function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.slice(0, maxReason);
}
