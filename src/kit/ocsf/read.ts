import { severities, type Action, type Alert, type Attack, type Rule } from '../../core/alert.js';
import { present } from '../present.js';
import type { OcsfAnalytic, OcsfAttack, OcsfFinding, UnmappedField } from './finding.js';
import { fromResourceDetails } from './resources.js';

/** Reads of an alert what a finding's attributes say. Where they say less than the alert did, `unmapped` has the rest. */
export function mappedOf(finding: OcsfFinding): Omit<Alert, UnmappedField> {
  const { metadata, finding_info: info } = finding;
  const { created_time, modified_time, analytic, attacks } = info;
  return {
    schema: 'signalbox.alert/1',
    ...present({
      id: metadata.uid,
      fingerprint: info.uid,
      kind: info.types[0],
      action: actionOf(finding),
      severity: severities[finding.severity_id],
      severityId: finding.severity_id,
      confidence: finding.confidence_score,
      title: info.title,
      description: info.desc,
      recommendation: 'remediation' in finding ? finding.remediation.desc : undefined,
      url: info.src_url,
      time: timeText(created_time),
      updatedTime: modified_time === undefined ? undefined : timeText(modified_time),
      startTime: finding.start_time === undefined ? undefined : timeText(finding.start_time),
      endTime: finding.end_time === undefined ? undefined : timeText(finding.end_time),
      receivedAt: timeText(metadata.logged_time),
      source: present({
        vendor: metadata.product.vendor_name,
        product: metadata.product.name,
        sourceId: metadata.log_name,
        eventType: metadata.event_code,
        accountId: metadata.tenant_uid,
      }),
      rule: analytic && ruleOf(analytic),
      resources: (finding.resources ?? []).map(fromResourceDetails),
      attacks: attacks?.map(toAttack),
      count: finding.count,
      tags: metadata.labels ?? [],
    }),
  };
}

function actionOf({ activity_id }: OcsfFinding): Action {
  return (['create', 'update', 'close'] as const)[activity_id - 1] ?? 'update';
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function ruleOf({ uid: id, name, category: type }: OcsfAnalytic): Rule {
  return present({ id, name, type });
}

function toAttack({ tactic, technique }: OcsfAttack): Attack {
  return present({
    tacticId: tactic?.uid,
    tactic: tactic?.name,
    techniqueId: technique?.uid,
    technique: technique?.name,
  });
}
