import { describe, expect, it } from '@jest/globals';
import type { Attempt } from '../core/journal.js';
import { tellDelivery, tellReasons, type SinkStanding } from './story.js';

const now = Date.parse('2026-03-01T12:00:00Z');

const tried = (attempt: number, at: number): Attempt => ({ attempt, at, durationMs: 40, outcome: 'retry' });
const delivery = { alertId: 'a-1', sink: 'pager', routes: ['all'], attempts: 2, history: [] } as const;
const pending = { ...delivery, state: 'pending', dueAt: now } as const;
const running: SinkStanding = { isConfigured: true };

describe('the story of a delivery', () => {
  it('has how long each attempt waited for the next, the last one for what is due', () => {
    const history = [tried(1, now - 10_000), tried(2, now - 4_000)];
    const { history: told } = tellDelivery({ ...pending, dueAt: now + 5_000, history }, running, now);
    expect(told.map(({ waitMs }) => waitMs)).toEqual([5_960, 8_960]);
    const { history: ended } = tellDelivery({ ...delivery, state: 'dead', history }, running, now);
    expect(ended.map(({ waitMs }) => waitMs)).toEqual([5_960, undefined]);
  });

  it.each<[string, SinkStanding, number, RegExp]>([
    ['an attempt at a time', running, now + 5_000, /^attempt 3$/],
    ['an attempt now', running, now, /^attempt 3, as soon as/],
    ['an earlier alert', { ...running, before: 'a-0' }, now, /waits for alert a-0/],
    [
      'a parked sink',
      { ...running, parked: { reason: 'HTTP 403', since: 1, by: 'router' }, before: 'a-0' },
      now,
      /HTTP 403$/,
    ],
    ['no such sink', { isConfigured: false }, now, /no such sink/],
  ])('says what comes next: %s', (_what, standing, dueAt, words) => {
    const { next } = tellDelivery({ ...pending, dueAt }, standing, now);
    expect(next?.what).toMatch(words);
    expect(next?.at).toBe(dueAt > now ? dueAt : undefined);
  });

  it('says that nothing comes next when it is over', () => {
    expect(tellDelivery({ ...delivery, state: 'delivered' }, running, now)).not.toHaveProperty('next');
    expect(tellDelivery({ ...delivery, state: 'superseded' }, running, now)).not.toHaveProperty('next');
    expect(tellDelivery({ ...delivery, state: 'dead' }, running, now).next?.what).toContain('replayed');
  });
});

describe('the story of a decision', () => {
  const takes = (route: string) => ({ route, matched: true, reason: 'severity is >=high' });
  const leaves = (route: string) => ({ route, matched: false, reason: 'severity is low, wanted >=high' });

  it('that the routes of now would take as well has their reasons, and no more', () => {
    const reasons = [takes('all'), leaves('urgent')];
    expect(tellReasons(reasons, ['all'], ['all'])).toEqual({ reasons, goneRoutes: [] });
  });

  it('says of each route of now whether it took the alert, where that is otherwise', () => {
    const { reasons } = tellReasons([takes('all'), leaves('urgent'), takes('new')], ['all', 'urgent'], ['all', 'new']);
    expect(reasons).toEqual([takes('all'), { ...leaves('urgent'), tookIt: true }, { ...takes('new'), tookIt: false }]);
  });

  it('names the routes that are gone', () => {
    expect(tellReasons([takes('all')], ['old', 'all', 'older'], ['all']).goneRoutes).toEqual(['old', 'older']);
  });

  it('does not say of a route that it takes what is about the only sink that it leads to', () => {
    expect(tellReasons([takes('all'), takes('pager')], ['all'], ['all']).reasons).toEqual([
      takes('all'),
      {
        route: 'pager',
        matched: false,
        reason: 'severity is >=high; but it leads only to the sink that this is about',
      },
    ]);
  });
});
