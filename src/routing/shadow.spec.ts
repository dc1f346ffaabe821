import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import fc from 'fast-check';
import { RouteOptions } from './route.js';
import { shadowedRoutes } from './shadow.js';

const route = (options: object): RouteOptions => plainToInstance(RouteOptions, { to: 'datadog', ...options });

describe('shadowed routes', () => {
  it('are those that can never match', () => {
    const routes = [
      route({ name: 'high', match: { severity: '>=high' }, final: true }),
      route({ name: 'critical-audit', match: { severity: 'critical', kind: 'audit' } }),
      route({ name: 'medium', match: { severity: 'medium' } }),
      route({ name: 'rest', final: true }),
      route({ name: 'late', match: { title: '*' } }),
      route({ name: 'tests', match: { kind: 'test' } }),
    ];
    expect(shadowedRoutes(routes)).toEqual([
      { route: 'critical-audit', by: 'high' },
      { route: 'late', by: 'rest' },
    ]);
  });

  it.each<[string, object, object, boolean]>([
    ['a narrower list', { kind: ['audit', 'posture'] }, { kind: 'audit' }, true],
    ['a wider list', { kind: 'audit' }, { kind: ['audit', 'posture'] }, false],
    ['another field of the same word', { source: 'warden' }, { vendor: 'warden' }, false],
    ['the same pattern', { title: 'Net*' }, { title: 'Net*', severity: 'low' }, true],
    ['another pattern', { title: 'Net*' }, { title: 'Netcat*' }, false],
    ['one text of several', { title: ['a', 'b'] }, { title: 'b' }, true],
    ['a text beside a pattern', { title: ['a', 'b*'] }, { title: 'a' }, false],
    ['fewer conditions', { title: 'a', severity: 'low' }, { title: 'a' }, false],
    ['no text at all', { title: 'a' }, { title: [] }, true],
    ['tests', {}, { kind: 'test' }, false],
    ['tests that are asked for', { kind: ['test', 'audit'] }, { kind: 'test' }, true],
  ])('are told from those behind a final route that can match: %s', (_, wide, narrow, isShadowed) => {
    const routes = [route({ name: 'wide', match: wide, final: true }), route({ name: 'narrow', match: narrow })];
    expect(shadowedRoutes(routes)).toEqual(isShadowed ? [{ route: 'narrow', by: 'wide' }] : []);
  });

  it('are not those behind a route that is not final', () => {
    expect(shadowedRoutes([route({ name: 'all' }), route({ name: 'more' })])).toEqual([]);
  });

  it('are named with the first route that takes all of them, however many there are', () => {
    const words = fc.uniqueArray(fc.constantFrom('a', 'b', 'b*', 'c'), { maxLength: 2 });
    const match = fc.record({ title: words, account: words, kind: words }, { requiredKeys: [] });
    const options = fc.record({ match: fc.oneof(fc.constant({}), match), final: fc.boolean() });
    const narrow = { match: { title: ['a'] }, final: true };
    fc.assert(
      fc.property(fc.array(options, { maxLength: 12 }), (written) => {
        const routes = written.map((each, index) => route({ ...each, name: `r${String(index)}` }));
        const expected = routes.flatMap((narrow, index) => {
          const by = routes.slice(0, index).find((wide) => shadowedRoutes([wide, narrow]).length > 0);
          return by ? [{ route: narrow.name, by: by.name }] : [];
        });
        expect(shadowedRoutes(routes)).toEqual(expected);
      }),
      { examples: [[[narrow, { match: {}, final: true }, narrow]]] },
    );
  });

  it('are found among 10,000 final routes without holding each against each', () => {
    const routes = Array.from({ length: 10_000 }, (_, index) =>
      route({ name: `r${String(index)}`, match: { severity: '>=low', account: `a${String(index)}` }, final: true }),
    );
    const before = process.cpuUsage();
    expect(shadowedRoutes(routes)).toEqual([]);
    // A tenth of it, or twice of it each against each: CPU time, since the machine may have other things to do.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_500);
  });
});
