import type { AcceptedRequest, RequestPart, RoutedAlert } from '../core/journal.js';
import type { Triaged } from './triage.js';

/** What of a body goes to the journal in one transaction; `part` where it is not all of it. */
export type Part = Pick<AcceptedRequest, 'alerts' | 'unread'> & {
  readonly probe: string | undefined;
  readonly part: RequestPart | undefined;
};

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
  let until = now() + sliceMs;
  let { alerts, unread, probe, rest }: Triaged = begin();
  let isLong = false;
  for (let isFirst = true; ; isFirst = false) {
    while (rest && alerts.length < mostAlerts) {
      if (now() >= until) {
        isLong = true;
        yield undefined;
        until = now() + sliceMs;
      }
      const read: Triaged = rest();
      alerts = [...alerts, ...(isLong ? read.alerts.map(withJson) : read.alerts)];
      unread = [...unread, ...read.unread];
      rest = read.rest;
    }
    if (!rest && alerts.length <= mostAlerts) {
      yield { alerts, unread, probe, part: isFirst ? undefined : { isFirst, isLast: true } };
      return;
    }
    yield { alerts: alerts.slice(0, mostAlerts), unread: [], probe, part: { isFirst, isLast: false } };
    probe = undefined;
    isLong = true;
    alerts = alerts.slice(mostAlerts);
    yield undefined;
    until = now() + sliceMs;
  }
}

/** Made with the rest of the slice's work: for a thousand at once it would be too much. */
function withJson({ alert, routes, sinks, notBefore }: RoutedAlert): RoutedAlert {
  const json = JSON.stringify(alert);
  return notBefore === undefined ? { alert, json, routes, sinks } : { alert, json, routes, sinks, notBefore };
}
