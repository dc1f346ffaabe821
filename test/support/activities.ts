import type { Activity } from '../../src/core/activity.js';
import type { AcceptedRequest } from '../../src/core/journal.js';

type Received = Extract<Activity, { kind: 'received' }>;

/** What is told of a request that was kept, with every alert of it accepted unless the `changed` part says otherwise. */
export function receivedActivity(request: AcceptedRequest, changed: Partial<Received> = {}): Received {
  const { id, source, receivedAt, remoteAddress, body, alerts, unread, probe } = request;
  return {
    kind: 'received',
    at: receivedAt,
    source,
    requestId: id,
    remoteAddress,
    bytes: body.length,
    durationMs: 4,
    alerts: alerts.map(({ alert, routes, sinks }) => ({
      alert,
      id: alert.id,
      status: 'accepted',
      routes,
      sinks: sinks.map(({ sink }) => sink),
    })),
    unread,
    ...(probe !== undefined && { probe }),
    ...changed,
  };
}
