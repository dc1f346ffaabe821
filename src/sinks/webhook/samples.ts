import type { Alert, Resource, Rule } from '../../core/alert.js';
import type { Delivery } from '../../core/journal.js';

/**
 * Two deliveries that a template is tried on when the config is read: of an alert that has every field, and of one that
 * has only what every alert has. Texts hold what spoils JSON that is not put in quotes.
 */
export function sampleDeliveries(sink: string): readonly Delivery[] {
  return [full, bare].map((alert) => ({
    id: `${alert.id}/${sink}`,
    sink,
    alert,
    routes: ['sample "route"'],
    attempt: 1,
    acceptedAt: Date.parse(alert.receivedAt),
    lease: { seq: 0, token: 0 },
  }));
}

const time = '2026-03-01T10:00:00.000Z';
const text = 'a "sample"\nof two lines';

const bare: Alert = {
  schema: 'signalbox.alert/1',
  id: '01978f3a-6c00-7000-8000-000000000001',
  fingerprint: 'f1'.repeat(32),
  dedupKey: 'd1'.repeat(32),
  kind: 'detection',
  state: 'open',
  action: 'create',
  severity: 'high',
  severityId: 4,
  title: text,
  time,
  timeQuality: 'vendor',
  receivedAt: time,
  source: { vendor: 'sample "vendor"', product: 'sample "product"', sourceId: 'sample' },
  vendorIds: {},
  resources: [],
  tags: [],
  quality: [],
  raw: { ref: '01978f3a-6c00-7000-8000-000000000000', sha256: 'a1'.repeat(32), bytes: 412, contentType: '' },
};

const resource: Required<Resource> = {
  role: 'target',
  type: 'sample "host"',
  id: text,
  name: text,
  hostname: 'sample.example.com',
  ip: '192.0.2.7',
  port: 443,
  url: 'https://sample.example.com/',
  region: text,
  accountId: text,
  group: text,
  labels: { sample: text },
};

const rule: Required<Rule> = {
  id: text,
  name: text,
  type: text,
  policyId: text,
  policyName: text,
  url: 'https://console.example.com/rule',
};

const full: Required<Alert> = {
  ...bare,
  resolution: 'fixed',
  confidence: 80,
  description: text,
  recommendation: text,
  url: 'https://console.example.com/alert',
  updatedTime: time,
  startTime: time,
  endTime: time,
  source: { ...bare.source, eventType: text, accountId: text, accountName: text, region: text },
  rule,
  vendorIds: { alert: text },
  vendorSeverity: text,
  vendorState: text,
  resources: [resource, { role: 'actor', type: 'user' }],
  attacks: [{ tacticId: 'TA0002', tactic: text, techniqueId: 'T1059', technique: text }, {}],
  count: 3,
  tags: ['env:sample'],
  notes: [{ time, author: text, text }, { text }],
  enrichment: { sample: { of: [text, 1, true, null] } },
  quality: ['severity_unmapped'],
  raw: { ...bare.raw, index: 0 },
};
