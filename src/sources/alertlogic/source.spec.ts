import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { describeSource } from '../../../test/contract/source.js';
import { toAlert } from '../../core/identity.js';
import type { Reading } from '../../core/source.js';
import { AlertLogicOptions } from './options.js';
import { alertlogic } from './source.js';

const scan = (id: string) => ({ incidentId: id, accountId: 1, incident: { summary: 'Scan', threatRating: 'Low' } });

describeSource({
  plugin: alertlogic,
  fixtures: new URL('./fixtures/', import.meta.url),
  batch: { of: (elements) => ({ iris_items: elements }), elements: [scan('A1'), scan('A2')] },
});

describeSource({
  plugin: alertlogic,
  fixtures: new URL('./fixtures-mapped/', import.meta.url),
  options: {
    mapping: {
      title: '$.text',
      severity: 'sev',
      id: '$.ref',
      time: '$.when.created',
      updatedTime: '$.when.changed',
      state: '$.status',
      accountId: '$.tenant[0].id',
      accountName: "$['tenant'][0]['name']",
      description: "$.body['long.text']",
      recommendation: '$.body.advice',
      url: '$.link',
      class: '$.class',
      rule: '$.rule',
      eventType: '$.via',
      count: '$.n',
      hostname: '$.host.name',
      ip: '$.host.address',
      attacker: '$.from',
      victim: '$.to',
    },
  },
});

describe('an Alert Logic incident', () => {
  const id = '6a71e0c4-0b1d-11f1-9c55-0a58a9feac02';
  const forms: Readonly<Record<string, unknown>> = {
    'the full incident': { incidentId: id, accountId: 134310777 },
    'its upper-case spelling': { incidentId: id.toUpperCase(), accountId: '134310777' },
    'dotted keys': { incidentId: id, accountId: 134310777, 'incident.summary': 'Scan' },
    'the sample template': { long_incident_id: id, short_incident_id: 'k4w9tz', account_id: '134310777' },
    'a notification': {
      type: 'incidents/notification',
      payload: { long_incident_id: id, incident_id: 'k4w9tz', cid: 134310777 },
    },
    'the console webhook': {
      feature: 'incidents',
      subkey: 'incidents/low',
      data: { long_incident_id: id, cid: '134310777' },
    },
    'a mapped template': { title: 'Scan', ref: id, tenant: 134310777 },
  };

  it.each(Object.entries(forms))('in the form of %s is the same finding', (_name, body) => {
    const mapping = { title: '$.title', id: '$.ref', accountId: '$.tenant' };
    expect(fingerprints(read(body, { mapping }))).toEqual(fingerprints(read(forms['the full incident'])));
  });

  it('reported by two notification rules is one report', () => {
    const update = { incidentId: id, accountId: 1, updateTime: 1771238400, customer_status: { status: 'open' } };
    const [first, second] = [read({ ...update, note: 'rule 1' }), read({ ...update, note: 'rule 2' })];
    expect(second.drafts[0]?.version).toBe(first.drafts[0]?.version);
  });

  it('updated, closed or rated anew is another report', () => {
    const body = { incidentId: id, accountId: 1 };
    const versions = [
      body,
      { ...body, updateTime: 1771238400 },
      { ...body, updateTime: 1771238500 },
      { ...body, updateTime: 1771238500, customer_status: { status: 'completed' } },
      { ...body, incident_threat_rating: 'High' },
    ].map((report) => read(report).drafts[0]?.version);
    expect(new Set(versions).size).toBe(versions.length);
  });

  it('has the severity that the config gives a word, ahead of the vendor’s meaning', () => {
    const severities = { medium: 'critical', severe: 'high', '50': 'low' };
    const rated = (body: object) => read(body, { severities }).drafts[0];
    expect(rated({ incidentId: id, incident: { threatRating: 'Medium' } })).toMatchObject({
      severity: 'critical',
      vendorSeverity: 'Medium',
      quality: expect.arrayContaining(['severity_overridden']) as unknown,
    });
    expect(rated({ incidentId: id, incident: { threatRating: 'Severe' } })?.severity).toBe('high');
    expect(rated({ event_id: 1, event_details: { severity: '50' } })?.severity).toBe('low');
  });

  it.each([
    ['0', 'unknown'],
    ['1', 'informational'],
    ['20', 'low'],
    ['40', 'medium'],
    ['70', 'high'],
    ['100', 'critical'],
  ])('event of IDS severity %s is %s, by a scale that is a guess', (level, severity) => {
    const [draft] = read({ event_id: 1, event_details: { severity: level } }).drafts;
    expect(draft).toMatchObject({ severity, vendorSeverity: level });
    expect(draft?.quality).toContain('severity_scale_assumed');
  });

  it('carries at most 200 parties, 50 notes and 50 events, and says what it left out', () => {
    const parties = Array.from({ length: 300 }, (_, i) => ({ value: `user-${i}` }));
    const notes = { otherNotes: parties.map(({ value }) => ({ note: value })) };
    const [full] = read({ incidentId: id, attacker_lset: parties, notes }).drafts;
    expect([full?.resources.length, full?.notes?.length]).toEqual([200, 50]);
    expect(full?.quality).toEqual(expect.arrayContaining(['resources_truncated', 'notes_truncated']));

    const events = parties.map((_, i) => ({ event_id: i, event_payload: { full_payload: 'secret' } }));
    const [legacy] = read({ incident_details: { incident_id: 1 }, events }).drafts;
    expect(legacy?.enrichment?.['events']).toHaveLength(50);
    expect(legacy?.quality).toContain('events_truncated');
    expect(JSON.stringify(legacy)).not.toContain('secret');
  });

  it('with 5 MB of markup is read', () => {
    for (const piece of ['<a ', '<a href="https://x.example/">', '**', '[a](', '&amp;', '`', '\t x', '# ']) {
      const description = piece.repeat(5_000_000 / piece.length);
      expect(read({ incidentId: id, incident: { description } }).drafts).toHaveLength(1);
    }
  });
});

function read(body: unknown, options: object = {}): Reading {
  const source = alertlogic.open(plainToInstance(AlertLogicOptions, { auth: 'none', ...options }), {
    name: 'under-test',
    now: () => Date.UTC(2026, 2, 1),
  });
  const bytes = Buffer.from(JSON.stringify(body));
  return source.read({ headers: {}, body: bytes, path: '/', remoteAddress: '192.0.2.1' });
}

function fingerprints({ drafts }: Reading): readonly string[] {
  const request = { id: 'r', sha256: '', bytes: 0, contentType: '' };
  const arrival = { vendor: 'v', product: 'p', sourceId: 's', receivedAt: '2026-03-01T00:00:00.000Z', request };
  return drafts.map((draft) => toAlert(draft, arrival).fingerprint);
}
