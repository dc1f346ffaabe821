import type { AcceptedRequest, RequestPart, RoutedAlert } from '../core/journal.js';
import type { Triaged } from './triage.js';

/** What of a body goes to the journal in one transaction; `part` where it is not all of it. */
export type Part = Pick<AcceptedRequest, 'alerts' | 'unread' | 'probe'> & { readonly part?: RequestPart };

/** A body of so many is kept whole or not at all. */
const mostAlerts = 1_000;
/** So long a body is read without a break. */
const sliceMs = 10;

/**
 * A body in parts, in order; read when they are asked for, and no longer than a moment: undefined is a pause, for others
 * to have the event loop. What could not be read comes with the last part: a body that is sent again because that one was
 * not kept has nothing of it in the quarantine yet.
 */
export function* partsOf(begin: () => Triaged, now = () => performance.now()): Generator<Part | undefined, void> {
  let alerts: readonly RoutedAlert[] = [];
  let unread: Part['unread'] = [];
  let next: (() => Triaged) | undefined = begin;
  let until = now() + sliceMs;
  for (let isFirst = true; ; isFirst = false) {
    let probe: string | undefined;
    while (next && alerts.length < mostAlerts) {
      if (now() >= until) {
        yield undefined;
        until = now() + sliceMs;
      }
      const read: Triaged = next();
      const isAll: boolean = next === begin && !read.rest;
      alerts = isAll ? read.alerts : [...alerts, ...read.alerts.map(withJson)];
      unread = isAll ? read.unread : [...unread, ...read.unread];
      probe ??= read.probe;
      next = read.rest;
    }
    const isLast = !next && alerts.length <= mostAlerts;
    yield {
      alerts: alerts.slice(0, mostAlerts),
      unread: isLast ? unread : [],
      ...(probe !== undefined && { probe }),
      ...(!(isFirst && isLast) && { part: { isFirst, isLast } }),
    };
    if (isLast) return;
    alerts = alerts.slice(mostAlerts);
    yield undefined;
    until = now() + sliceMs;
  }
}

/** Made with the rest of the slice's work: for a thousand at once it would be too much. */
function withJson(routed: RoutedAlert): RoutedAlert {
  return { ...routed, json: JSON.stringify(routed.alert) };
}
