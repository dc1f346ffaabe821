import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alertArbitrary, sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import { tagsFor, toTag } from './tags.js';

describe('the tags of an alert', () => {
  it('say where it comes from, what it is, and why it is here', () => {
    const alert = sampleAlert({
      source: {
        vendor: 'threatstack',
        product: 'Threat Stack',
        sourceId: 's',
        accountId: 'org-1',
        accountName: 'ACME, Inc.',
      },
    });
    expect(tagsFor(sampleDelivery({ alert, routes: ['low-and-up', 'soc'] }), ['env:prod', 'severity:high'])).toEqual([
      'source:threatstack',
      'alert_kind:detection',
      'severity:high',
      'alert_state:open',
      'vendor_account:acme__inc.',
      'rule:root_shell',
      'env:prod',
      'route:low-and-up',
      'route:soc',
      'env:test',
    ]);
  });

  it('are fifty at most, each as Datadog would store it', () => {
    fc.assert(
      fc.property(alertArbitrary, fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 80 }), (alert, routes) => {
        const tags = tagsFor(sampleDelivery({ alert, routes }), []);
        expect(tags.length).toBeLessThanOrEqual(50);
        expect(new Set(tags).size).toBe(tags.length);
        for (const tag of tags) {
          expect(tag).toMatch(/^\p{L}[\p{L}\p{N}_\-:./]*$/u);
          expect(tag.length).toBeLessThanOrEqual(200);
          expect(tag).not.toMatch(/:$/);
        }
      }),
    );
  });
});

describe('a tag', () => {
  it.each([
    ['Env:Prod', 'env:prod'],
    ['9lives', 'lives'],
    ['a,b c@d', 'a_b_c_d'],
    ['region:', 'region'],
    ['x'.repeat(300), 'x'.repeat(200)],
    ['ünï:côde', 'ünï:côde'],
    ['123', ''],
  ])('of %j is %j', (text, tag) => {
    expect(toTag(text)).toBe(tag);
  });
});
