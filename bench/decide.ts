import { Router } from '../src/routing/router.js';
import { RouteOptions } from '../src/routing/route.js';
import { sampleAlert } from '../test/support/alerts.js';
import { check, median, type Section } from './report.js';

const runs = 7;
const decisions = 20_000;
const matching = 5;

/** What `decide` costs at 10 to 10,000 routes, of which 5 match: by account, resource, label or severity and kind. */
export function decideCost(): Section {
  const sizes = [10, 100, 1_000, 10_000];
  const routers = sizes.map((size) => new Router(routesFor(size)));
  const micros: number[][] = sizes.map(() => []);
  for (let run = 0; run <= runs; run += 1) {
    routers.forEach((router, index) => {
      const cost = timeOf(router);
      if (run > 0) micros[index]?.push(cost);
    });
  }
  const of = (index: number): number => median(micros[index] ?? []);
  return {
    title: '(d) deciding: routes of which 5 match',
    rows: [['routes', 'µs an alert'], ...sizes.map((size, index) => [String(size), of(index).toFixed(2)])],
    checks: [check('10,000 routes / 10 routes', of(3) / of(0), 'at most', 10)],
  };
}

const alerts = Array.from({ length: 16 }, (_, index) =>
  sampleAlert({
    severity: 'high',
    source: {
      vendor: 'threatstack',
      product: 'Cloud Security Platform',
      sourceId: 'threat-stack',
      accountId: 'acct-0',
    },
    resources: [{ role: 'target', type: 'host', hostname: 'web-0', labels: { team: 'team-0' } }],
    title: `Netcat listener ${index}`,
  }),
);

/** The first five match the alert; the others ask, in the same ways, for what it is not. */
function routesFor(size: number): RouteOptions[] {
  return Array.from({ length: size }, (_, index) => {
    const other = index < matching ? 0 : index;
    const ways = [
      { account: [`acct-${other}`], severity: ['>=medium'] },
      { resource: [`web-${other}`], kind: ['detection'] },
      { labels: { team: [`team-${other}`] } },
      { source: ['threat-stack'], account: [`acct-${other}`] },
      { vendor: ['threatstack'], resource: [`web-${other}`], severity: ['high', 'critical'] },
    ];
    return Object.assign(new RouteOptions(), {
      name: `route-${index}`,
      to: ['datadog'],
      match: ways[index % ways.length],
    });
  });
}

function timeOf(router: Router): number {
  let matched = 0;
  const started = performance.now();
  for (let i = 0; i < decisions; i += 1) {
    const alert = alerts[i % alerts.length];
    if (alert) matched += router.decide(alert).routes.length;
  }
  const elapsed = performance.now() - started;
  if (matched !== decisions * matching) throw new Error(`${matched / decisions} routes matched instead of ${matching}`);
  return (elapsed * 1_000) / decisions;
}
