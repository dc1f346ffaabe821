import { reportTimeOf, type Alert } from '../core/alert.js';
import type { ReplayPlan } from '../core/replay-control.js';
import type { ReplayCandidate, ReplayRequest, ReplayStep } from '../core/replay.js';
import type { Sink } from '../core/sink.js';
import type { Decision } from '../routing/router.js';

/** What of a sink matters to a replay. */
export type ReplaySink = Pick<Sink, 'keepsState' | 'maxAge'>;

/** The running config, as a replay sees it. */
export type ReplayConfig = {
  readonly sink: (name: string) => ReplaySink | undefined;
  readonly decide: (alert: Alert) => Decision;
};

/** What a replay makes of one alert: the deliveries to owe, and those to leave, by the sink's name. */
export type Choice = {
  readonly owe: ReplayStep['owe'];
  readonly outdated: readonly string[];
  readonly unconfigured: readonly string[];
};

/**
 * Pure. An outdated report is left where the sink keeps state, for it would overwrite a newer one there, unless that is
 * forced.
 */
export function choose(candidate: ReplayCandidate, request: ReplayRequest, config: ReplayConfig): Choice {
  const { alert, isOutdated } = candidate;
  const wanted = request.mode === 'resend' ? resent(candidate, request) : rerouted(candidate, request, config);
  const unconfigured = wanted.filter(({ sink }) => !config.sink(sink));
  const outdated = wanted.filter(({ sink }) => !request.force && isOutdated && config.sink(sink)?.keepsState === true);
  const owe = wanted.filter((each) => !unconfigured.includes(each) && !outdated.includes(each));
  return {
    owe: owe.map((each) => ({ alertId: alert.id, ...each })),
    outdated: outdated.map(({ sink }) => sink),
    unconfigured: unconfigured.map(({ sink }) => sink),
  };
}

type Wanted = Omit<ReplayStep['owe'][number], 'alertId'>;

function resent({ deliveries }: ReplayCandidate, { select }: ReplayRequest): readonly Wanted[] {
  return deliveries
    .filter(
      ({ sink, state, fault }) =>
        sink === (select.sink ?? sink) &&
        state === (select.state ?? 'dead') &&
        (select.fault === undefined || fault === select.fault),
    )
    .map(({ sink }) => ({ sink }));
}

function rerouted(
  { alert, deliveries }: ReplayCandidate,
  { select }: ReplayRequest,
  { decide }: ReplayConfig,
): readonly Wanted[] {
  return decide(alert)
    .sinks.filter(({ sink }) => sink === (select.sink ?? sink) && !deliveries.some((known) => known.sink === sink))
    .map(({ sink, routes, keepsState }) => ({ sink, routed: { routes, keepsState } }));
}

const mostShown = 20;

/** Sums choices up. `now` in milliseconds since the epoch. */
export class PlanSum {
  #alerts = 0;
  #unconfigured = 0;
  readonly #sinks = new Map<string, { sink: string; deliveries: number; restamped: number; outdated: number }>();
  readonly #restamped: ReplayPlan['restamped'][number][] = [];

  constructor(
    private readonly config: ReplayConfig,
    private readonly now: number,
  ) {}

  add({ alert }: ReplayCandidate, { owe, outdated, unconfigured }: Choice): void {
    this.#alerts += 1;
    this.#unconfigured += unconfigured.length;
    for (const sink of outdated) this.#of(sink).outdated += 1;
    const time = reportTimeOf(alert);
    for (const { sink } of owe) {
      this.#of(sink).deliveries += 1;
      if (this.now - Date.parse(time) <= (this.config.sink(sink)?.maxAge ?? Number.POSITIVE_INFINITY)) continue;
      this.#of(sink).restamped += 1;
      if (this.#restamped.length < mostShown) this.#restamped.push({ alertId: alert.id, sink, time });
    }
  }

  plan(): ReplayPlan {
    const sinks = [...this.#sinks.values()];
    return {
      alerts: this.#alerts,
      deliveries: sinks.reduce((sum, { deliveries }) => sum + deliveries, 0),
      sinks,
      restamped: this.#restamped,
      unconfigured: this.#unconfigured,
      warnings: [
        ...sinks.flatMap(({ sink, outdated }) =>
          outdated === 0
            ? []
            : [`${outdated} held back from ${sink}: it keeps state, and a newer report is there. force sends them.`],
        ),
        ...sinks.flatMap(({ sink, restamped }) =>
          restamped === 0 ? [] : [`${restamped} are older than ${sink} takes: they get a later time there.`],
        ),
        ...(this.#unconfigured === 0 ? [] : [`${this.#unconfigured} were for sinks that are not in the config.`]),
      ],
    };
  }

  #of(sink: string) {
    const known = this.#sinks.get(sink) ?? { sink, deliveries: 0, restamped: 0, outdated: 0 };
    this.#sinks.set(sink, known);
    return known;
  }
}
