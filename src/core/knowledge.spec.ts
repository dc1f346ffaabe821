import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alertArbitrary, knowledgeArbitrary, sampleAlert } from '../../test/support/alerts.js';
import type { Alert } from './alert.js';
import { addKnowledge, knowledgeOf, learnt } from './knowledge.js';

describe('what is learned of an alert', () => {
  it('fills in what is absent, and changes nothing that is there', () => {
    const { description: _, ...bare } = sampleAlert({ rule: { id: 'rule-1' } });
    const next = addKnowledge(bare, {
      description: 'By the API.',
      recommendation: 'Look at it.',
      url: 'https://elsewhere.example.com/',
      rule: { id: 'another', name: 'Root shell' },
      vendorIds: { alert: 'another', agent: 'agent-1' },
      count: 3,
    });
    expect(next).toEqual({
      ...bare,
      description: 'By the API.',
      recommendation: 'Look at it.',
      rule: { id: 'rule-1', name: 'Root shell' },
      vendorIds: { alert: 'a-1', agent: 'agent-1' },
      count: 3,
    });
  });

  it('joins lists without repeats', () => {
    const note = { author: 'Ada', text: 'Seen.' };
    const alert = sampleAlert({ tags: ['env:test'], notes: [note] });
    const next = addKnowledge(alert, {
      tags: ['team:web', 'env:test'],
      notes: [{ text: 'Seen.', author: 'Ada' }, { text: 'Known.' }],
      attacks: [{ techniqueId: 'T1059' }],
    });
    expect(next?.tags).toEqual(['env:test', 'team:web']);
    expect(next?.notes).toEqual([note, { text: 'Known.' }]);
    expect(next?.attacks).toEqual([{ techniqueId: 'T1059' }]);
  });

  it('tells more of a resource that is there, and adds one that is not', () => {
    const next = addKnowledge(sampleAlert(), {
      resources: [
        { role: 'target', type: 'host', hostname: 'web-1.example.com', id: 'agent-1', region: 'north' },
        { role: 'target', type: 'host', hostname: 'web-2.example.com' },
        { role: 'actor', type: 'host', hostname: 'web-1.example.com' },
      ],
    });
    expect(next?.resources).toEqual([
      { role: 'target', type: 'host', hostname: 'web-1.example.com', id: 'agent-1', region: 'north' },
      { role: 'target', type: 'host', hostname: 'web-2.example.com' },
      { role: 'actor', type: 'host', hostname: 'web-1.example.com' },
    ]);
  });

  it.each(['title_missing', 'title_derived'])('replaces a title that is flagged %s, and no other', (flag) => {
    const guessed = sampleAlert({ title: 'Alert 7', quality: [flag, 'severity_unmapped'] });
    const next = addKnowledge(guessed, { title: 'Root shell' });
    expect(next).toEqual({ ...guessed, title: 'Root shell', quality: ['severity_unmapped'] });
    expect(addKnowledge(sampleAlert(), { title: 'Root shell' })).toBeUndefined();
  });

  it('stays within the limits, and flags what did not fit', () => {
    const hosts = Array.from({ length: 210 }, (_, at) => ({ role: 'related', type: 'host', id: `h-${at}` }) as const);
    const next = addKnowledge(sampleAlert({ enrichment: { small: 1 } }), {
      resources: hosts,
      tags: Array.from({ length: 60 }, (_, at) => `tag-${at}`),
      enrichment: { small: 2, big: 'x'.repeat(64_000), more: 'y' },
    });
    expect(next?.resources).toHaveLength(200);
    expect(next?.tags).toHaveLength(50);
    expect(next?.enrichment).toEqual({ small: 1, more: 'y' });
    expect(next?.quality).toEqual(['tags_truncated', 'resources_truncated', 'enrichment_truncated']);
  });

  it('is nothing when the alert has it all', () => {
    const alert = sampleAlert();
    const { title, description = '', resources, tags, rule = {} } = alert;
    expect(
      addKnowledge(alert, { title, description, resources, tags, rule, notes: [], enrichment: {} }),
    ).toBeUndefined();
  });

  it('is added once, however often, and leaves identity, state, severity and times alone', () => {
    fc.assert(
      fc.property(alertArbitrary, knowledgeArbitrary, (alert, knowledge) => {
        const once = addKnowledge(alert, knowledge) ?? alert;
        expect(addKnowledge(once, knowledge)).toBeUndefined();
        const untouched = ({ title: _t, description: _d, recommendation: _r, url: _u, rule: _ru, ...rest }: Alert) => {
          const { attacks: _a, count: _c, notes: _n, enrichment: _e, vendorIds: _v, resources: _re, ...more } = rest;
          const { tags: _ta, quality: _q, ...fixed } = more;
          return fixed;
        };
        expect(untouched(once)).toEqual(untouched(alert));
        expect(once.resources.length).toBeLessThanOrEqual(Math.max(200, alert.resources.length));
      }),
    );
  });

  it('is added once where resources are alike in part, too', () => {
    const some = (...words: string[]) => fc.constantFrom(...words);
    const host = fc.record(
      {
        role: some('target') as fc.Arbitrary<'target'>,
        type: some('host'),
        id: some('a', 'b'),
        hostname: some('x', 'y'),
        ip: some('1', '2'),
        region: some('n', 's'),
      },
      { requiredKeys: ['role', 'type'], noNullPrototype: true },
    );
    const hosts = fc.array(host, { maxLength: 6 });
    fc.assert(
      fc.property(hosts, hosts, (own, resources) => {
        const alert = sampleAlert({ resources: own });
        const once = addKnowledge(alert, { resources }) ?? alert;
        expect(addKnowledge(once, { resources })).toBeUndefined();
        expect(once.resources.slice(0, own.length).map((each, at) => ({ ...each, ...own[at] }))).toEqual(
          once.resources.slice(0, own.length),
        );
      }),
    );
  });
});

describe('another report of the same alert', () => {
  it('adds what it knows more, and what that was can be told', () => {
    const { description: _, ...bare } = sampleAlert({ title: 'Alert 7', quality: ['title_missing'] });
    const fuller = sampleAlert({ title: 'Root shell', description: 'By the API.', severity: 'low' });
    const next = addKnowledge(bare, knowledgeOf(fuller)) ?? bare;
    expect(next).toEqual({ ...bare, title: 'Root shell', description: 'By the API.', quality: [] });
    expect(learnt(bare, next)).toEqual({ title: 'Root shell', description: 'By the API.', quality: [] });
    expect(addKnowledge(next, knowledgeOf(fuller))).toBeUndefined();
  });

  it('gives no title that it had to guess itself', () => {
    const guessed = sampleAlert({ title: 'Alert 8', quality: ['title_derived'] });
    expect(knowledgeOf(guessed)).not.toHaveProperty('title');
  });
});
