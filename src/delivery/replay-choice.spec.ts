import { describe, expect, it } from '@jest/globals';
import { sampleAlert } from '../../test/support/alerts.js';
import type { ReplayCandidate, ReplayRequest, ReplaySelect } from '../core/replay.js';
import { choose, PlanSum, type ReplayConfig, type ReplaySink } from './replay-choice.js';

const hourMs = 3_600_000;
const sinks: Readonly<Record<string, ReplaySink>> = {
  pager: { keepsState: true },
  lake: { keepsState: false, maxAge: hourMs },
  archive: { keepsState: false },
};
const config = (...routed: readonly string[]): ReplayConfig => ({
  sink: (name) => sinks[name],
  decide: () => ({
    routes: ['all'],
    sinks: routed.map((sink) => ({ sink, routes: ['all'], keepsState: sink === 'pager' })),
  }),
});

const alert = sampleAlert();
const candidate = (
  deliveries: ReplayCandidate['deliveries'],
  changes: Partial<ReplayCandidate> = {},
): ReplayCandidate => ({ place: '1', alert, isOutdated: false, deliveries, ...changes });

const request = (select: ReplaySelect = {}, changes: Partial<ReplayRequest> = {}): ReplayRequest => ({
  mode: 'resend',
  select,
  rate: 10,
  force: false,
  ...changes,
});

describe('a resend', () => {
  const known = candidate([
    { sink: 'pager', state: 'dead', fault: 'theirs' },
    { sink: 'lake', state: 'dead', fault: 'age' },
    { sink: 'archive', state: 'delivered' },
  ]);
  const taken = (select: ReplaySelect) => choose(known, request(select), config()).owe.map(({ sink }) => sink);

  it('takes dead letters unless it is told otherwise', () => {
    expect(choose(known, request(), config())).toEqual({
      owe: [
        { alertId: alert.id, sink: 'pager' },
        { alertId: alert.id, sink: 'lake' },
      ],
      outdated: [],
      unconfigured: [],
    });
    expect(taken({ state: 'delivered' })).toEqual(['archive']);
  });

  it('takes those of one sink or one fault', () => {
    expect(taken({ sink: 'lake' })).toEqual(['lake']);
    expect(taken({ fault: 'theirs' })).toEqual(['pager']);
    expect(taken({ sink: 'lake', fault: 'theirs' })).toEqual([]);
  });

  it('leaves those to sinks that are not in the config any longer', () => {
    const gone = candidate([
      { sink: 'gone', state: 'dead' },
      { sink: 'pager', state: 'dead' },
    ]);
    expect(choose(gone, request(), config())).toEqual({
      owe: [{ alertId: alert.id, sink: 'pager' }],
      outdated: [],
      unconfigured: ['gone'],
    });
  });

  it('leaves an outdated report where it would overwrite a newer one, unless that is forced', () => {
    const outdated = candidate(known.deliveries, { isOutdated: true });
    expect(choose(outdated, request(), config())).toEqual({
      owe: [{ alertId: alert.id, sink: 'lake' }],
      outdated: ['pager'],
      unconfigured: [],
    });
    expect(choose(outdated, request({}, { force: true }), config())).toMatchObject({
      owe: [{ sink: 'pager' }, { sink: 'lake' }],
      outdated: [],
    });
  });
});

describe('a reroute', () => {
  const known = candidate([{ sink: 'lake', state: 'dead' }]);

  it('takes what the routes of now ask for and was never owed, with the routes that ask', () => {
    expect(choose(known, request({}, { mode: 'reroute' }), config('pager', 'lake', 'archive')).owe).toEqual([
      { alertId: alert.id, sink: 'pager', routed: { routes: ['all'], keepsState: true } },
      { alertId: alert.id, sink: 'archive', routed: { routes: ['all'], keepsState: false } },
    ]);
  });

  it('takes that of one sink', () => {
    const { owe } = choose(known, request({ sink: 'archive' }, { mode: 'reroute' }), config('pager', 'archive'));
    expect(owe.map(({ sink }) => sink)).toEqual(['archive']);
  });
});

describe('the plan of a replay', () => {
  const time = '2026-05-01T10:00:00.000Z';
  const now = Date.parse(time) + hourMs;
  const owing = (at: string, ...names: readonly string[]) => {
    const of = sampleAlert({ id: `alert-${at}`, time: at });
    return [
      candidate([], { alert: of }),
      { owe: names.map((sink) => ({ alertId: of.id, sink })), outdated: [], unconfigured: [] },
    ] as const;
  };

  it('of nothing is nothing', () => {
    expect(new PlanSum(config(), now).plan()).toEqual({
      alerts: 0,
      deliveries: 0,
      sinks: [],
      restamped: [],
      unconfigured: 0,
      warnings: [],
    });
  });

  it('counts alerts, deliveries and what is left, and warns of it', () => {
    const sum = new PlanSum(config(), now);
    sum.add(...owing(time, 'pager', 'archive'));
    sum.add(...owing(time, 'archive'));
    sum.add(candidate([]), { owe: [], outdated: ['pager'], unconfigured: ['gone', 'away'] });
    expect(sum.plan()).toEqual({
      alerts: 3,
      deliveries: 3,
      sinks: [
        { sink: 'pager', deliveries: 1, restamped: 0, outdated: 1 },
        { sink: 'archive', deliveries: 2, restamped: 0, outdated: 0 },
      ],
      restamped: [],
      unconfigured: 2,
      warnings: [expect.stringContaining('1 held back from pager'), expect.stringContaining('2 were for sinks')],
    });
  });

  it('shows what would get a later time: what is older than the sink takes, to the millisecond', () => {
    const sum = new PlanSum(config(), now);
    const older = new Date(Date.parse(time) - 1).toISOString();
    sum.add(...owing(time, 'lake'));
    sum.add(...owing(older, 'lake', 'archive'));
    const { sinks: counted, restamped, warnings } = sum.plan();
    expect(counted).toMatchObject([
      { sink: 'lake', deliveries: 2, restamped: 1 },
      { sink: 'archive', deliveries: 1, restamped: 0 },
    ]);
    expect(restamped).toEqual([{ alertId: `alert-${older}`, sink: 'lake', time: older }]);
    expect(warnings).toEqual([expect.stringContaining('1 are older than lake takes')]);
  });

  it('counts all that would get a later time, and shows twenty', () => {
    const sum = new PlanSum(config(), now);
    for (let each = 0; each < 23; each += 1) sum.add(...owing('2026-04-01T00:00:00.000Z', 'lake'));
    const { sinks: counted, restamped } = sum.plan();
    expect([counted[0]?.restamped, restamped.length]).toEqual([23, 20]);
  });
});
