import type { NewAlert } from '../../core/alert.js';
import type { Knowledge } from '../../core/knowledge.js';
import type { Lookup, Source } from '../../core/source.js';
import { present } from '../../kit/present.js';
import type { VendorApi } from './vendor-api.js';

/**
 * Asks for an alert by its id: with the rule's name, the agent's hostname and the latest events, which a webhook leaves
 * out. Read like any other body, so that what is learned has the same names and limits.
 */
export async function lookup(
  api: VendorApi,
  read: Source['read'],
  alert: NewAlert,
  signal: AbortSignal,
): Promise<Lookup> {
  const alertId = alert.vendorIds['alert'];
  // Threat Stack gives every alert an id: what has none is not its.
  if (alertId === undefined) return { kind: 'unknown' };
  const details = await api.details(alertId, signal);
  if (details === undefined) return { kind: 'unknown' };
  const body = Buffer.from(JSON.stringify(details));
  const [draft] = read({ headers: {}, body, path: '/lookup', remoteAddress: '' }).drafts;
  if (draft === undefined) return { kind: 'known', knowledge: {} };
  const { title, rule, count, notes, enrichment, vendorIds, resources, quality } = draft;
  const knowledge: Knowledge = present({
    title: quality.includes('title_missing') ? undefined : title,
    ...{ rule, count, notes, enrichment, vendorIds, resources },
  });
  return { kind: 'known', knowledge };
}
