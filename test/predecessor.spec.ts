import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toAlert } from '../src/core/identity.js';
import { addKnowledge } from '../src/core/knowledge.js';
import { toEvent } from '../src/sinks/datadog/event.js';
import { sampleDelivery } from './support/deliveries.js';
import { startThreatStackApi, type ThreatStackApi } from './support/threatstack-api.js';
import { bakeryV1, bakeryV2 } from './support/threatstack-records.js';
import { openThreatStack } from './support/threatstack-source.js';

const now = Date.parse('2026-02-03T10:00:00Z');

let server: ThreatStackApi;
beforeAll(async () => {
  server = await startThreatStackApi();
});
afterAll(() => server.close());

/** The event of an alert that came by webhook and was looked up, as far as the predecessor had it. */
async function eventOf(version: 1 | 2, webhook: object): Promise<object> {
  const api = {
    ...{ apiKey: 'ts-key-1', orgId: 'org-1', userId: 'user-1', apiVersion: version },
    ...{ baseUrl: server.baseUrls[version], allowCidrs: '127.0.0.0/8' },
  };
  const source = openThreatStack({ api, enrich: true }, () => now);
  const body = Buffer.from(JSON.stringify({ alerts: [webhook] }));
  const [draft] = source.read({ headers: {}, body, path: '/v1/ingest/ts', remoteAddress: '192.0.2.1' }).drafts;
  if (!draft) throw new Error('no draft');
  const alert = toAlert(draft, {
    ...{ vendor: 'threatstack', product: 'Threat Stack', sourceId: 'ts', receivedAt: '2026-02-03T09:30:00.000Z' },
    request: { id: 'r', sha256: '', bytes: 0, contentType: '' },
  });
  const found = await source.lookup?.(alert, new AbortController().signal);
  await source.close?.();
  if (found?.kind !== 'known') throw new Error('the vendor does not know the alert');
  const known = { ...(addKnowledge(alert, found.knowledge) ?? alert), action: 'create' as const };
  const event = toEvent(sampleDelivery({ alert: known }), [], { now });
  const { aggregation_key: _key, tags: _tags, ...predecessor } = event;
  return predecessor;
}

describe.each([
  [1, bakeryV1],
  [2, bakeryV2],
] as const)('the Datadog event of a Threat Stack alert that was looked up by API v%i', (version, records) => {
  const webhook = {
    ...{ title: 'Shell opened by www-data', severity: 1, created_at: Date.UTC(2026, 1, 3, 9, 26, 31, 604) },
    ...{ organization_id: 'org-1', server_or_region: 'oven-1', source: 'Host' },
  };

  it('is the one that the predecessor made: the rule, the title, the host of the agent', async () => {
    server.have(records);
    expect(await eventOf(version, { ...webhook, id: records.alerts[0].id })).toEqual({
      title: 'Threat Stack alert: Shell by a service user',
      text: 'Shell opened by www-data',
      host: 'oven-1.bakery.example',
      source_type_name: 'threatstack',
      date_happened: Math.floor(Date.UTC(2026, 1, 3, 9, 26, 31) / 1_000),
      alert_type: 'error',
      priority: 'normal',
    });
  });

  it('of CloudTrail has no host', async () => {
    server.have(records);
    const cloudTrail = { ...webhook, severity: 3, source: 'CloudTrail', server_or_region: 'eu-west-1' };
    const event = await eventOf(version, { ...cloudTrail, id: records.alerts[1].id });
    expect(event).toMatchObject({
      title: 'Threat Stack alert: Security group changes',
      alert_type: 'info',
      priority: 'low',
    });
    expect(event).not.toHaveProperty('host');
  });
});
