import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { acceptedRequest, type ReportOf } from '../../test/support/accepted-request.js';
import { receivedActivity } from '../../test/support/activities.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import type { Activity } from '../core/activity.js';
import type { Attempt } from '../core/journal.js';

const at = Date.parse('2026-03-01T12:00:00Z');

let admin: AdminApp;
beforeEach(async () => {
  admin = await startAdminApp();
});
afterEach(() => admin.close());

/** The series of our own, without the histograms' buckets. */
async function scrape(): Promise<readonly string[]> {
  const { text } = await request(admin.url)
    .get('/metrics')
    .expect(200)
    .expect('content-type', /text\/plain/);
  return text.split('\n').filter((line) => line.startsWith('signalbox_') && !line.includes('_bucket'));
}

describe('the metrics', () => {
  it('begin at zero for everything in the config', async () => {
    const series = await scrape();
    for (const name of [
      'signalbox_alerts_received_total{source="warden",result="accepted"}',
      'signalbox_alerts_received_total{source="warden",result="duplicate"}',
      'signalbox_alerts_received_total{source="warden",result="quarantined"}',
      'signalbox_alerts_unrouted_total{source="warden"}',
      'signalbox_alerts_routed_total{route="urgent"}',
      'signalbox_backlog{sink="pager",state="pending"}',
      'signalbox_backlog{sink="archive",state="dead"}',
      'signalbox_oldest_pending_seconds{sink="pager"}',
      'signalbox_sink_parked{sink="pager"}',
      'signalbox_answer_seconds_count{source="warden"}',
      'signalbox_received_to_delivered_seconds_count{sink="archive"}',
    ]) {
      expect(series).toContain(`${name} 0`);
    }
  });

  it('tell of pulls: how they end, what they brought, whether one is parked, and how far it is behind', async () => {
    await admin.close();
    admin = await startAdminApp({ pulls: true });
    expect(await scrape()).toContain('signalbox_pulls_total{source="warden",result="failed"} 0');
    const source = 'warden';
    const sums = { pages: 2, accepted: 3, duplicates: 1, quarantined: 0, durationMs: 5 };
    admin.activity.next({ kind: 'pulled', at, source, ...sums, isCaughtUp: true });
    admin.activity.next({ kind: 'pulled', at, source, ...sums, isCaughtUp: false });
    admin.activity.next({ kind: 'pull-failed', at, source, reason: 'status 500', failures: 1, againAt: at });
    admin.activity.next(receivedActivity(acceptedRequest({ receivedAt: at }, {}), { isPull: true }));
    await admin.journal.beginPull(source, Date.now() - 60_000);
    await admin.journal.parkPull(source, 'status 401');
    const series = await scrape();
    for (const line of [
      'signalbox_pulls_total{source="warden",result="done"} 1',
      'signalbox_pulls_total{source="warden",result="cut"} 1',
      'signalbox_pulls_total{source="warden",result="failed"} 1',
      'signalbox_pull_accepted_total{source="warden"} 6',
      'signalbox_pull_parked{source="warden"} 1',
      'signalbox_answer_seconds_count{source="warden"} 0',
    ]) {
      expect(series).toContain(line);
    }
    expect(series.join('\n')).toMatch(/signalbox_pull_behind_seconds\{source="warden"\} 6\d/);
  });

  it('count what is received, by what became of it', async () => {
    admin.activity.next(received([{}, { routes: [], sinks: [] }], ['accepted', 'accepted'], 0));
    // The first part of a large one: no answer yet.
    admin.activity.next({
      ...received([{}, { routes: [], sinks: [] }], ['accepted', 'accepted'], 0),
      isUnfinished: true,
    });
    admin.activity.next(received([{}], ['duplicate'], 2));
    const series = await scrape();
    expect(series).toEqual(
      expect.arrayContaining([
        'signalbox_alerts_received_total{source="warden",result="accepted"} 4',
        'signalbox_alerts_received_total{source="warden",result="duplicate"} 1',
        'signalbox_alerts_received_total{source="warden",result="quarantined"} 2',
        'signalbox_alerts_routed_total{route="urgent"} 2',
        'signalbox_alerts_unrouted_total{source="warden"} 2',
        'signalbox_answer_seconds_count{source="warden"} 2',
        'signalbox_answer_seconds_sum{source="warden"} 0.008',
      ]),
    );
  });

  it('count what is refused, faults, and attempts by outcome and reason', async () => {
    admin.activity.next({ kind: 'refused', at, status: 404, reason: 'no such source', remoteAddress: '192.0.2.1' });
    admin.activity.next({ kind: 'fault', at, part: 'delivery', sink: 'pager', reason: 'it threw' });
    admin.activity.next(attempted({ outcome: 'delivered', answer: { status: 202 } }, 'delivered'));
    admin.activity.next(attempted({ outcome: 'delivered' }, 'delivered'));
    admin.activity.next(attempted({ outcome: 'retry', cause: 'http', answer: { status: 503 } }, 'pending'));
    admin.activity.next(attempted({ outcome: 'retry', cause: 'deadline', reason: 'after 10 s' }, 'pending'));
    expect(await scrape()).toEqual(
      expect.arrayContaining([
        'signalbox_requests_refused_total{source="",status="404"} 1',
        'signalbox_faults_total{part="delivery"} 1',
        'signalbox_deliveries_total{sink="pager",outcome="delivered",reason="http_202"} 1',
        'signalbox_deliveries_total{sink="pager",outcome="delivered",reason="none"} 1',
        'signalbox_deliveries_total{sink="pager",outcome="retry",reason="http_503"} 1',
        'signalbox_deliveries_total{sink="pager",outcome="retry",reason="deadline"} 1',
        'signalbox_received_to_delivered_seconds_count{sink="pager"} 2',
        'signalbox_received_to_delivered_seconds_sum{sink="pager"} 3',
      ]),
    );
  });

  it('show the backlog as the journal has it', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt: Date.now() - 90_000 }, { sinks: ['pager'] })]);
    await admin.journal.park('pager', 'the key was revoked');
    const series = await scrape();
    expect(series).toContain('signalbox_backlog{sink="pager",state="pending"} 1');
    expect(series).toContain('signalbox_sink_parked{sink="pager"} 1');
    const age = series.find((line) => line.startsWith('signalbox_oldest_pending_seconds{sink="pager"}'));
    expect(Number(age?.split(' ')[1])).toBeGreaterThanOrEqual(90);
  });

  it('are scraped also while the journal is away, but for the backlog', async () => {
    await admin.journal.close();
    expect(await scrape()).toContain('signalbox_alerts_routed_total{route="urgent"} 0');
  });

  it('have no more series for what vendors say', async () => {
    admin.activity.next(received([{ title: 'a' }], ['accepted'], 1));
    const before = await scrape();
    for (const title of ['b', 'c', 'd"}']) {
      admin.activity.next(received([{ title, finding: title }], ['accepted'], 1));
      admin.activity.next(received([], [], 1, `probe ${title}`));
    }
    expect((await scrape()).length).toBe(before.length);
  });
});

function received(
  reports: readonly ReportOf[],
  statuses: readonly ('accepted' | 'duplicate')[],
  unread: number,
  probe?: string,
): ReturnType<typeof receivedActivity> {
  const parts = Array.from({ length: unread }, (_, index) => ({ index, reason: `vendor's words ${index}` }));
  const request = acceptedRequest({ receivedAt: at, unread: parts, ...(probe !== undefined && { probe }) }, ...reports);
  const activity = receivedActivity(request);
  return {
    ...activity,
    alerts: activity.alerts.map((alert, index) => ({
      ...alert,
      status: statuses[index] ?? 'accepted',
      routes: alert.routes.length === 0 ? [] : ['urgent'],
    })),
  };
}

function attempted(attempt: Partial<Attempt>, next: 'delivered' | 'pending'): Activity {
  const acceptedAt = at - 1_500;
  const whole = { attempt: 1, at, durationMs: 5, outcome: 'delivered', ...attempt } as const;
  return { kind: 'attempted', at, sink: 'pager', alertId: 'a', acceptedAt, attempt: whole, next };
}
