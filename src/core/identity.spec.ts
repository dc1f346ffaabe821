import { describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertDraft, Resource } from './alert.js';
import { mintId, toAlert, type Arrival } from './identity.js';

const draft: AlertDraft = {
  kind: 'detection',
  state: 'open',
  severity: 'high',
  title: 'Log cleared on db-7',
  entity: { type: 'alert', id: 'w-17' },
  version: 'v1',
  time: '2026-05-01T10:00:00.000Z',
  vendorIds: { alert: 'w-17' },
  resources: [],
  tags: [],
  quality: [],
};
const arrival: Arrival = {
  vendor: 'warden',
  product: 'Warden',
  sourceId: 'warden-prod',
  receivedAt: '2026-05-01T10:00:05.000Z',
  request: { id: 'request-1', sha256: 'ab'.repeat(32), bytes: 412, contentType: 'application/json' },
};

const alertOf = (changes: Partial<AlertDraft> = {}, came: Partial<Arrival> = {}) =>
  toAlert({ ...draft, ...changes }, { ...arrival, ...came });
const fingerprintOf = (changes?: Partial<AlertDraft>, came?: Partial<Arrival>) => alertOf(changes, came).fingerprint;
const dedupKeyOf = (changes?: Partial<AlertDraft>, came?: Partial<Arrival>) => alertOf(changes, came).dedupKey;
const digestOf = (parts: readonly unknown[]) => hash('sha256', JSON.stringify(parts), 'hex');

/** A draft of a vendor that sent no id. */
const nameless = ({ entity: _, ...rest }: AlertDraft = draft): AlertDraft => rest;
const namelessOf = (changes: Partial<AlertDraft> = {}) => toAlert({ ...nameless(), ...changes }, arrival);

describe('an id', () => {
  it('is a UUID of version 7, another each time, in the order of time', async () => {
    const [first, second] = [mintId(), mintId()];
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(second).not.toBe(first);
    // Within one millisecond chance decides.
    await sleep(5);
    expect(mintId() > second).toBe(true);
  });

  it('is minted for each report, also for the same one sent again', () => {
    expect(alertOf().id).not.toBe(alertOf().id);
  });
});

describe('a fingerprint', () => {
  it('is the digest that findings already in journals and sinks are known by', () => {
    expect(fingerprintOf()).toBe(digestOf(['v1', 'warden', '', 'alert', 'w-17']));
    expect(fingerprintOf({ accountId: 'org-1' })).toBe(digestOf(['v1', 'warden', 'org-1', 'alert', 'w-17']));
  });

  it('is the same for every report of a finding, whatever changed and whichever source it came by', () => {
    const later = {
      version: 'v2',
      title: 'Log cleared again',
      severity: 'low',
      time: '2026-05-02T10:00:00.000Z',
    } as const;
    expect(fingerprintOf(later, { sourceId: 'warden-test' })).toBe(fingerprintOf());
  });

  it.each<[string, Partial<AlertDraft>, Partial<Arrival>]>([
    ['entity', { entity: { type: 'alert', id: 'w-18' } }, {}],
    ['type of entity', { entity: { type: 'incident', id: 'w-17' } }, {}],
    ['account', { accountId: 'org-1' }, {}],
    ['vendor', {}, { vendor: 'beacon' }],
  ])('is another for another %s', (_, changes, came) => {
    expect(fingerprintOf(changes, came)).not.toBe(fingerprintOf());
  });

  it('from an entity is no guess', () => {
    expect(alertOf({ quality: ['severity_unmapped'] }).quality).toEqual(['severity_unmapped']);
  });
});

describe('the fingerprint of a report without an entity', () => {
  const host: Resource = { role: 'target', type: 'host', hostname: 'db-7.example' };
  const user: Resource = { role: 'actor', type: 'user', name: 'ada' };
  const address: Resource = { role: 'actor', type: 'host', ip: '192.0.2.9' };
  const bucket: Resource = {
    role: 'target',
    type: 'bucket',
    id: 'b-1',
    hostname: 'b-1.example',
    ip: '192.0.2.8',
    name: 'logs',
  };
  const unnamed: Resource = { role: 'related', type: 'host' };

  it('is made of its rule, title and resources, and flagged as a guess', () => {
    const { fingerprint, quality } = namelessOf({ rule: { id: 'r-1' }, quality: ['severity_unmapped'] });
    expect(fingerprint).toBe(digestOf(['v1', 'warden', '', 'content', 'r-1', 'Log cleared on db-7', []]));
    expect(quality).toEqual(['severity_unmapped', 'fingerprint_from_content']);
  });

  it('needs no rule', () => {
    expect(namelessOf().fingerprint).toBe(digestOf(['v1', 'warden', '', 'content', '', 'Log cleared on db-7', []]));
    expect(namelessOf({ rule: { name: 'Logs' } }).fingerprint).toBe(namelessOf().fingerprint);
  });

  it('knows each resource by the best name it has, in whatever order they come', () => {
    const names = ['', '192.0.2.9', 'ada', 'b-1', 'db-7.example'];
    const expected = digestOf(['v1', 'warden', '', 'content', '', 'Log cleared on db-7', names]);
    expect(namelessOf({ resources: [user, unnamed, host, bucket, address] }).fingerprint).toBe(expected);
    expect(namelessOf({ resources: [address, bucket, host, unnamed, user] }).fingerprint).toBe(expected);
  });

  it('takes a host name before an address, and an address before a name', () => {
    const one = (resource: Partial<Resource>) =>
      namelessOf({ resources: [{ role: 'target', type: 'host', ...resource }] }).fingerprint;
    expect(one({ hostname: 'db-7.example', ip: '192.0.2.8', name: 'db' })).toBe(one({ hostname: 'db-7.example' }));
    expect(one({ ip: '192.0.2.8', name: 'db' })).toBe(one({ ip: '192.0.2.8' }));
  });
});

describe('a dedupKey', () => {
  it('is the digest of source, finding and version', () => {
    expect(dedupKeyOf()).toBe(digestOf(['v1', 'warden-prod', fingerprintOf(), 'v1']));
  });

  it('is the same however often a report is sent, also with other words in it', () => {
    expect(dedupKeyOf({ title: 'Log cleared' }, { receivedAt: '2026-05-03T00:00:00.000Z' })).toBe(dedupKeyOf());
  });

  it('is another for another version, finding or source', () => {
    const keys = [
      dedupKeyOf(),
      dedupKeyOf({ version: 'v2' }),
      dedupKeyOf({ entity: { type: 'alert', id: 'w-18' } }),
      dedupKeyOf({}, { sourceId: 'warden-test' }),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});

describe('an alert', () => {
  it('has what the draft says, and where it came from', () => {
    expect(alertOf()).toEqual({
      schema: 'signalbox.alert/1',
      id: expect.any(String),
      fingerprint: fingerprintOf(),
      dedupKey: dedupKeyOf(),
      kind: 'detection',
      state: 'open',
      severity: 'high',
      severityId: 4,
      title: 'Log cleared on db-7',
      time: '2026-05-01T10:00:00.000Z',
      timeQuality: 'vendor',
      receivedAt: '2026-05-01T10:00:05.000Z',
      source: { vendor: 'warden', product: 'Warden', sourceId: 'warden-prod' },
      vendorIds: { alert: 'w-17' },
      resources: [],
      tags: [],
      quality: [],
      raw: { ref: 'request-1', sha256: 'ab'.repeat(32), bytes: 412, contentType: 'application/json' },
    });
    expect(Object.keys(alertOf().source)).toEqual(['vendor', 'product', 'sourceId']);
    expect(Object.keys(alertOf().raw)).toEqual(['ref', 'sha256', 'bytes', 'contentType']);
  });

  it('has of its source what the draft knows, and not beside it', () => {
    const known = {
      product: 'Warden Cloud',
      eventType: 'intrusion',
      accountId: 'org-1',
      accountName: 'Org',
      region: 'eu',
    };
    const alert = alertOf({ ...known, index: 3 });
    expect(alert.source).toEqual({ vendor: 'warden', sourceId: 'warden-prod', ...known });
    expect(alert.raw.index).toBe(3);
    for (const key of [...Object.keys(known), 'index', 'entity', 'version']) expect(alert).not.toHaveProperty(key);
  });

  it('without a time has the time of its arrival', () => {
    const { time: _, ...timeless } = draft;
    expect(toAlert(timeless, arrival)).toMatchObject({ time: arrival.receivedAt, timeQuality: 'received' });
  });

  it('says how far its time can be trusted where the source says so', () => {
    expect(alertOf({ timeQuality: 'assumed_utc' }).timeQuality).toBe('assumed_utc');
  });
});
