import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { ActivityStream } from '../core/activity.js';
import type { AlertSummary, Journal } from '../core/journal.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { RouteOptions } from '../routing/route.js';
import { Router } from '../routing/router.js';
import { IngestService } from './ingest.service.js';
import { OwnAlerts } from './own-alerts.js';

const since = Date.parse('2026-03-01T12:00:00Z');
const parked = { kind: 'parked', at: since, sink: 'pager', reason: 'status 403', since, by: 'router' } as const;
const resumed = { kind: 'resumed', at: since + 60_000, sink: 'pager', since, by: 'router' } as const;

let journal: Journal;
let activity: ActivityStream;
let ownAlerts: OwnAlerts;

beforeEach(async () => {
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  activity = new ActivityStream();
});
afterEach(async () => {
  ownAlerts.onApplicationShutdown();
  await journal.close();
});

function start(...routes: readonly object[]): void {
  const router = new Router(plainToInstance(RouteOptions, [...routes]));
  ownAlerts = new OwnAlerts(new IngestService(router, journal, activity), journal, activity);
  ownAlerts.onModuleInit();
  ownAlerts.onApplicationBootstrap();
}

/** The alerts kept, oldest first, once there are so many. */
async function kept(count: number): Promise<readonly AlertSummary[]> {
  for (let turns = 0; turns < 2_000; turns += 1) {
    const { items } = await journal.alerts({}, { limit: 100 });
    if (items.length >= count) return [...items].reverse();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not ${String(count)} alerts`);
}

describe('the alerts of the router itself', () => {
  it('say that a sink is parked, and that it is resumed, as reports of one finding', async () => {
    start({ name: 'all', to: ['archive'] });
    activity.next(parked);
    activity.next(resumed);
    const [opened, closed] = await kept(2);
    expect(opened).toMatchObject({ source: 'signalbox', kind: 'other', state: 'open', severity: 'high' });
    expect(opened?.title).toContain('pager');
    expect(opened?.deliveries).toMatchObject([{ sink: 'archive', state: 'pending' }]);
    expect(closed).toMatchObject({ state: 'resolved', fingerprint: opened?.fingerprint });
    const body = (await journal.raw(opened?.id ?? ''))?.body.toString() ?? '';
    expect(JSON.parse(body)).toMatchObject({ event: 'sink-parked', sink: 'pager', reason: 'status 403' });
    expect((await journal.alert(opened?.id ?? ''))?.alert).toMatchObject({
      description: 'status 403',
      tags: ['sink:pager'],
    });
  });

  it('say the same of a pull, and go to every sink', async () => {
    start({ name: 'all', to: ['pager', 'warden'] });
    activity.next({ kind: 'pull-parked', at: since, source: 'warden', reason: 'status 401', since, by: 'router' });
    activity.next({ kind: 'pull-resumed', at: since + 60_000, source: 'warden', since, by: 'operator' });
    const [opened, closed] = await kept(2);
    expect(opened).toMatchObject({
      state: 'open',
      title: 'The pull of the source warden is parked: it waits for an operator',
    });
    expect(opened?.deliveries.map(({ sink }) => sink)).toEqual(['pager', 'warden']);
    expect(closed).toMatchObject({ state: 'resolved', fingerprint: opened?.fingerprint });
    expect((await journal.alert(opened?.id ?? ''))?.alert.tags).toEqual(['source:warden']);
  });

  it('are another finding for another parking of the sink', async () => {
    start();
    activity.next(parked);
    activity.next({ ...parked, since: since + 1 });
    const [first, second] = await kept(2);
    expect(first?.fingerprint).not.toBe(second?.fingerprint);
  });

  it('are never owed to the sink that they are about', async () => {
    start({ name: 'one', to: ['pager'] }, { name: 'both', to: ['pager', 'archive'] });
    activity.next(parked);
    const [opened] = await kept(1);
    expect(opened?.routes).toEqual(['both']);
    expect(opened?.deliveries.map(({ sink }) => sink)).toEqual(['archive']);
  });

  it('are unrouted where only that sink would be left', async () => {
    start({ name: 'all', to: ['pager'] });
    activity.next(parked);
    expect((await kept(1))[0]).toMatchObject({ routes: [], deliveries: [] });
    expect((await journal.counts()).sources).toMatchObject([{ source: 'signalbox', accepted: 1, unrouted: 1 }]);
  });

  it('are made up for after a crash, and not repeated', async () => {
    await journal.park('pager', 'status 403');
    start();
    await kept(1);
    ownAlerts.onApplicationShutdown();
    start();
    activity.next({ ...parked, sink: 'archive' });
    expect((await kept(2)).map(({ title }) => title)).toMatchObject(
      [/pager/, /archive/].map((it) => expect.stringMatching(it)),
    );
    expect((await journal.counts()).sources).toMatchObject([{ accepted: 2, duplicates: 1 }]);
  });

  it('are tried again when the journal cannot keep them', async () => {
    start();
    const append = journal.append.bind(journal);
    journal.append = () => {
      journal.append = append;
      return Promise.reject(new Error('the disk is full'));
    };
    activity.next(parked);
    activity.next(resumed);
    expect((await kept(2)).map(({ state }) => state)).toEqual(['open', 'resolved']);
  });
});
