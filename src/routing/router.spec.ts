import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { kinds, severities, states } from '../core/alert.js';
import { alertArbitrary, sampleAlert } from '../../test/support/alerts.js';
import { conditionsOf, matches, RouteOptions, shadowedRoutes } from './route.js';
import { Router } from './router.js';

const route = (options: object): RouteOptions => {
  const read = plainToInstance(RouteOptions, { to: 'datadog', ...options }, { exposeDefaultValues: true });
  expect(validateSync(read)).toEqual([]);
  return read;
};
const problemsOf = (options: object): string =>
  JSON.stringify(validateSync(plainToInstance(RouteOptions, { name: 'r', to: 'd', ...options })));

describe('a router', () => {
  const alert = sampleAlert({
    severity: 'high',
    title: 'Netcat on web-1',
    tags: ['team:payments'],
    resources: [{ role: 'target', type: 'host', hostname: 'web-1.example.net', labels: { env: 'prod' } }],
  });

  it('fires every matching route in the order written, and names each sink once', () => {
    const router = new Router(
      [
        route({ name: 'all', to: ['archive', 'datadog'] }),
        route({ name: 'low', match: { severity: 'low' }, to: 'slack' }),
        route({ name: 'high', match: { severity: ['high', 'critical'] }, to: ['datadog', 'pager'] }),
      ],
      new Set(['pager']),
    );
    expect(router.decide(alert)).toEqual({
      routes: ['all', 'high'],
      sinks: [
        { sink: 'archive', routes: ['all'], keepsState: false },
        { sink: 'datadog', routes: ['all', 'high'], keepsState: false },
        { sink: 'pager', routes: ['high'], keepsState: true },
      ],
    });
  });

  it('stops after a final route, and says so of the rest', () => {
    const router = new Router([
      route({ name: 'first', match: { severity: '>=medium' }, final: true }),
      route({ name: 'second' }),
    ]);
    expect(router.decide(alert).routes).toEqual(['first']);
    expect(router.explain(alert)).toEqual([
      { route: 'first', matched: true, reason: 'severity is >=medium' },
      { route: 'second', matched: false, reason: 'not looked at: route first is final' },
    ]);
  });

  it('sends an alert of kind test only where a route asks for that kind', () => {
    const router = new Router([route({ name: 'all' }), route({ name: 'tests', match: { kind: 'test' }, to: 'file' })]);
    expect(router.decide(sampleAlert({ kind: 'test' })).routes).toEqual(['tests']);
    expect(router.decide(alert).routes).toEqual(['all']);
  });

  it.each([
    ['a title as a glob', { title: 'Netcat*' }, true],
    ['a title as a glob that must fit the whole', { title: 'Netcat' }, false],
    ['a title as a regex found anywhere', { title: '/cat on/' }, true],
    ['a regex without case', { title: '/NETCAT/i' }, true],
    ['a label of a resource', { labels: { env: 'prod' } }, true],
    ['a tag as a label', { labels: { team: ['ops', 'pay*'] } }, true],
    ['every label given', { labels: { env: 'prod', team: 'ops' } }, false],
    ['a resource by a glob in the middle', { resource: 'web-*.net' }, true],
    ['a glob that would have to overlap itself', { resource: 'web-1.example.net*.net' }, false],
    ['all conditions', { severity: '<=high', vendor: alert.source.vendor, resource: '*' }, true],
    ['a comparison that excludes', { severity: '>high' }, false],
  ])('matches %s', (_, match, expected) => {
    expect(matches(conditionsOf(route({ name: 'r', match })), alert)).toBe(expected);
  });

  it('gives the first condition that failed, with what was found', () => {
    const router = new Router([route({ name: 'r', match: { severity: 'low', title: 'x' } })]);
    expect(router.explain(alert)[0]?.reason).toBe('severity is high, wanted low');
  });

  it('decides with its indexes as it would without them', () => {
    const word = (words: readonly string[]) => fc.subarray([...words], { minLength: 1 });
    const options = fc.record(
      {
        kind: word(kinds),
        state: word(states),
        severity: fc.constantFrom(...severities, '>=medium', '<low'),
        title: fc.constantFrom('*', 'a*', '/a/', 'exact'),
        account: fc.constantFrom('a', 'b', 'acct-*'),
      },
      { requiredKeys: [] },
    );
    const routes = fc.array(fc.record({ match: options, final: fc.boolean() }), { maxLength: 12 });
    fc.assert(
      fc.property(routes, alertArbitrary, (written, any) => {
        const all = written.map((options, index) => route({ name: `r${String(index)}`, ...options }));
        const expected: string[] = [];
        for (const each of all) {
          if (!matches(conditionsOf(each), any)) continue;
          expected.push(each.name);
          if (each.final) break;
        }
        const router = new Router(all);
        expect(router.decide(any).routes).toEqual(expected);
        expect(
          router
            .explain(any)
            .filter(({ matched }) => matched)
            .map((reason) => reason.route),
        ).toEqual(expected);
      }),
    );
  });

  it('runs a pattern that would freeze a backtracking engine', () => {
    const title = `${'a'.repeat(5_000)}!`;
    const router = new Router([route({ name: 'r', match: { title: '/^(a+)+$/' } })]);
    expect(router.decide(sampleAlert({ title })).routes).toEqual([]);
  });
});

describe('the options of a route', () => {
  it.each([
    [{ match: { severity: 'severe' } }, 'comparison in quotes'],
    [{ match: { severity: '<unknown' } }, 'comparison in quotes'],
    [{ match: { kind: 'alarm' } }, 'must be one of detection'],
    [{ match: { title: '/(/' } }, 'RE2 refuses'],
    [{ match: { labels: { env: '/[/' } } }, 'RE2 refuses'],
    [{ to: [] }, 'at least one sink'],
    [{ name: 'Not This' }, 'lower-case'],
  ])('refuse %j', (options, message) => {
    expect(problemsOf(options)).toContain(message);
  });

  it('tell which routes can never match', () => {
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
});
