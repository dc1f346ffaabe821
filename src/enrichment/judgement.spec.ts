import { describe, expect, it } from '@jest/globals';
import { sampleAlert } from '../../test/support/alerts.js';
import { judge, type Finding } from './judgement.js';

const held = sampleAlert({ quality: ['severity_unmapped', 'enrichment_pending'] });
const known: Finding = { kind: 'known', knowledge: { tags: ['team:web'], url: 'https://elsewhere.example.com/' } };
const both = { enrich: true, verify: true };

describe('what an alert becomes by what was found', () => {
  it('is the alert with its details, which are named', () => {
    const { alert, added } = judge(held, known, both);
    expect(alert).toEqual({ ...held, tags: ['env:test', 'team:web'], quality: ['severity_unmapped'] });
    expect(added).toEqual(['tags']);
  });

  it('is the alert as it was where it was only to be verified', () => {
    expect(judge(held, known, { enrich: false, verify: true })).toEqual({
      alert: { ...held, quality: ['severity_unmapped'] },
      added: [],
    });
  });

  const lack = { reason: 'why' } as const;
  it.each<[Finding, readonly string[]]>([
    [{ kind: 'unknown' }, ['enrichment_failed', 'unverified']],
    [{ kind: 'failed', ...lack }, ['enrichment_failed', 'verification_skipped']],
    [{ kind: 'timeout', ...lack }, ['enrichment_timeout', 'verification_skipped']],
    [{ kind: 'skipped', ...lack }, ['enrichment_failed', 'verification_skipped']],
  ])('is flagged for want of an answer: %j', (finding, flags) => {
    expect(judge(held, finding, both).alert.quality).toEqual(['severity_unmapped', ...flags]);
    const [details, doubt] = flags;
    expect(judge(held, finding, { enrich: true, verify: false }).alert.quality.at(-1)).toBe(details);
    expect(judge(held, finding, { enrich: false, verify: true }).alert.quality.at(-1)).toBe(doubt);
  });
});
