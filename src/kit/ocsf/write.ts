import type { Action, Alert, Attack, Rule, Severity } from '../../core/alert.js';
import { present } from '../present.js';
import type {
  Activity,
  OcsfAnalytic,
  OcsfAttack,
  OcsfCompliance,
  OcsfFinding,
  OcsfMetadata,
  OcsfVersion,
  OcsfVulnerability,
  SeverityLabel,
  StatusLabel,
} from './finding.js';
import { deviceOf, evidencesOf, observablesOf, toResourceDetails } from './resources.js';

/**
 * Writes the attributes of a finding. Its class follows the alert's kind; a posture or a vulnerability without the facts
 * that its class asks for (2007: a remediation or a CVE or CWE; 2002: a CVE or CWE) is a detection, 2004.
 */
export function findingOf(alert: Alert, version: OcsfVersion): OcsfFinding {
  const common = commonOf(alert, version);
  const remediation = alert.recommendation === undefined ? undefined : { desc: alert.recommendation };
  const vulnerabilities = unlessEmpty(vulnerabilitiesOf(alert));
  const evidences = unlessEmpty(evidencesOf(alert.resources));
  if (alert.kind === 'compliance') {
    return {
      ...classOf(2003, 'Compliance Finding', alert.action),
      ...common,
      compliance: complianceOf(alert),
      ...present({ evidences, remediation }),
    };
  }
  if (alert.kind === 'vulnerability' && vulnerabilities) {
    return {
      ...classOf(2002, 'Vulnerability Finding', alert.action),
      ...common,
      vulnerabilities: vulnerabilities.map((vulnerability) => ({ ...vulnerability, ...present({ remediation }) })),
    };
  }
  if (alert.kind === 'posture' && (remediation ?? vulnerabilities)) {
    return {
      ...classOf(2007, 'Application Security Posture Finding', alert.action),
      ...common,
      ...present({ remediation, vulnerabilities }),
    };
  }
  return {
    ...classOf(2004, 'Detection Finding', alert.action),
    ...common,
    is_alert: isAlertable(alert),
    ...present({ evidences, remediation, vulnerabilities }),
  };
}

const activities: Readonly<Record<Action, Activity>> = {
  create: { activity_id: 1, activity_name: 'Create' },
  update: { activity_id: 2, activity_name: 'Update' },
  close: { activity_id: 3, activity_name: 'Close' },
};

const severityLabels: Readonly<Record<Severity, SeverityLabel>> = {
  unknown: { severity_id: 0, severity: 'Unknown' },
  informational: { severity_id: 1, severity: 'Informational' },
  low: { severity_id: 2, severity: 'Low' },
  medium: { severity_id: 3, severity: 'Medium' },
  high: { severity_id: 4, severity: 'High' },
  critical: { severity_id: 5, severity: 'Critical' },
};

function classOf<Uid extends number, Name extends string>(class_uid: Uid, class_name: Name, action: Action) {
  const activity = activities[action];
  return {
    category_uid: 2,
    category_name: 'Findings',
    class_uid,
    class_name,
    ...activity,
    type_uid: class_uid * 100 + activity.activity_id,
    type_name: `${class_name}: ${activity.activity_name}`,
  } as const;
}

/** What all classes share. Notes are one comment, since notes of their own came with 1.9. */
function commonOf(alert: Alert, version: OcsfVersion) {
  const { resources, startTime, endTime, updatedTime, confidence, notes = [] } = alert;
  return {
    ...severityLabels[alert.severity],
    ...statusLabelOf(alert),
    ...present({
      metadata: metadataOf(alert, version),
      time: Date.parse(alert.time),
      start_time: startTime === undefined ? undefined : Date.parse(startTime),
      end_time: endTime === undefined ? undefined : Date.parse(endTime),
      count: alert.count,
      message: alert.title,
      status_detail: alert.resolution,
      confidence_score: confidence === undefined ? undefined : Math.round(confidence),
      comment: notes.length === 0 ? undefined : notes.map(({ text }) => text).join('\n\n'),
      finding_info: present({
        uid: alert.fingerprint,
        title: alert.title,
        desc: alert.description,
        types: [alert.kind] as const,
        created_time: Date.parse(alert.time),
        modified_time: updatedTime === undefined ? undefined : Date.parse(updatedTime),
        src_url: alert.url,
        analytic: alert.rule && analyticOf(alert.rule),
        attacks: unlessEmpty(toAttacks(alert.attacks ?? [])),
      }),
      device: deviceOf(resources),
      resources: unlessEmpty(resources.map(toResourceDetails)),
      observables: unlessEmpty(observablesOf(resources)),
      raw_data_size: alert.raw.bytes,
      raw_data_hash: { algorithm_id: 3, algorithm: 'SHA-256', value: alert.raw.sha256 } as const,
    }),
  };
}

function metadataOf({ id, source, tags, receivedAt }: Alert, version: OcsfVersion): OcsfMetadata {
  return present({
    version,
    uid: id,
    product: { name: source.product, vendor_name: source.vendor },
    tenant_uid: source.accountId,
    event_code: source.eventType,
    log_name: source.sourceId,
    logged_time: Date.parse(receivedAt),
    labels: unlessEmpty(tags),
  });
}

const suppressing: ReadonlySet<Alert['resolution']> = new Set<Alert['resolution']>([
  'wont_fix',
  'risk_accepted',
  'compensating_control',
  'false_positive',
]);

function statusLabelOf({ state, resolution }: Alert): StatusLabel {
  switch (state) {
    case 'open':
      return { status_id: 1, status: 'New' };
    case 'acknowledged':
      return { status_id: 2, status: 'In Progress' };
    case 'snoozed':
      return { status_id: 3, status: 'Suppressed' };
    case 'resolved':
      return { status_id: 4, status: 'Resolved' };
    case 'closed':
      return suppressing.has(resolution)
        ? { status_id: 3, status: 'Suppressed' }
        : { status_id: 4, status: 'Resolved' };
    case 'unknown':
      return { status_id: 0, status: 'Unknown' };
  }
}

const quiet: ReadonlySet<Alert['kind']> = new Set<Alert['kind']>(['audit', 'inventory', 'test', 'other']);

/** A signal that somebody should look: the first sight of something open. */
function isAlertable({ kind, action, state }: Alert): boolean {
  return !quiet.has(kind) && action === 'create' && state === 'open';
}

function analyticOf({ id: uid, name, type: category }: Rule): OcsfAnalytic | undefined {
  if (uid === undefined && name === undefined) return undefined;
  return present({ type_id: 1 as const, type: 'Rule' as const, uid, name, category });
}

/** None of an attack that names neither a tactic nor a technique. */
function toAttacks(attacks: readonly Attack[]): readonly OcsfAttack[] {
  return attacks
    .map((attack) => ({
      ...entity('tactic', attack.tacticId, attack.tactic),
      ...entity('technique', attack.techniqueId, attack.technique),
    }))
    .filter((attack) => Object.keys(attack).length > 0);
}

function entity(name: 'tactic' | 'technique', uid: string | undefined, label: string | undefined): OcsfAttack {
  return uid === undefined && label === undefined ? {} : { [name]: present({ uid, name: label }) };
}

/** The rule was kept, or it was not; the policy stands for the standard. */
function complianceOf({ rule, state }: Alert): OcsfCompliance {
  const standards = rule?.policyName === undefined ? undefined : [rule.policyName];
  return { ...complianceStatusOf(state), ...present({ control: rule?.name, standards }) };
}

function complianceStatusOf(state: Alert['state']) {
  switch (state) {
    case 'open':
    case 'acknowledged':
    case 'snoozed':
      return { status_id: 3, status: 'Fail' } as const;
    case 'resolved':
      return { status_id: 1, status: 'Pass' } as const;
    case 'closed':
    case 'unknown':
      return { status_id: 0, status: 'Unknown' } as const;
  }
}

/** The CVEs that the alert's ids, rule or tags name, each once; where they name none, the CWEs. At most ten. */
function vulnerabilitiesOf({ vendorIds, rule, tags }: Alert): readonly OcsfVulnerability[] {
  const named = [...Object.values(vendorIds), rule?.id ?? '', ...tags].join('\n').toUpperCase();
  const idsLike = (pattern: RegExp) => [...new Set(named.match(pattern))].slice(0, 10);
  const cves = idsLike(/\bCVE-\d{4}-\d{4,}\b/g);
  return cves.length > 0
    ? cves.map((uid) => ({ cve: { uid } }))
    : idsLike(/\bCWE-\d+\b/g).map((uid) => ({ cwe: { uid } }));
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
