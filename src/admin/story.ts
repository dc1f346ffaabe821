import type { AlertRecord, AlertSummary, Attempt, Parked } from '../core/journal.js';
import type { RouteReason } from '../routing/router.js';

/** What happens next with a delivery, in words, and when, where that is known (milliseconds since the epoch). */
export type Next = { readonly what: string; readonly at?: number };

/** An attempt, and how long the next one waited for its turn after it, in milliseconds. */
export type ToldAttempt = Attempt & { readonly waitMs?: number };

export type ToldDelivery = Omit<AlertRecord['deliveries'][number], 'history'> & {
  readonly history: readonly ToldAttempt[];
  /** None: it is over. */
  readonly next?: Next;
};

/** What a route of now makes of the alert. */
export type ToldReason = RouteReason & {
  /** Whether it took the alert when that was decided, where that is otherwise than now. */
  readonly tookIt?: boolean;
};

/** The whole story of an alert, in the order it happened. `routes` is the decision of then. */
export type Story = Omit<AlertRecord, 'deliveries'> & {
  /** The conditions of the routes of now, and what is otherwise than then: in the routes, or in what is known of the alert. */
  readonly reasons: readonly ToldReason[];
  /** Those of `routes` that are no longer in the config. */
  readonly goneRoutes: readonly string[];
  /**
   * Since when the routes of now are in force at the router that answers, in milliseconds since the epoch. Of an alert
   * that was received before, nobody can say by which conditions it was decided.
   */
  readonly routesSince: number;
  readonly deliveries: readonly ToldDelivery[];
  /** What the asker named it by. */
  readonly foundBy: 'id' | 'fingerprint' | 'vendorId';
  /** The others of that name, newest first: how many are known, whether there may be more, and the newest of them. */
  readonly others: { readonly count: number; readonly isAll: boolean; readonly newest: readonly AlertSummary[] };
};

/** What is known of a sink besides the delivery. */
export type SinkStanding = {
  readonly isConfigured: boolean;
  readonly parked?: Parked;
  /** An earlier alert of the same finding that this sink is still owed: it goes first. */
  readonly before?: string;
};

/**
 * Holds the routes of now against a decision. `then` and `now`: the names of those that took it, and that would; `now`
 * leaves out those that lead to no sink but the one that the alert is about.
 */
export function tellReasons(
  reasons: readonly RouteReason[],
  then: readonly string[],
  now: readonly string[],
): Pick<Story, 'reasons' | 'goneRoutes'> {
  const told = reasons.map(({ route, matched: holds, reason: why }): ToldReason => {
    const matched = now.includes(route);
    const reason = holds && !matched ? `${why}; but it leads only to the sink that this is about` : why;
    const tookIt = then.includes(route);
    return { route, matched, reason, ...(tookIt !== matched && { tookIt }) };
  });
  return { reasons: told, goneRoutes: then.filter((name) => !reasons.some(({ route }) => route === name)) };
}

/** Tells of a delivery what the journal does not say: the waits, and what comes next. */
export function tellDelivery(
  { history, ...delivery }: AlertRecord['deliveries'][number],
  { isConfigured, parked, before }: SinkStanding,
  now: number,
): ToldDelivery {
  const dueAt = delivery.state === 'pending' ? delivery.dueAt : undefined;
  const told = history.map((attempt, index): ToldAttempt => {
    const then = history[index + 1]?.at ?? (index === history.length - 1 ? dueAt : undefined);
    const waitMs = then === undefined ? undefined : Math.max(0, Math.round(then - attempt.at - attempt.durationMs));
    return { ...attempt, ...(waitMs !== undefined && { waitMs }) };
  });
  const next = nextOf();
  return { ...delivery, history: told, ...(next && { next }) };

  function nextOf(): Next | undefined {
    if (delivery.state === 'dead') return { what: 'nothing, until it is replayed' };
    if (delivery.state !== 'pending') return undefined;
    if (!isConfigured) return { what: 'it waits: there is no such sink in the config now' };
    if (parked) return { what: `it waits until the sink is resumed, which is parked: ${parked.reason}` };
    if (delivery.heldBy !== undefined) return { what: `attempt ${delivery.attempts + 1} is under way` };
    if (before !== undefined) return { what: `it waits for alert ${before} of the same finding, which goes first` };
    const what = `attempt ${delivery.attempts + 1}`;
    const isHeld = delivery.attempts === 0 && delivery.replay === undefined;
    if (isHeld && dueAt !== undefined && dueAt > now) {
      return { what: `it is held while the vendor is asked for details: ${what}, at the latest`, at: dueAt };
    }
    return dueAt !== undefined && dueAt > now ? { what, at: dueAt } : { what: `${what}, as soon as its turn comes` };
  }
}
