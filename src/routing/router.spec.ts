import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { kinds, severities, states, type Alert, type Resource } from '../core/alert.js';
import { alertArbitrary, sampleAlert } from '../../test/support/alerts.js';
import { conditionsOf, matches, RouteOptions } from './route.js';
import { Router, without } from './router.js';

const route = (options: object): RouteOptions => {
  const read = plainToInstance(RouteOptions, { to: 'datadog', ...options }, { exposeDefaultValues: true });
  expect(validateSync(read)).toEqual([]);
  return read;
};
const problemsOf = (options: object): string =>
  JSON.stringify(validateSync(plainToInstance(RouteOptions, { name: 'r', to: 'd', ...options })));

const inSource = (facts: Partial<Alert['source']>): Alert['source'] => ({
  vendor: 'warden',
  product: 'Warden',
  sourceId: 'warden',
  ...facts,
});
const on = (facts: Partial<Resource>): Partial<Alert> => ({ resources: [{ role: 'target', type: 'host', ...facts }] });

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

  it('takes an alert by its flags, exactly or by a pattern', () => {
    const router = new Router([
      route({ name: 'forged', match: { quality: 'unverified' }, to: 'review' }),
      route({
        name: 'doubtful',
        match: { quality: ['verification_*', '/^enrichment_(failed|timeout)$/'] },
        to: 'review',
      }),
    ]);
    const routesOf = (...quality: string[]) => router.decide(sampleAlert({ quality })).routes;
    expect(routesOf('severity_unmapped', 'unverified')).toEqual(['forged']);
    expect(routesOf('verification_skipped')).toEqual(['doubtful']);
    expect(routesOf('enrichment_timeout')).toEqual(['doubtful']);
    expect(routesOf('enrichment_pending')).toEqual([]);
    expect(router.explain(sampleAlert({ quality: ['odd'] }))[0]).toEqual({
      route: 'forged',
      matched: false,
      reason: 'quality is odd, wanted unverified',
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

  it.each<[string, object, object, object]>([
    ['source', { source: 'warden-prod' }, { source: inSource({ sourceId: 'warden-prod' }) }, {}],
    ['vendor', { vendor: ['warden', 'beacon'] }, { source: inSource({ vendor: 'beacon' }) }, {}],
    ['kind', { kind: ['audit', 'posture'] }, { kind: 'posture' }, {}],
    ['state', { state: 'closed' }, { state: 'closed' }, { state: 'resolved' }],
    ['severity', { severity: 'low' }, { severity: 'low' }, { severity: 'medium' }],
    [
      'account',
      { account: 'org-*' },
      { source: inSource({ accountId: 'org-7' }) },
      { source: inSource({ accountId: 'x' }) },
    ],
    ['account', { account: 'Acme' }, { source: inSource({ accountName: 'Acme' }) }, { source: inSource({}) }],
    ['resource', { resource: 'r-1' }, on({ id: 'r-1' }), on({})],
    ['resource', { resource: 'r-1' }, on({ name: 'r-1' }), on({ group: 'r-1' })],
    ['resource', { resource: 'r-1' }, on({ hostname: 'r-1' }), on({ region: 'r-1' })],
    ['resource', { resource: '192.0.2.*' }, on({ ip: '192.0.2.9' }), on({ ip: '198.51.100.9' })],
    ['resource', { resource: '*/login' }, on({ url: 'https://x.example/login' }), on({ url: 'https://x.example/' })],
    ['labels', { labels: { env: 'prod' } }, on({ labels: { env: 'prod' } }), on({ labels: { environment: 'prod' } })],
    ['labels', { labels: { env: 'prod' } }, { tags: ['env:prod'] }, { tags: ['env:produce', 'envprod', 'x-env:prod'] }],
    ['labels', { labels: { toString: '*' } }, on({ labels: { toString: 'x' } }), on({ labels: {} })],
  ])('holds %s against what the alert says of it', (_, match, fitting, other) => {
    const conditions = conditionsOf(route({ name: 'r', match }));
    expect(matches(conditions, sampleAlert(fitting))).toBe(true);
    expect(matches(conditions, sampleAlert(other))).toBe(false);
  });

  it.each([
    ['high', ['high']],
    ['>=high', ['high', 'critical']],
    ['>high', ['critical']],
    ['<=low', ['unknown', 'informational', 'low']],
    ['< low', ['unknown', 'informational']],
    [' high ', ['high']],
  ])('takes of the severities, written "%s", %j', (severity, taken) => {
    const conditions = conditionsOf(route({ name: 'r', match: { severity } }));
    expect(severities.filter((each) => matches(conditions, sampleAlert({ severity: each })))).toEqual(taken);
  });

  it('takes an alert of kind test only where all else that the route asks for holds, too', () => {
    const conditions = conditionsOf(route({ name: 'r', match: { kind: ['test', 'audit'], severity: 'low' } }));
    expect(matches(conditions, sampleAlert({ kind: 'test', severity: 'low' }))).toBe(true);
    expect(matches(conditions, sampleAlert({ kind: 'test', severity: 'high' }))).toBe(false);
  });

  it('tells why a route takes an alert or does not', () => {
    const reasonOf = (match: object | undefined, of = alert) =>
      new Router([route({ name: 'r', ...(match && { match }) })]).explain(of)[0];
    expect(reasonOf(undefined)).toEqual({ route: 'r', matched: true, reason: 'takes every alert' });
    expect(reasonOf({ severity: ['high', '>=critical'], title: ['Net*', 'x'] })).toEqual({
      route: 'r',
      matched: true,
      reason: 'severity is high or >=critical, title is Net* or x',
    });
    expect(reasonOf({ kind: ['audit', 'posture'] })?.reason).toBe('kind is detection, wanted audit or posture');
    expect(reasonOf({ labels: { zone: 'a' } })).toEqual({
      route: 'r',
      matched: false,
      reason: 'labels.zone is absent, wanted a',
    });
    expect(
      reasonOf({ account: 'x' }, sampleAlert({ source: inSource({ accountId: 'a', accountName: 'b' }) }))?.reason,
    ).toBe('account is a, b, wanted x');
    expect(reasonOf(undefined, sampleAlert({ kind: 'test' }))).toEqual({
      route: 'r',
      matched: false,
      reason: 'kind is test, which a route must ask for',
    });
  });

  it('finds a route by whichever of its values an alert has, once, in the order written', () => {
    const router = new Router([
      route({ name: 'both', match: { resource: ['r-1', 'r-2'] } }),
      route({ name: 'glob', match: { resource: 'r-*' } }),
      route({ name: 'second', match: { resource: 'r-2' } }),
    ]);
    const { role, type } = { role: 'target', type: 'host' } as const;
    const resources = ['r-2', 'r-1'].map((id) => ({ role, type, id }));
    expect(router.decide(sampleAlert({ resources })).routes).toEqual(['both', 'glob', 'second']);
  });

  it('names a route once for a sink, though it names the sink twice', () => {
    const router = new Router([route({ name: 'r', to: ['pager', 'pager'] })]);
    expect(router.decide(alert).sinks).toEqual([{ sink: 'pager', routes: ['r'], keepsState: false }]);
  });

  it('decides by the new routes, and by the sinks of now, once another config is in force', () => {
    const router = new Router([route({ name: 'old', to: 'pager' })]);
    expect(router.decide(alert).sinks).toMatchObject([{ routes: ['old'], keepsState: false }]);
    router.use([route({ name: 'new', to: 'pager' })], new Set(['pager']));
    expect(router.decide(alert)).toEqual({
      routes: ['new'],
      sinks: [{ sink: 'pager', routes: ['new'], keepsState: true }],
    });
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
    [{ match: { kind: 'alarm' } }, 'compliance, incident, audit'],
    [{ match: { state: 'new' } }, 'must be one of open, acknowledged, snoozed'],
    [{ match: { severity: 'severe' } }, 'unknown, informational, low, medium, high, critical'],
    [{ match: { severity: '=high' } }, 'comparison in quotes'],
    [{ match: { severity: 'x>=high' } }, 'comparison in quotes'],
    [{ match: { severity: '>=high x' } }, 'comparison in quotes'],
    [{ match: { severity: 3 } }, 'comparison in quotes'],
    [{ match: { title: '' } }, 'must be a text, a glob'],
    [{ match: { title: 7 } }, 'must be a text, a glob'],
    [{ match: { account: ['fine', '/(/'] } }, 'RE2 refuses: error parsing'],
    [{ match: { resource: '' } }, 'resource must be a text, a glob'],
    [{ match: { source: 7 } }, 'must be a string'],
    [{ match: { vendor: 7 } }, 'must be a string'],
    [{ match: { labels: { env: '' } } }, 'each value of labels must be a text, a glob'],
    [{ match: { labels: { env: ['prod', 7] } } }, 'each value of labels must be a text, a glob'],
    [{ match: { labels: 'env' } }, 'must be an object'],
    [{ match: { labels: ['env'] } }, 'must be an object'],
    [{ match: { labels: null, severity: 'severe' } }, 'comparison in quotes'],
    [{ to: [] }, 'at least one sink'],
    [{ to: [7] }, 'must be a string'],
    [{ name: 'Not This' }, 'lower-case'],
    [{ name: '-this' }, 'lower-case'],
    [{ name: 'this one' }, 'lower-case'],
    [{ name: 'x'.repeat(64) }, 'lower-case'],
    [{ final: 'yes' }, 'must be a boolean'],
  ])('refuse %j', (options, message) => {
    expect(problemsOf(options)).toContain(message);
  });

  it('may say one or many', () => {
    const one = route({ name: 'x'.repeat(63), match: { title: 'a', labels: { env: 'prod' } }, to: 'pager' });
    expect([one.to, one.match?.title, one.match?.labels]).toEqual([['pager'], ['a'], { env: ['prod'] }]);
    const many = route({ name: '7', match: { title: ['a', 'b'], labels: { env: ['prod', 'test'] } }, to: ['a', 'b'] });
    expect([many.to, many.match?.title, many.match?.labels]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      { env: ['prod', 'test'] },
    ]);
  });
});

describe('a decision without a sink', () => {
  const decision = {
    routes: ['all', 'page'],
    sinks: [
      { sink: 'archive', routes: ['all'], keepsState: false },
      { sink: 'pager', routes: ['all', 'page'], keepsState: true },
    ],
  };

  it('has less the routes that asked for no other', () => {
    expect(without(decision, 'pager')).toEqual({ routes: ['all'], sinks: decision.sinks.slice(0, 1) });
    expect(without(decision, 'archive')).toEqual({ routes: ['all', 'page'], sinks: decision.sinks.slice(1) });
  });

  it('that it does not name is the same', () => {
    expect(without(decision, 'lake')).toEqual(decision);
    expect(without(decision, undefined)).toEqual(decision);
  });
});
