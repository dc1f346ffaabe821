import type { Journal } from './journal.js';
import { describeMissing } from './missing.js';
import { fillOf, highFill, isOld, levelOf, type PendingLimits } from './pressure.js';

/** `degraded` takes alerts as ever, but an operator should look: `problems` says at what. */
export type Condition = {
  readonly status: 'ok' | 'degraded' | 'draining' | 'journal unavailable';
  readonly problems: readonly string[];
};

/** Anybody may ask as often as they like; the journal is asked once in this time. */
const freshForMs = 1_000;
/** A journal that has not answered by then is as good as gone, and whoever asks has not got for ever. */
const patienceMs = 5_000;

/**
 * Whether this router can keep what it is given; both ports answer from this one. A parked sink is worth a word, and no
 * reason to take in nothing.
 */
export class Readiness {
  #isDraining = false;
  #isAsking = false;
  #known: { readonly at: number; readonly condition: Promise<Condition> } | undefined;

  constructor(
    private readonly journal: Journal,
    private readonly limits: PendingLimits,
    /** Whether a source pulls by the config of now: what another had parked troubles nobody. */
    private readonly pulls: (source: string) => boolean = () => true,
    /** How long a sink is tried with an alert, in milliseconds; of one that is not configured, for ever. */
    private readonly maxAgeOf: (sink: string) => number = () => Infinity,
  ) {}

  /** The first thing to happen at shutdown: from now on a load balancer should send nothing more. */
  drain(): void {
    this.#isDraining = true;
  }

  async condition(): Promise<Condition> {
    if (this.#isDraining) return { status: 'draining', problems: ['this router is shutting down'] };
    const now = performance.now();
    if (!this.#known || (!this.#isAsking && now - this.#known.at > freshForMs)) {
      this.#known = { at: now, condition: Promise.race([this.#ask(), silence()]) };
    }
    return this.#known.condition;
  }

  async #ask(): Promise<Condition> {
    this.#isAsking = true;
    try {
      await this.journal.check();
      const { missing, sinks, pulls } = await this.journal.counts();
      const fill = fillOf(this.journal.pending(), this.limits);
      const problems = [
        ...missing.filter((each) => each.acknowledgedAt === undefined).map(describeMissing),
        ...sinks.flatMap(({ sink, parked }) => (parked ? [`the sink ${sink} is parked`] : [])),
        ...sinks.flatMap(({ sink, oldestPendingAt: oldest }) =>
          oldest !== undefined && isOld(oldest, Date.now(), this.maxAgeOf(sink)) ? [tooOld(sink)] : [],
        ),
        ...pulls.flatMap(({ source, parked }) =>
          parked && this.pulls(source) ? [`the pull of the source ${source} is parked`] : [],
        ),
        ...(levelOf(fill) === 'normal' ? [] : [`the backlog is at ${Math.round(100 * fill)} % of its limit`]),
      ];
      return { status: problems.length === 0 ? 'ok' : 'degraded', problems };
    } catch {
      return { status: 'journal unavailable', problems: ['the journal cannot be written'] };
    } finally {
      this.#isAsking = false;
    }
  }
}

function tooOld(sink: string): string {
  return `the sink ${sink} is owed an alert that has waited for ${100 * highFill} % of delivery.maxAge: then it is given up`;
}

function silence(): Promise<Condition> {
  return new Promise((resolve) => {
    setTimeout(() => {
      resolve({ status: 'journal unavailable', problems: ['the journal does not answer'] });
    }, patienceMs).unref();
  });
}

/** Whether a router in this condition should be sent alerts. */
export function isReady({ status }: Condition): boolean {
  return status === 'ok' || status === 'degraded';
}
