import { hash } from 'node:crypto';
import type { NewAlert, Severity, State } from '../../src/core/alert.js';
import { mintId } from '../../src/core/identity.js';
import { severityIdOf } from '../../src/core/alert.js';
import type { PullMark } from '../../src/core/reconciliation.js';
import type { AcceptedRequest, RoutedAlert } from '../../src/core/journal.js';

/** What a test says of a report; the rest is filled in. */
export type ReportOf = {
  /** The finding; another text is another finding. */
  readonly finding?: string;
  /** The report of it; another text is another report. */
  readonly version?: string;
  readonly state?: State;
  readonly severity?: Severity;
  readonly title?: string;
  readonly description?: string;
  /** Milliseconds since the epoch. */
  readonly updatedAt?: number;
  /** When the vendor made the finding, in milliseconds since the epoch; a minute before it came, where it does not matter. */
  readonly time?: number;
  readonly sinks?: readonly string[];
  readonly routes?: readonly string[];
  readonly keepsState?: boolean;
  /** Until when its deliveries are held, in milliseconds since the epoch. */
  readonly notBefore?: number;
};

export type RequestOf = {
  readonly id?: string;
  readonly source?: string;
  readonly receivedAt: number;
  readonly body?: Buffer;
  readonly unread?: AcceptedRequest['unread'];
  readonly probe?: string;
  /** Then it is a page of a pull. */
  readonly pull?: PullMark;
};

let made = 0;

/** A request as ingest hands it to the journal. Without a `finding`, each report is of a finding of its own. */
export function acceptedRequest(request: RequestOf, ...reports: readonly ReportOf[]): AcceptedRequest {
  const { receivedAt, source = 'warden', unread = [], probe, pull } = request;
  const id = request.id ?? mintId();
  const body = request.body ?? Buffer.from(JSON.stringify({ reports }));
  const sha256 = hash('sha256', body, 'hex');
  const raw = { ref: id, sha256, bytes: body.length, contentType: 'application/json' };
  return {
    id,
    source,
    receivedAt,
    remoteAddress: pull ? '' : '192.0.2.7',
    authentication: pull ? 'pull' : 'bearer',
    contentType: raw.contentType,
    body,
    sha256,
    alerts: reports.map((report) => routed(report, { source, receivedAt, raw })),
    unread,
    ...(probe !== undefined && { probe }),
    ...(pull && { pull }),
  };
}

function routed(
  report: ReportOf,
  { source, receivedAt, raw }: { source: string; receivedAt: number; raw: NewAlert['raw'] },
): RoutedAlert {
  made += 1;
  const { finding = `finding-${String(made)}`, version = 'v1', severity = 'high', state = 'open', updatedAt } = report;
  const sinks = report.sinks ?? ['pager'];
  const routes = report.routes ?? (sinks.length === 0 ? [] : ['everything']);
  const fingerprint = hash('sha256', finding, 'hex');
  return {
    alert: {
      schema: 'signalbox.alert/1',
      id: mintId(),
      fingerprint,
      dedupKey: hash('sha256', `${source} ${fingerprint} ${version}`, 'hex'),
      kind: 'detection',
      state,
      severity,
      severityId: severityIdOf(severity),
      title: report.title ?? `Report ${version} of ${finding}`,
      ...(report.description !== undefined && { description: report.description }),
      time: new Date(report.time ?? receivedAt - 60_000).toISOString(),
      timeQuality: 'vendor',
      receivedAt: new Date(receivedAt).toISOString(),
      ...(updatedAt !== undefined && { updatedTime: new Date(updatedAt).toISOString() }),
      source: { vendor: 'Warden', product: 'Warden', sourceId: source },
      vendorIds: { alert: finding },
      resources: [{ role: 'target', type: 'host', hostname: 'db-7.example' }],
      tags: [],
      quality: [],
      raw,
    },
    routes,
    sinks: sinks.map((sink) => ({ sink, routes, keepsState: report.keepsState ?? false })),
    ...(report.notBefore !== undefined && { notBefore: report.notBefore }),
  };
}

/** The same request in parts, an alert in each. What could not be read comes with the last, a probe with the first. */
export function inParts({ alerts, unread, probe, ...request }: AcceptedRequest): readonly AcceptedRequest[] {
  return alerts.map((alert, index) => {
    const part = { isFirst: index === 0, isLast: index === alerts.length - 1 };
    return {
      ...request,
      alerts: [alert],
      unread: part.isLast ? unread : [],
      ...(part.isFirst && probe !== undefined && { probe }),
      part,
    };
  });
}
