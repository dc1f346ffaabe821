import { hash } from 'node:crypto';
import type { NewAlert } from '../core/alert.js';
import { mintId } from '../core/identity.js';
import type { AcceptedRequest } from '../core/journal.js';
import type { RouteReason, Router } from './router.js';
import { triageWhole, type NamedSource } from './triage.js';

/** What would become of a body, for people who write routes. */
export type DryRun = {
  readonly source: string;
  readonly alerts: readonly {
    readonly alert: NewAlert;
    /** The routes that matched; none: the alert would be kept as unrouted. */
    readonly routes: readonly string[];
    readonly sinks: readonly string[];
    /** One for every route, in the order written. */
    readonly reasons: readonly RouteReason[];
  }[];
  /** What would be quarantined. */
  readonly unread: AcceptedRequest['unread'];
  readonly probe?: string;
};

/** Reads a body as its source would and decides where its alerts would go. Nothing is kept and nothing is sent. */
export function dryRun(source: NamedSource, router: Router, body: Buffer, contentType: string): DryRun {
  const request = {
    headers: { 'content-type': contentType },
    body,
    path: `/v1/ingest/${source.name}`,
    remoteAddress: '127.0.0.1',
  };
  const facts = { id: mintId(), receivedAt: Date.now(), sha256: hash('sha256', body, 'hex'), contentType };
  const { alerts, unread, probe } = triageWhole(source, router, request, facts);
  return {
    source: source.name,
    alerts: alerts.map(({ alert, routes, sinks }) => ({
      alert,
      routes,
      sinks: sinks.map(({ sink }) => sink),
      reasons: router.explain(alert),
    })),
    unread,
    ...(probe !== undefined && { probe }),
  };
}
