import fc from 'fast-check';
import {
  actionOf,
  kinds,
  resolutions,
  resourceRoles,
  severities,
  severityIdOf,
  states,
  type Alert,
  type Attack,
  type Note,
  type Resource,
  type Rule,
} from '../../src/core/alert.js';
import type { Knowledge } from '../../src/core/knowledge.js';

/** A plausible alert: one open detection on one host. What the model derives follows what is given. */
export function sampleAlert(overrides: Partial<Alert> = {}): Alert {
  return {
    schema: 'signalbox.alert/1',
    id: '01978f3a-6c00-7000-8000-000000000001',
    fingerprint: 'f1'.repeat(32),
    dedupKey: 'd1'.repeat(32),
    kind: 'detection',
    state: 'open',
    severity: 'high',
    title: 'Root shell opened on web-1',
    description: 'A shell with root rights was opened outside of the change window.',
    url: 'https://console.example.com/alerts/a-1',
    time: '2026-03-01T10:00:00.000Z',
    timeQuality: 'vendor',
    receivedAt: '2026-03-01T10:00:01.500Z',
    source: { vendor: 'threatstack', product: 'Threat Stack', sourceId: 'threatstack', accountId: 'org-1' },
    rule: { id: 'rule-1', name: 'Root shell' },
    vendorIds: { alert: 'a-1' },
    vendorSeverity: '1',
    resources: [{ role: 'target', type: 'host', hostname: 'web-1.example.com' }],
    tags: ['env:test'],
    quality: [],
    raw: {
      ref: '01978f3a-6c00-7000-8000-000000000000',
      sha256: 'a1'.repeat(32),
      bytes: 412,
      contentType: 'application/json',
    },
    ...overrides,
    action: overrides.action ?? actionOf(overrides.state ?? 'open', true),
    severityId: overrides.severityId ?? severityIdOf(overrides.severity ?? 'high'),
  };
}

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const time = fc
  .date({ min: new Date('2000-01-01T00:00:00Z'), max: new Date('2099-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const httpsUrl = fc.webUrl({ validSchemes: ['https'] });
const words = fc.dictionary(word, text, { maxKeys: 5, noNullPrototype: true });

/** As it comes from a body: no negative zero. */
const json = fc.json({ maxDepth: 3 }).map((body): unknown => JSON.parse(body));

const resource: fc.Arbitrary<Resource> = fc.record(
  {
    role: fc.constantFrom(...resourceRoles),
    type: fc.oneof(fc.constantFrom('host', 'user', 'NETWORK_SERVICE'), word),
    id: word,
    name: word,
    hostname: fc.domain(),
    ip: fc.oneof({ weight: 4, arbitrary: fc.oneof(fc.ipV4(), fc.ipV6()) }, { weight: 1, arbitrary: word }),
    port: fc.integer({ min: 0, max: 65_535 }),
    url: fc.webUrl(),
    region: word,
    accountId: word,
    group: word,
    labels: words,
  },
  { requiredKeys: ['role', 'type'], noNullPrototype: true },
);

const rule: fc.Arbitrary<Rule> = fc.record(
  {
    id: fc.oneof({ weight: 4, arbitrary: word }, { weight: 1, arbitrary: fc.constant('CVE-2021-44228') }),
    name: word,
    type: word,
    policyId: word,
    policyName: word,
    url: httpsUrl,
  },
  { requiredKeys: [], noNullPrototype: true },
);

const attack: fc.Arbitrary<Attack> = fc.record(
  { tacticId: word, tactic: word, techniqueId: word, technique: word },
  { requiredKeys: [], noNullPrototype: true },
);

const note: fc.Arbitrary<Note> = fc.record(
  { time, author: word, text },
  { requiredKeys: ['text'], noNullPrototype: true },
);

const vendorIds = fc.oneof(
  { weight: 4, arbitrary: words },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ cve: 'CVE-2021-44228' }, { cwe: 'CWE-79' }, { cve: 'cve-2014-0160, CWE-119' }),
  },
);

const source: fc.Arbitrary<Alert['source']> = fc.record(
  {
    vendor: fc.constantFrom('threatstack', 'datatheorem', 'alertlogic'),
    product: word,
    sourceId: word,
    eventType: word,
    accountId: word,
    accountName: word,
    region: word,
  },
  { requiredKeys: ['vendor', 'product', 'sourceId'], noNullPrototype: true },
);

const raw: fc.Arbitrary<Alert['raw']> = fc.record(
  {
    ref: fc.uuid({ version: 7 }),
    sha256: digest,
    bytes: fc.nat(5_000_000),
    contentType: fc.constantFrom('application/json', 'text/plain; charset=UTF-8', ''),
    index: fc.nat(200),
  },
  { requiredKeys: ['ref', 'sha256', 'bytes', 'contentType'], noNullPrototype: true },
);

/** What a vendor's API may add, of the same odd kind. */
export const knowledgeArbitrary: fc.Arbitrary<Knowledge> = fc.record(
  {
    title: word,
    description: text,
    recommendation: text,
    url: httpsUrl,
    rule,
    vendorIds,
    resources: fc.array(resource, { maxLength: 6 }),
    attacks: fc.array(attack, { maxLength: 3 }),
    count: fc.nat(),
    tags: fc.array(word, { maxLength: 4 }),
    notes: fc.array(note, { maxLength: 3 }),
    enrichment: fc.dictionary(word, json, { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

type Derived = 'action' | 'severityId';

/** Every alert the model allows, degenerate ones too: an empty rule, a resource without any name, odd characters. */
export const alertArbitrary: fc.Arbitrary<Alert> = fc
  .tuple(
    fc.record(
      {
        schema: fc.constant('signalbox.alert/1' as const),
        id: fc.uuid({ version: 7 }),
        fingerprint: digest,
        dedupKey: digest,
        kind: fc.constantFrom(...kinds),
        state: fc.constantFrom(...states),
        resolution: fc.constantFrom(...resolutions),
        severity: fc.constantFrom(...severities),
        confidence: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 0.5, max: 99.5, noNaN: true })),
        title: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
        description: text,
        recommendation: text,
        url: httpsUrl,
        time,
        updatedTime: time,
        startTime: time,
        endTime: time,
        receivedAt: time,
        timeQuality: fc.constantFrom('vendor', 'assumed_utc', 'received', 'clamped'),
        source,
        rule,
        vendorIds,
        vendorSeverity: word,
        vendorState: word,
        resources: fc.array(resource, { maxLength: 6 }),
        attacks: fc.array(attack, { maxLength: 3 }),
        count: fc.nat(),
        tags: fc.array(word, { maxLength: 4 }),
        notes: fc.array(note, { maxLength: 3 }),
        enrichment: fc.dictionary(word, json, { maxKeys: 4, noNullPrototype: true }),
        quality: fc.array(fc.constantFrom('severity_unmapped', 'state_conflict', 'version_unknown'), { maxLength: 3 }),
        raw,
      },
      {
        requiredKeys: [
          'schema',
          'id',
          'fingerprint',
          'dedupKey',
          'kind',
          'state',
          'severity',
          'title',
          'time',
          'receivedAt',
          'timeQuality',
          'source',
          'vendorIds',
          'resources',
          'tags',
          'quality',
          'raw',
        ],
        noNullPrototype: true,
      },
    ) satisfies fc.Arbitrary<Omit<Alert, Derived>>,
    fc.boolean(),
  )
  .map(([report, isFirstSight]) => ({
    ...report,
    action: actionOf(report.state, isFirstSight),
    severityId: severityIdOf(report.severity),
  }));
