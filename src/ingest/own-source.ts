import { ownSource, ownSourceName } from '../core/own-source.js';
import type { Reading } from '../core/source.js';
import { rfc3339 } from '../kit/time.js';
import type { NamedSource } from '../routing/triage.js';

/**
 * What the router reports of itself, as it is kept: the body of a request like any other. Times in milliseconds;
 * `since`: when this parking began, which makes it one finding, with the sink or the source whose pull it is.
 */
export type OwnReport = { readonly reason?: string; readonly since: number; readonly at: number } & (
  | { readonly event: 'sink-parked' | 'sink-resumed'; readonly sink: string }
  | { readonly event: 'pull-parked' | 'pull-resumed'; readonly source: string }
);

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
  about: ({ resources: [resource] }) => (resource?.type === 'sink' ? resource.name : undefined),
};

function read(report: OwnReport): Reading {
  const { event, reason, since, at } = report;
  const isParked = event === 'sink-parked' || event === 'pull-parked';
  const words = isParked ? 'parked: it waits for an operator' : 'resumed';
  const about =
    'sink' in report
      ? { type: 'sink', name: report.sink, title: `The sink ${report.sink} is ${words}`, entity: 'parking' }
      : {
          type: 'source',
          name: report.source,
          title: `The pull of the source ${report.source} is ${words}`,
          entity: 'pull-parking',
        };
  const draft = {
    kind: 'other',
    eventType: event,
    state: isParked ? 'open' : 'resolved',
    severity: 'high',
    title: about.title,
    ...(reason !== undefined && { description: reason }),
    entity: { type: about.entity, id: `${about.name}@${String(since)}` },
    version: `${event} ${reason ?? ''}`,
    time: rfc3339(since),
    updatedTime: rfc3339(at),
    vendorIds: {},
    resources: [{ role: 'affected', type: about.type, name: about.name }],
    tags: [`${about.type}:${about.name}`],
    quality: [],
  } as const;
  return { drafts: [draft], unread: [] };
}
