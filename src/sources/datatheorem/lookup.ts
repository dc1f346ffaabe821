import type { AlertDraft, NewAlert } from '../../core/alert.js';
import type { Knowledge } from '../../core/knowledge.js';
import type { Lookup } from '../../core/source.js';
import { present } from '../../kit/present.js';
import { id } from '../../kit/read.js';
import type { DataTheorem, FindingTargetRecord, SecurityFindingRecord } from './client/datatheorem.js';
import type { VendorEvent } from './event.js';
import { targetEvent, violationEvent } from './results.js';
import { ViolationSearch } from './violation-search.js';

/**
 * Asks the Results API for an alert's own record: its violation, or its target or finding. Of all else that the webhook
 * reports the API has nothing, so that it cannot tell. `draftOf` reads a record as an event of the hook is read.
 */
export function lookupIn(
  client: DataTheorem,
  draftOf: (event: VendorEvent) => AlertDraft,
): (alert: NewAlert, signal: AbortSignal) => Promise<Lookup> {
  const violations = new ViolationSearch(client);
  const eventFor = async ({ vendorIds: ids }: NewAlert, signal: AbortSignal): Promise<VendorEvent | undefined> => {
    if (ids['violation'] !== undefined) {
      const violation = await violations.find(ids['violation'], signal);
      return violation && violationEvent(violation);
    }
    if (ids['target'] !== undefined) {
      const target = await client.findingTargets.get(ids['target'], signal);
      const findingId = id(target?.security_finding_id);
      const finding = findingId === undefined ? undefined : await client.securityFindings.get(findingId, signal);
      return target && mobileEvent(client, target, finding, signal);
    }
    if (ids['finding'] !== undefined) {
      const finding = await client.securityFindings.get(ids['finding'], signal);
      return finding && mobileEvent(client, finding, finding, signal);
    }
    throw new Error('the Results API of Data Theorem has violations and mobile findings, and this alert is neither');
  };
  return async (alert, signal) => {
    const event = await eventFor(alert, signal);
    return event ? { kind: 'known', knowledge: knowledgeOf(draftOf(event)) } : { kind: 'unknown' };
  };
}

async function mobileEvent(
  client: DataTheorem,
  target: FindingTargetRecord | SecurityFindingRecord,
  finding: SecurityFindingRecord | undefined,
  signal: AbortSignal,
): Promise<VendorEvent> {
  const appId = id(target.mobile_app_id);
  return targetEvent(target, finding, appId === undefined ? undefined : await client.mobileApps.get(appId, signal));
}

/** A title that the API does not have either adds nothing. */
function knowledgeOf(draft: AlertDraft): Knowledge {
  const { title, description, recommendation, url, rule, resources, tags, notes, enrichment, quality } = draft;
  const isGuess = quality.includes('title_derived');
  const known = { description, recommendation, url, rule, resources, tags, notes, enrichment };
  return present({ title: isGuess ? undefined : title, ...known });
}
