import type { NewAlert } from '../core/alert.js';
import type { RoutedSink } from '../core/journal.js';
import { asksForTests, conditionsOf, matches, type Condition, type RouteOptions } from './route.js';

/** Which routes took an alert, in the order written, and which sinks are owed it. Neither: unrouted. */
export type Decision = {
  readonly routes: readonly string[];
  readonly sinks: readonly RoutedSink[];
};

/** What one route made of an alert, for people. */
export type RouteReason = {
  readonly route: string;
  readonly matched: boolean;
  /** The conditions that held, or the first that failed, or the final route that came before. */
  readonly reason: string;
};

type CompiledRoute = { readonly options: RouteOptions; readonly conditions: readonly Condition[] };

/** One index: the values that some routes ask for exactly, and those routes by their position. */
type Index = { readonly facts: Condition['facts']; readonly routes: Map<string, number[]> };

/** Decides where alerts go: each of them by one config, though another may be put in its place in between. */
export class Router {
  #routes: readonly CompiledRoute[] = [];
  #indexes: readonly Index[] = [];
  /** Positions of the routes that no index can find. */
  #unindexed: readonly number[] = [];
  #statefulSinks: ReadonlySet<string> = new Set();
  /** Decisions by the positions that matched: few differ, and they are shared. */
  readonly #decisions = new Map<string, Decision>();

  /** `statefulSinks`: the names of the sinks that keep state, which a superseded report must not reach. */
  constructor(routes: readonly RouteOptions[], statefulSinks: ReadonlySet<string> = new Set()) {
    this.use(routes, statefulSinks);
  }

  /** From the next decision on, these routes and no others. */
  use(routes: readonly RouteOptions[], statefulSinks: ReadonlySet<string>): void {
    this.#statefulSinks = statefulSinks;
    this.#decisions.clear();
    this.#routes = routes.map((options) => ({ options, conditions: conditionsOf(options) }));
    ({ indexes: this.#indexes, unindexed: this.#unindexed } = indexRoutes(this.#routes));
  }

  /** Every matching route fires, in the order written, up to and with the first `final` one. */
  decide(alert: NewAlert): Decision {
    const matched: number[] = [];
    for (const position of this.#candidates(alert)) {
      const route = this.#routes[position];
      if (!route || !matches(route.conditions, alert)) continue;
      matched.push(position);
      if (route.options.final === true) break;
    }
    const key = matched.join();
    const known = this.#decisions.get(key);
    if (known) return known;
    const decision = this.#decisionOf(matched);
    if (this.#decisions.size < maxSharedDecisions) this.#decisions.set(key, decision);
    return decision;
  }

  /** The same decision with a reason for every route; looks at all of them. */
  explain(alert: NewAlert): readonly RouteReason[] {
    let final: string | undefined;
    return this.#routes.map(({ options, conditions }) => {
      const route = options.name;
      if (final !== undefined) return { route, matched: false, reason: `not looked at: route ${final} is final` };
      const reason = reasonFor(conditions, alert);
      if (reason.matched && options.final === true) final = route;
      return { route, ...reason };
    });
  }

  /** Positions worth testing, in the order written. */
  #candidates(alert: NewAlert): readonly number[] {
    const found: number[] = [...this.#unindexed];
    for (const { facts, routes } of this.#indexes) {
      for (const fact of facts(alert)) {
        const positions = routes.get(fact);
        if (positions) found.push(...positions);
      }
    }
    return found.length < 2 ? found : [...new Set(found)].sort((a, b) => a - b);
  }

  #decisionOf(matched: readonly number[]): Decision {
    const sinks = new Map<string, string[]>();
    const routes: string[] = [];
    for (const position of matched) {
      const options = this.#routes[position]?.options;
      if (!options) continue;
      routes.push(options.name);
      for (const sink of options.to) {
        const asking = sinks.get(sink) ?? [];
        if (!asking.includes(options.name)) asking.push(options.name);
        sinks.set(sink, asking);
      }
    }
    return {
      routes,
      sinks: [...sinks].map(([sink, asking]) => ({ sink, routes: asking, keepsState: this.#statefulSinks.has(sink) })),
    };
  }
}

/** A decision with one sink less, and less the routes that asked for no other. */
export function without({ routes, sinks }: Decision, name: string | undefined): Decision {
  const rest = sinks.filter(({ sink }) => sink !== name);
  return { routes: routes.filter((route) => rest.some((sink) => sink.routes.includes(route))), sinks: rest };
}

const maxSharedDecisions = 10_000;

/**
 * Files each route under the exact values of one of its conditions: of those it has, the one that the fewest routes
 * share, so that an alert meets few candidates however many routes there are.
 */
function indexRoutes(routes: readonly CompiledRoute[]): { indexes: Index[]; unindexed: number[] } {
  const shares = new Map<string, number>();
  const shareKey = (field: string, value: string): string => `${field}\n${value}`;
  for (const { conditions } of routes) {
    for (const { field, exact = [] } of conditions) {
      for (const value of exact) shares.set(shareKey(field, value), (shares.get(shareKey(field, value)) ?? 0) + 1);
    }
  }
  const crowd = ({ field, exact = [] }: Condition): number =>
    Math.max(...exact.map((value) => shares.get(shareKey(field, value)) ?? 0));

  const indexes = new Map<string, Index>();
  const unindexed: number[] = [];
  routes.forEach(({ conditions }, position) => {
    const [best] = conditions.filter(({ exact }) => exact !== undefined).sort((a, b) => crowd(a) - crowd(b));
    if (!best) {
      unindexed.push(position);
      return;
    }
    const index = indexes.get(best.field) ?? { facts: best.facts, routes: new Map<string, number[]>() };
    indexes.set(best.field, index);
    for (const value of best.exact ?? []) {
      const positions = index.routes.get(value) ?? [];
      positions.push(position);
      index.routes.set(value, positions);
    }
  });
  return { indexes: [...indexes.values()], unindexed };
}

function reasonFor(conditions: readonly Condition[], alert: NewAlert): { matched: boolean; reason: string } {
  if (alert.kind === 'test' && !asksForTests(conditions)) {
    return { matched: false, reason: 'kind is test, which a route must ask for' };
  }
  const failed = conditions.find((condition) => !condition.holds(alert));
  if (failed) {
    const found = failed.facts(alert).join(', ') || 'absent';
    return { matched: false, reason: `${failed.field} is ${found}, wanted ${failed.wanted}` };
  }
  const held = conditions.map(({ field, wanted }) => `${field} is ${wanted}`).join(', ');
  return { matched: true, reason: held === '' ? 'takes every alert' : held };
}
