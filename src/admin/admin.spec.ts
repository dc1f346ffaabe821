import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import type { Alert } from '../core/alert.js';
import { mintId } from '../core/identity.js';
import type { Delivery, Journal } from '../core/journal.js';

const receivedAt = Date.parse('2026-03-01T12:00:00Z');

let admin: AdminApp;
beforeEach(async () => {
  admin = await startAdminApp();
});
afterEach(() => admin.close());

const get = (path: string) => request(admin.url).get(path);
const read = async (path: string): Promise<unknown> => (await get(path).expect(200)).body;
const page = async (path: string) =>
  (await read(path)) as { readonly items: readonly object[]; readonly next?: string };
const post = (path: string) => request(admin.url).post(path);

describe('the health of the router', () => {
  it('is ok while the process lives and the journal can be written', async () => {
    expect(await read('/healthz')).toEqual({ status: 'ok' });
    expect(await read('/readyz')).toEqual({ status: 'ok' });
  });

  it('is not ready without its journal, and alive all the same', async () => {
    await admin.journal.close();
    const answer = await get('/readyz').expect(503);
    expect(answer.body).toMatchObject({ status: 503, detail: 'Not ready: the journal cannot be written.' });
    await get('/healthz').expect(200);
  });

  it('is degraded, and says why, while accepted alerts are missing', async () => {
    const counts = await admin.journal.counts();
    const range = { from: 4, to: 9 };
    const missing = { noticedAt: receivedAt, writes: range, requests: range, alerts: range };
    admin.journal.counts = () => Promise.resolve({ ...counts, missing: [missing] });
    expect(await read('/readyz')).toMatchObject({
      status: 'degraded',
      problems: [expect.stringContaining('accepted alerts missing: seq 4 to 9 (requests 4 to 9)')],
    });
    const { text } = await get('/metrics').expect(200);
    expect(text).toContain('signalbox_journal_gap{what="alerts",acknowledged="false"} 6');
    expect(text).toContain('signalbox_journal_gap{what="alerts",acknowledged="true"} 0');
  });

  it('is degraded, and says how full it is, while the backlog is near its limit', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, ...Array.from({ length: 8 }, () => ({})))]);
    expect(await read('/readyz')).toEqual({
      status: 'degraded',
      problems: ['the backlog is at 80 % of its limit'],
    });
    const { text } = await get('/metrics').expect(200);
    expect(text).toContain('signalbox_backlog_fill_ratio 0.8');
  });

  it('is told when somebody knows of what is missing', async () => {
    const acknowledge = jest.spyOn(admin.journal, 'acknowledge');
    await post('/api/v1/ledger/acknowledge').expect(204);
    expect(acknowledge).toHaveBeenCalledTimes(1);
  });

  it('is ready when a sink is dead', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { sinks: ['pager'] })]);
    await admin.journal.park('pager', 'the key was revoked');
    expect((await get('/readyz').expect(200)).body).toEqual({
      status: 'degraded',
      problems: ['the sink pager is parked'],
    });
  });

  it('says what runs', async () => {
    expect(await read('/version')).toEqual({
      name: 'signalbox',
      version: '1.2.3',
      node: process.version,
    });
  });
});

describe('the ledger', () => {
  const from = '2026-03-01T12:00:00Z';

  it('has the sums, and the hours that are asked for', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { sinks: ['pager'] }, { sinks: [] })]);
    const ledger = await read(`/api/v1/ledger?from=${from}&until=2026-03-01T12:00:01Z`);
    const source = { source: 'warden', received: 2, accepted: 2, routed: 1, unrouted: 1, balanced: true };
    const lines = { sources: [source], sinks: [{ sink: 'pager', owed: 1, pending: 1, balanced: true }] };
    expect(ledger).toMatchObject({
      balanced: true,
      totals: lines,
      hours: [{ hour: '2026-03-01T12:00:00.000Z', ...lines }],
    });
  });

  it('shows the last day by default', async () => {
    const now = Date.now();
    await admin.journal.append([acceptedRequest({ receivedAt: now - 90_000_000 }, {})]);
    await admin.journal.append([acceptedRequest({ receivedAt: now }, {})]);
    expect(await read('/api/v1/ledger')).toMatchObject({ hours: [{ sources: [{ accepted: 1 }] }] });
  });

  it('is in the metrics too', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt, probe: 'hello' }, { sinks: ['pager'] }, { sinks: [] })]);
    await admin.journal.park('pager', 'the key was revoked');
    const { text } = await get('/metrics').expect(200);
    for (const line of [
      'signalbox_ledger_items{source="warden",state="received"} 3',
      'signalbox_ledger_items{source="warden",state="probes"} 1',
      'signalbox_ledger_items{source="warden",state="routed"} 1',
      'signalbox_ledger_deliveries{sink="pager",state="owed"} 1',
      'signalbox_ledger_deliveries{sink="pager",state="parked"} 1',
      'signalbox_ledger_deliveries{sink="pager",state="pending"} 0',
      'signalbox_ledger_balanced 1',
    ])
      expect(text).toContain(`${line}\n`);
  });
});

describe('the routes', () => {
  it('are shown in order, with what they match, where to, and how many alerts they took', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { routes: ['rest'] }, { routes: ['rest', 'urgent'] })]);
    expect(await read('/api/v1/routes')).toEqual({
      items: [
        { name: 'urgent', match: { severity: ['>=high'] }, sinks: ['pager'], final: false, alerts: 1 },
        { name: 'rest', match: { title: ['*disk*'] }, sinks: ['archive', 'pager'], final: true, alerts: 2 },
      ],
    });
  });

  it('can be tried with a body, without any effect', async () => {
    const seen: unknown[] = [];
    admin.activity.subscribe((activity) => seen.push(activity));
    const answer = await post('/api/v1/routes/test?source=warden')
      .set('content-type', 'text/plain')
      .send('{"title":"disk is full","severity":"low"}')
      .expect(200);
    expect(answer.body).toMatchObject({
      source: 'warden',
      alerts: [
        {
          alert: { title: 'disk is full', severity: 'low', source: { sourceId: 'warden' } },
          routes: ['rest'],
          sinks: ['archive', 'pager'],
          reasons: [
            { route: 'urgent', matched: false, reason: expect.stringContaining('severity is low') },
            { route: 'rest', matched: true, reason: expect.stringContaining('*disk*') },
          ],
        },
      ],
      unread: [],
    });
    expect(await read('/api/v1/alerts')).toEqual({ items: [] });
    expect(seen).toEqual([]);
  });

  it('say what could not be read of a body', async () => {
    const answer = await post('/api/v1/routes/test?source=warden').send({ name: 'no title' }).expect(200);
    expect(answer.body).toMatchObject({ alerts: [], unread: [{ reason: 'it has no title' }] });
    const broken = await post('/api/v1/routes/test?source=warden').expect(200);
    expect(broken.body).toMatchObject({ alerts: [], unread: [{ reason: expect.stringContaining('reader failed') }] });
  });

  it('cannot be tried for a source that is not configured, or with a body beyond the limit', async () => {
    await post('/api/v1/routes/test?source=other').send('{}').expect(404);
    await post('/api/v1/routes/test').send('{}').expect(400);
    await post('/api/v1/routes/test?source=warden').send('x'.repeat(10_001)).expect(413);
  });
});

describe('the sources', () => {
  it('are shown with what they sent', async () => {
    await admin.journal.append([
      acceptedRequest({ receivedAt, unread: [{ reason: 'not JSON' }] }, { sinks: [] }),
      acceptedRequest({ receivedAt, probe: 'hello' }),
    ]);
    const counts = { requests: 2, accepted: 1, duplicates: 0, quarantined: 1, probes: 1, unrouted: 1 };
    expect(await read('/api/v1/sources')).toEqual({
      items: [{ name: 'warden', type: 'warden', vendor: 'warden', product: 'Warden', counts }],
    });
  });
});

describe('a source that pulls', () => {
  beforeEach(async () => {
    await admin.close();
    admin = await startAdminApp({ pulls: true });
    await admin.journal.beginPull('warden', receivedAt);
  });

  it('is shown with how its pull does', async () => {
    const pull = { cursor: 'c', isLast: true };
    await admin.journal.append([acceptedRequest({ receivedAt, pull }, {})]);
    const time = new Date(receivedAt).toISOString();
    const shown = { state: 'waiting', next: '2026-03-01T12:05:00.000Z', from: time, page: time, caughtUp: time };
    expect(await read('/api/v1/sources')).toMatchObject({ items: [{ name: 'warden', pull: shown }] });
  });

  it('can have its pull parked and resumed by hand, and is ready but degraded meanwhile', async () => {
    await post('/api/v1/sources/warden/pull/park').send({ reason: 'key rotation' }).expect(204);
    const parked = { state: 'parked', reason: 'key rotation', since: expect.any(String), parkedBy: 'operator' };
    expect(await read('/api/v1/sources')).toMatchObject({ items: [{ pull: parked }] });
    const problems = ['the pull of the source warden is parked'];
    expect(await read('/readyz')).toEqual({ status: 'degraded', problems });
    await post('/api/v1/sources/warden/pull/resume').expect(204);
    expect(await read('/api/v1/sources')).toMatchObject({ items: [{ pull: { state: 'waiting' } }] });
  });

  it('is none where it does not', async () => {
    await post('/api/v1/sources/other/pull/park').expect(404);
    await post('/api/v1/sources/other/pull/resume').expect(404);
  });

  it('has its days reconciled, by default those of the last week', async () => {
    const now = Date.now();
    const day = new Date(now - 60_000).toISOString().slice(0, 10);
    const pull = { cursor: 'c', isLast: true, totals: { [day]: 3, '2026-02-01': 1 } };
    await admin.journal.append([acceptedRequest({ receivedAt: now }, { finding: 'a' })]);
    await admin.journal.append([acceptedRequest({ receivedAt: now, pull }, { finding: 'a' }, { finding: 'b' })]);
    const sums = { vendor: 3, vendorBy: 'vendor', webhook: 1, recovered: 1, changes: 0, missing: 1 };
    expect(await read('/api/v1/reconciliation')).toEqual({
      complete: false,
      days: [{ source: 'warden', day, ...sums }],
    });
    const before = await read('/api/v1/reconciliation?from=2026-02-01&until=2026-02-02');
    expect(before).toMatchObject({ complete: false, days: [{ day: '2026-02-01', vendor: 1, missing: 1 }] });
    expect(await read('/api/v1/reconciliation?from=2026-01-01&until=2026-02-01')).toEqual({ complete: true, days: [] });
    await get('/api/v1/reconciliation?from=yesterday').expect(400);
  });
});

describe('the sinks', () => {
  it('are shown with their backlog and its age, also one that left the config', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { sinks: ['pager', 'gone'] })]);
    const counts = { delivered: 0, dead: 0, superseded: 0 };
    const oldest = '2026-03-01T12:00:00.000Z';
    const oldestSeconds = expect.any(Number);
    expect(await read('/api/v1/sinks')).toEqual({
      items: [
        { name: 'pager', type: 'webhook', state: 'running', backlog: 1, oldest, oldestSeconds, ...counts },
        { name: 'archive', type: 'file', state: 'running', backlog: 0, ...counts },
        { name: 'gone', state: 'unconfigured', backlog: 1, oldest, oldestSeconds, ...counts },
      ],
    });
  });

  it('can be parked and resumed by hand', async () => {
    const seen: string[] = [];
    admin.activity.subscribe(({ kind }) => seen.push(kind));
    await post('/api/v1/sinks/pager/park').send({ reason: 'key rotation' }).expect(204);
    const parked = {
      name: 'pager',
      state: 'parked',
      reason: 'key rotation',
      since: expect.any(String),
      parkedBy: 'operator',
    };
    expect(await read('/api/v1/sinks')).toMatchObject({ items: [parked, {}] });
    await post('/api/v1/sinks/pager/resume').expect(204);
    expect(await read('/api/v1/sinks')).toMatchObject({ items: [{ name: 'pager', state: 'running' }, {}] });
    await post('/api/v1/sinks/pager/park').expect(204);
    expect(seen).toEqual(['parked', 'resumed', 'parked']);
    await post('/api/v1/sinks/nowhere/park').expect(404);
    await post('/api/v1/sinks/pager/park').send({ because: 'x' }).expect(400);
  });

  it('can have what they are owed given up only once they are gone from the config', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { sinks: ['gone'] })]);
    expect((await post('/api/v1/sinks/gone/give-up').expect(200)).body).toEqual({ givenUp: 0, left: 1 });
    await post('/api/v1/sinks/pager/give-up').expect(409);
    await post('/api/v1/sinks/nowhere/give-up').expect(404);
  });

  it('can be tried with a test event', async () => {
    const answer = await post('/api/v1/sinks/pager/test').expect(200);
    expect(answer.body).toEqual({ outcome: 'retry', cause: 'network', reason: 'nobody is there', durationMs: 1 });
    await post('/api/v1/sinks/nowhere/test').expect(404);
  });
});

describe('the config', () => {
  it('that cannot be used is refused with the line to mend', async () => {
    const answer = await post('/api/v1/reload').expect(422);
    expect(answer.body).toMatchObject({ detail: expect.stringContaining('c.yaml:1:1: there is no config') as unknown });
  });
});

describe('the alerts', () => {
  it('are listed newest first, in pages', async () => {
    for (const title of ['first', 'second', 'third']) {
      await admin.journal.append([acceptedRequest({ receivedAt }, { title })]);
    }
    const first = await page('/api/v1/alerts?limit=2');
    expect(first.items).toMatchObject([{ title: 'third' }, { title: 'second' }]);
    const second = await page(`/api/v1/alerts?limit=2&cursor=${String(first.next)}`);
    expect(second.items).toMatchObject([{ title: 'first' }]);
    expect(second).not.toHaveProperty('next');
  });

  it.each([
    ['severity=critical', ['fire']],
    ['source=warden', ['fire', 'smoke']],
    ['source=other', []],
    ['state=open&kind=detection', ['fire', 'smoke']],
    ['sink=archive', ['smoke']],
    ['sink=archive&deliveryState=delivered', []],
    ['unrouted=true', ['fire']],
    ['unrouted=false', ['smoke']],
    ['from=2026-03-01T12:00:01Z', ['fire']],
    ['until=2026-03-01T13:00:00%2B01:00', []],
    ['from=2026-03-01&until=2026-03-01T12:00:01.000Z', ['smoke']],
    [`fingerprint=${'0'.repeat(64)}`, []],
  ])('are filtered by %s', async (query, titles) => {
    await admin.journal.append([
      acceptedRequest({ receivedAt }, { title: 'smoke', sinks: ['archive'] }),
      acceptedRequest({ receivedAt: receivedAt + 2_000 }, { title: 'fire', severity: 'critical', sinks: [] }),
    ]);
    const { items } = await page(`/api/v1/alerts?${query}`);
    expect(items).toMatchObject(titles.map((title) => ({ title })));
  });

  it.each([
    'limit=0',
    'limit=501',
    'limit=many',
    'severity=awful',
    'unrouted=maybe',
    'from=yesterday',
    'fingerprint=abc',
    'cursor=%00',
    'colour=red',
    'source=a&source=b',
  ])('are not filtered by %s', async (query) => {
    const answer = await get(`/api/v1/alerts?${query}`)
      .expect(400)
      .expect('content-type', /problem\+json/);
    const name = query.slice(0, query.indexOf('='));
    expect(answer.body).toMatchObject({ type: 'about:blank', title: 'Bad Request', status: 400, errors: [{ name }] });
  });

  it('explain where they went: each route with its reason, each delivery with its attempts', async () => {
    const [receipt] = await admin.journal.append([
      acceptedRequest({ receivedAt }, { title: 'disk is full', severity: 'low', sinks: ['pager'], routes: ['rest'] }),
    ]);
    const id = receipt?.alerts[0]?.id ?? '';
    const delivery = await claimOne(admin.journal, 'pager');
    const attempt = { attempt: 1, at: receivedAt, durationMs: 12, outcome: 'retry', reason: 'it was busy' } as const;
    const next = { kind: 'pending', dueAt: receivedAt + 60_000 } as const;
    await admin.journal.settle([{ sink: 'pager', lease: delivery.lease, attempt, next }]);

    expect(await read(`/api/v1/alerts/${id}`)).toMatchObject({
      alert: { id, title: 'disk is full', action: 'create' },
      duplicates: 0,
      routes: ['rest'],
      reasons: [
        { route: 'urgent', matched: false, reason: expect.stringContaining('severity') },
        { route: 'rest', matched: true },
      ],
      goneRoutes: [],
      routesSince: 0,
      request: { source: 'warden', authentication: 'bearer', remoteAddress: '192.0.2.7' },
      foundBy: 'id',
      others: { count: 0, isAll: true },
      deliveries: [
        {
          sink: 'pager',
          state: 'pending',
          attempts: 1,
          history: [{ ...attempt, waitMs: 59_988 }],
          next: { what: 'attempt 2, as soon as its turn comes' },
        },
      ],
    });
    await admin.journal.park('pager', 'the key was revoked');
    expect(await read(`/api/v1/alerts/${id}`)).toMatchObject({
      deliveries: [{ next: { what: expect.stringContaining('the key was revoked') } }],
    });
  });

  it('are explained by the routes of now, with what is otherwise than the decision of then', async () => {
    await admin.close();
    admin = await startAdminApp({ routesSince: receivedAt + 1 });
    const report = { title: 'disk is full', severity: 'low', routes: ['urgent', 'former'] } as const;
    const [receipt] = await admin.journal.append([acceptedRequest({ receivedAt }, report)]);
    expect(await read(`/api/v1/alerts/${receipt?.alerts[0]?.id ?? ''}`)).toMatchObject({
      routes: ['urgent', 'former'],
      reasons: [
        { route: 'urgent', matched: false, tookIt: true },
        { route: 'rest', matched: true, tookIt: false },
      ],
      goneRoutes: ['former'],
      routesSince: receivedAt + 1,
    });
  });

  it('are explained by the id of the vendor and by the fingerprint: the newest, and how many others', async () => {
    const versions = ['1', '2', '3'].map((version) => ({ finding: 'incident 7/b', version, sinks: ['pager'] }));
    const [receipt] = await admin.journal.append([acceptedRequest({ receivedAt }, ...versions, { finding: 'other' })]);
    const [first, second, third] = receipt?.alerts ?? [];
    const story = (await read('/api/v1/alerts/incident%207%2Fb')) as { readonly alert: Alert };
    expect(story).toMatchObject({
      alert: { id: third?.id },
      foundBy: 'vendorId',
      others: { count: 2, isAll: true, newest: [{ id: second?.id }, { id: first?.id }] },
      deliveries: [{ next: { what: `it waits for alert ${first?.id ?? ''} of the same finding, which goes first` } }],
    });
    expect(await read(`/api/v1/alerts/${story.alert.fingerprint.toUpperCase()}`)).toMatchObject({
      ...story,
      foundBy: 'fingerprint',
    });
    expect((await page('/api/v1/alerts?vendorId=incident%207%2Fb')).items).toHaveLength(3);
    expect(await read(`/api/v1/alerts/${(third?.id ?? '').toUpperCase()}`)).toMatchObject({ foundBy: 'id' });
  });

  it('are not found by an id that nobody has', async () => {
    await get(`/api/v1/alerts/${mintId()}`).expect(404);
    await get('/api/v1/alerts/..%2f..%2fetc').expect(404);
    await get('/api/v1/alerts/a%0Ab').expect(400);
    await get(`/api/v1/alerts/${'a'.repeat(301)}`).expect(400);
  });

  it('give back the exact bytes they came in, to be saved and not shown', async () => {
    const body = Buffer.from([0x3c, 0x73, 0x63, 0x72, 0x69, 0x70, 0x74, 0x3e, 0xff, 0x00]);
    const accepted = acceptedRequest({ receivedAt, body }, {});
    const [receipt] = await admin.journal.append([accepted]);
    for (const id of [receipt?.alerts[0]?.id ?? '', accepted.id]) {
      const answer = await get(`/api/v1/alerts/${id}/raw`).buffer(true).expect(200);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename="${id}.bin"`,
        'x-content-type-options': 'nosniff',
        'content-length': '10',
      });
      expect(Buffer.compare(answer.body as Buffer, body)).toBe(0);
    }
    await get(`/api/v1/alerts/${mintId()}/raw`).expect(404);
  });
});

describe('the lists of what was not simply delivered', () => {
  it('show deliveries by sink and state', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { sinks: ['pager', 'archive'] })]);
    const delivery = await claimOne(admin.journal, 'pager');
    const attempt = { attempt: 1, at: receivedAt, durationMs: 1, outcome: 'rejected', cause: 'http' } as const;
    const next = { kind: 'dead', fault: 'theirs', reason: 'HTTP 400' } as const;
    await admin.journal.settle([{ sink: 'pager', lease: delivery.lease, attempt, next }]);

    const pending = await page('/api/v1/deliveries?state=pending');
    expect(pending.items).toMatchObject([{ sink: 'archive', state: 'pending' }]);
    const dead = await page('/api/v1/dead-letters');
    expect(dead.items).toMatchObject([{ sink: 'pager', state: 'dead', fault: 'theirs', reason: 'HTTP 400' }]);
    for (const query of ['sink=archive', 'fault=ours', 'source=other', 'severity=low', 'from=2026-03-02']) {
      expect(await read(`/api/v1/dead-letters?${query}`)).toEqual({ items: [] });
    }
    const all = 'sink=pager&fault=theirs&source=warden&severity=high&from=2026-03-01&until=2026-03-02';
    expect((await page(`/api/v1/dead-letters?${all}`)).items).toHaveLength(1);
    const shown = await read(`/api/v1/dead-letters/${delivery.alert.id}`);
    expect(shown).toMatchObject({
      alert: { id: delivery.alert.id },
      deliveries: [{ sink: 'pager', history: [attempt] }],
    });
    await get(`/api/v1/dead-letters/${mintId()}`).expect(404);
    await get('/api/v1/dead-letters?fault=nobody').expect(400);
    await get('/api/v1/deliveries?state=lost').expect(400);
  });

  it('show what is quarantined, and the probes', async () => {
    await admin.journal.append([
      acceptedRequest({ receivedAt, unread: [{ index: 1, reason: 'not an object' }] }),
      acceptedRequest({ receivedAt, probe: 'set-up call' }),
    ]);
    const quarantine = await page('/api/v1/quarantine');
    expect(quarantine.items).toMatchObject([{ source: 'warden', index: 1, reason: 'not an object' }]);
    const probes = await page('/api/v1/probes');
    expect(probes.items).toMatchObject([{ source: 'warden', reason: 'set-up call' }]);
  });
});

describe('a problem', () => {
  it('is told in the same form wherever it arises', async () => {
    const missing = await get('/no/such/page')
      .expect(404)
      .expect('content-type', /problem\+json/);
    expect(missing.body).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 });
    const unread = await post('/api/v1/sinks/pager/park').set('content-type', 'application/json').send('{"a":');
    expect(unread).toMatchObject({ status: 400, type: 'application/problem+json' });
    const coding = await get('/api/v1/alerts/%ff').expect(400);
    expect(coding.type).toBe('application/problem+json');
  });

  it('of the journal is told as such, and to come again', async () => {
    await admin.journal.close();
    const answer = await get('/api/v1/alerts').expect(503).expect('retry-after', '1');
    expect(answer.body).toMatchObject({ status: 503, detail: 'The journal is not available now.' });
  });

  it('of our own is not told, but logged', async () => {
    admin.journal.counts = () => Promise.reject(new Error('SEKRET detail'));
    const answer = await get('/api/v1/sinks').expect(500);
    expect(JSON.stringify(answer.body)).not.toContain('SEKRET');
    expect(admin.lines.join('')).toContain('SEKRET detail');
  });
});

describe('the documentation of the API', () => {
  it('lists every path', async () => {
    const { paths } = (await read('/openapi.json')) as { readonly paths: object };
    expect(Object.keys(paths).sort()).toEqual([
      '/api/v1/alerts',
      '/api/v1/alerts/{id}',
      '/api/v1/alerts/{id}/raw',
      '/api/v1/audit',
      '/api/v1/backup',
      '/api/v1/dead-letters',
      '/api/v1/dead-letters/{id}',
      '/api/v1/deliveries',
      '/api/v1/instances',
      '/api/v1/ledger',
      '/api/v1/ledger/acknowledge',
      '/api/v1/probes',
      '/api/v1/quarantine',
      '/api/v1/quarantine/replay',
      '/api/v1/reconciliation',
      '/api/v1/reload',
      '/api/v1/replays',
      '/api/v1/replays/{id}',
      '/api/v1/routes',
      '/api/v1/routes/test',
      '/api/v1/sinks',
      '/api/v1/sinks/{name}/give-up',
      '/api/v1/sinks/{name}/park',
      '/api/v1/sinks/{name}/resume',
      '/api/v1/sinks/{name}/test',
      '/api/v1/sources',
      '/api/v1/sources/{name}/pull/park',
      '/api/v1/sources/{name}/pull/resume',
      '/api/v1/tail',
      '/healthz',
      '/metrics',
      '/readyz',
      '/version',
    ]);
  });

  it('has a page that loads nothing from elsewhere', async () => {
    const html = await get('/docs').expect(200).expect('content-type', /html/);
    const loaded = [...html.text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url = '']) => url);
    expect(loaded.length).toBeGreaterThan(3);
    for (const url of loaded) await get(new URL(url, 'http://x/docs').pathname).expect(200);
    expect(html.text).not.toMatch(/<script>(?!<)/);
    const policy = String(html.headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain('upgrade-insecure-requests');
  });
});

async function claimOne(journal: Journal, sink: string): Promise<Delivery> {
  for await (const [delivery] of journal.claim(sink, { count: 1 }, AbortSignal.timeout(5_000))) {
    if (delivery) return delivery;
  }
  throw new Error('nothing to claim');
}
