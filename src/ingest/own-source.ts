import { ownSource, ownSourceName } from '../core/own-source.js';
import type { Reading } from '../core/source.js';
import { rfc3339 } from '../kit/time.js';
import type { NamedSource } from '../routing/triage.js';

/** What the router reports of itself, as it is kept: the body of a request like any other. Times in milliseconds. */
export type OwnReport = {
  readonly event: 'sink-parked' | 'sink-resumed';
  readonly sink: string;
  readonly reason?: string;
  /** When this parking began: with the sink, what makes it one finding. */
  readonly since: number;
  readonly at: number;
};

/**
 * The source of the router's own alerts. Nobody posts to it: it has no path. It authenticates whoever calls it, since
 * only this process can.
 */
export const ownAlertSource: NamedSource = {
  name: ownSourceName,
  ...ownSource,
  source: {
    authenticate: () => ({ ok: true, method: 'internal' }),
    read: ({ body }) => read(JSON.parse(body.toString()) as OwnReport),
  },
  about: ({ resources }) => resources[0]?.name,
};

function read({ event, sink, reason, since, at }: OwnReport): Reading {
  const isParked = event === 'sink-parked';
  const draft = {
    kind: 'other',
    eventType: event,
    state: isParked ? 'open' : 'resolved',
    severity: 'high',
    title: `The sink ${sink} is ${isParked ? 'parked: it waits for an operator' : 'resumed'}`,
    ...(reason !== undefined && { description: reason }),
    entity: { type: 'parking', id: `${sink}@${String(since)}` },
    version: `${event} ${reason ?? ''}`,
    time: rfc3339(since),
    updatedTime: rfc3339(at),
    vendorIds: {},
    resources: [{ role: 'affected', type: 'sink', name: sink }],
    tags: [`sink:${sink}`],
    quality: [],
  } as const;
  return { drafts: [draft], unread: [] };
}
