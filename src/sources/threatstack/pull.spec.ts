import { plainToInstance } from 'class-transformer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readWhole } from '../../../test/support/read-whole.js';
import { startThreatStackApi, type ThreatStackApi } from '../../../test/support/threatstack-api.js';
import { bakeryV1, bakeryV2, type VendorRecord } from '../../../test/support/threatstack-records.js';
import { openThreatStack } from '../../../test/support/threatstack-source.js';
import type { AlertDraft } from '../../core/alert.js';
import { toAlert, type Arrival } from '../../core/identity.js';
import { PullError, type PulledPage, type PullFrom, type Reading, type Source } from '../../core/source.js';
import { ThreatStackApiOptions } from './api-options.js';
import { dismissedSince } from './dismissals.js';
import { pull } from './pull.js';
import { openVendorApi, type VendorApi } from './vendor-api.js';

const since = Date.UTC(2026, 1, 1);
const now = Date.UTC(2026, 1, 6);
const minuteMs = 60_000;
const key = 'ts-key-1';

let server: ThreatStackApi;
let source: Source;

beforeAll(async () => {
  server = await startThreatStackApi({ apiKey: key, pageSize: 100 });
});
beforeEach(() => {
  server.clear();
  server.have(bakeryV2);
  source = open();
});
afterEach(() => source.close?.());
afterAll(() => server.close());

function apiOf(version: 1 | 2): object {
  return {
    ...{ apiKey: key, orgId: 'org-1', apiVersion: version, baseUrl: server.baseUrls[version] },
    ...(version === 2 && { userId: 'user-1' }),
    ...{ allowCidrs: '127.0.0.0/8', perMinute: 10_000 },
  };
}

function open(version: 1 | 2 = 2, block: object = {}, clock = (): number => now): Source {
  return openThreatStack({ api: apiOf(version), pull: { overlap: '15m' }, ...block }, clock);
}

async function reopen(...options: Parameters<typeof open>): Promise<void> {
  await source.close?.();
  source = open(...options);
}

function pagesFrom(from: PullFrom, signal: AbortSignal): AsyncIterable<PulledPage> {
  if (!source.pull) throw new Error('the source does not pull');
  return source.pull(from, signal);
}

/** All pages of one pull. */
async function pulled(from: PullFrom = { since }, signal = new AbortController().signal): Promise<PulledPage[]> {
  const pages: PulledPage[] = [];
  for await (const page of pagesFrom(from, signal)) pages.push(page);
  return pages;
}

function readingOf(page: PulledPage | undefined): Reading {
  const { body, contentType } = page ?? { body: Buffer.alloc(0), contentType: '' };
  return readWhole(source.read({ headers: { 'content-type': contentType }, body, path: '/pull', remoteAddress: '' }));
}

function draftsOf(pages: readonly PulledPage[]): readonly AlertDraft[] {
  return pages.flatMap((page) => {
    const { drafts, unread } = readingOf(page);
    expect(unread).toEqual([]);
    return drafts;
  });
}

const idsOf = (pages: readonly PulledPage[]) => draftsOf(pages).map(({ entity }) => entity?.id);

/** What was given before it failed, and why it did. */
async function failing(from: PullFrom = { since }): Promise<{ pages: PulledPage[]; failure: PullError['failure'] }> {
  const pages: PulledPage[] = [];
  try {
    for await (const page of pagesFrom(from, new AbortController().signal)) pages.push(page);
  } catch (error) {
    if (error instanceof PullError) return { pages, failure: error.failure };
    throw error;
  }
  throw new Error('the pull did not fail');
}

/** An alert made so many minutes after `since`. */
function made(id: string, minutes: number, more: object = {}): VendorRecord {
  const createdAt = new Date(since + minutes * minuteMs).toISOString();
  return { id, title: `Alert ${id}`, severity: 2, isDismissed: false, createdAt, ...more };
}

/** As the vendor may well list them. */
function newestFirst(alerts: readonly VendorRecord[]): readonly VendorRecord[] {
  return [...alerts].reverse();
}

describe.each([
  [1, bakeryV1],
  [2, bakeryV2],
] as const)('the first pull of API v%i', (version, records) => {
  it('brings the alerts of all states that were made since then, oldest first', async () => {
    await reopen(version);
    server.have({ ...records, alerts: newestFirst(records.alerts) });
    const pages = await pulled();
    expect(draftsOf(pages).map(({ title, state }) => [title, state])).toEqual([
      ['Shell opened by www-data', 'open'],
      ['CloudTrail Activity: security group opened by lina', 'open'],
      ['File changed in /etc', 'closed'],
    ]);
    expect(pages.map(({ isLast }) => isLast)).toEqual([true]);
    expect(idsOf(await pulled({ since: Date.UTC(2026, 1, 5) }))).toEqual([records.alerts[2].id]);
  });
});

describe('the copy of an alert that a pull brings', () => {
  const arrival: Arrival = {
    ...{ vendor: 'threatstack', product: 'Threat Stack', sourceId: 'threat-stack' },
    receivedAt: '2026-02-06T00:00:00.000Z',
    request: { id: 'r', sha256: '', bytes: 0, contentType: 'application/json' },
  };
  const identityOf = (draft: AlertDraft | undefined): readonly string[] => {
    if (!draft) throw new Error('no draft');
    const { fingerprint, dedupKey } = toAlert(draft, arrival);
    return [fingerprint, dedupKey];
  };

  it.each([
    [1, bakeryV1],
    [2, bakeryV2],
  ] as const)('of v%i is the same finding and the same report as the webhook', async (version, records) => {
    await reopen(version);
    server.have(records);
    const [first] = records.alerts;
    const webhook = {
      ...{ id: first.id, title: first.title, severity: '1', created_at: '1770110791604' },
      ...{ organization_id: 'org-1', server_or_region: 'oven-1', source: 'Host' },
    };
    const body = Buffer.from(JSON.stringify({ alerts: [webhook] }));
    const [posted] = source.read({ headers: {}, body, path: '/v1/ingest/ts', remoteAddress: '192.0.2.1' }).drafts;
    const [copy] = draftsOf(await pulled());
    expect(identityOf(copy)).toEqual(identityOf(posted));
    expect(copy?.time).toBe(posted?.time);
  });

  it('that was dismissed since is another report of the same finding', async () => {
    const before = identityOf(draftsOf(await pulled())[0]);
    server.have({ alerts: [{ ...bakeryV2.alerts[0], isDismissed: true }] });
    const after = identityOf(draftsOf(await pulled())[0]);
    expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, false]);
  });
});

describe('a later pull', () => {
  it('goes back by the overlap, behind the newest alert there was', async () => {
    server.have({ alerts: [made('a', 100)] });
    const cursor = (await pulled()).at(-1)?.cursor ?? '';
    server.have({ alerts: [made('old', 84), made('late', 86), made('a', 100), made('new', 101)] });
    expect(idsOf(await pulled({ cursor, since }))).toEqual(['late', 'a', 'new']);
  });

  it('does not go back where the one before was cut', async () => {
    server.have({ alerts: [made('a', 100), made('b', 101), made('c', 102)] });
    const cursor = JSON.stringify({ at: new Date(since + 101 * minuteMs).toISOString(), isCaughtUp: false });
    expect(idsOf(await pulled({ cursor, since }))).toEqual(['b', 'c']);
  });

  it('brings what was dismissed since, though it was made long before', async () => {
    const at = (minutes: number) => new Date(since + minutes * minuteMs).toISOString();
    server.have({ alerts: [made('a', 100), made('b', 110), made('c', 200)] });
    const cursor = (await pulled()).at(-1)?.cursor ?? '';
    const dismissed = { isDismissed: true, dismissReason: 'MAINTENANCE' };
    server.have({
      alerts: [
        made('long ago', 99, { ...dismissed, dismissedAt: at(120) }),
        made('a', 100, { ...dismissed, dismissedAt: at(201) }),
        made('nobody knows when', 101, dismissed),
        made('b', 110),
        made('c', 200),
        made('d', 210),
      ],
    });
    const drafts = draftsOf(await pulled({ cursor, since }));
    expect(drafts.map(({ entity, state }) => [entity?.id, state])).toEqual([
      ['a', 'closed'],
      ['nobody knows when', 'closed'],
      ['c', 'open'],
      ['d', 'open'],
    ]);
    await reopen(2, { api: { ...apiOf(2), dismissals: '30m' } });
    expect(idsOf(await pulled({ cursor, since }))).toEqual(['c', 'd']);
  });

  it('looks back less far for what was dismissed where that is too much', async () => {
    const api = openVendorApi(plainToInstance(ThreatStackApiOptions, apiOf(2)));
    const dismissed = (n: number) => made(`d-${String(n)}`, n, { isDismissed: true });
    server.have({ alerts: Array.from({ length: 400 }, (_, n) => dismissed(n)) });
    const lookBack = { made: since + 400 * minuteMs, lookBackMs: 400 * minuteMs, most: 120 };
    const { alerts } = await dismissedSince(api, lookBack, new AbortController().signal);
    expect(alerts.map(({ alert }) => alert['id'])).toEqual(
      Array.from({ length: 100 }, (_, n) => `d-${String(300 + n)}`),
    );
    await api.close();
  });

  it('is not led astray by a clock of ours that is ahead', async () => {
    server.have({ alerts: [made('a', 100)] });
    await reopen(2, {}, () => now + 30 * 86_400_000);
    const cursor = (await pulled()).at(-1)?.cursor ?? '';
    server.have({ alerts: [made('b', 101)] });
    expect(idsOf(await pulled({ cursor, since }))).toEqual(['b']);
  });

  it('brings what the vendor dates later than our clock', async () => {
    await reopen(2, {}, () => since + 60 * minuteMs);
    server.have({ alerts: [made('a', 100), made('nonsense', 20 * 525_600)] });
    const pages = await pulled();
    expect(idsOf(pages)).toEqual(['a', 'nonsense']);
    server.have({ alerts: [made('b', 101)] });
    expect(idsOf(await pulled({ cursor: pages.at(-1)?.cursor ?? '', since }))).toEqual(['b']);
  });

  it.each(['', 'x', '{}', '{"at":"never","isCaughtUp":true}', '[1]', '{"at":"2026-02-01T00:00:00.000Z"}'])(
    'with the cursor %j says that its place is lost',
    async (cursor) => {
      expect((await failing({ cursor, since })).failure.kind).toBe('lost');
      expect(server.requests).toHaveLength(0);
    },
  );

  it('may find nothing', async () => {
    server.have({});
    const pages = await pulled();
    expect(pages).toHaveLength(1);
    expect(pages[0]).toMatchObject({ isLast: true, cursor: '{"at":"2026-02-01T00:00:00.000Z","isCaughtUp":true}' });
    expect(readingOf(pages[0])).toEqual({ drafts: [], unread: [] });
  });
});

describe('a backlog', () => {
  const limits = { atOnce: 120, atMost: 300, onPage: 25 };
  let api: VendorApi;
  beforeEach(() => {
    api = openVendorApi(plainToInstance(ThreatStackApiOptions, apiOf(2)));
  });
  afterEach(() => api.close());

  const backlog = (): AsyncGenerator<PulledPage> =>
    pull(api, { overlapMs: 0, dismissedMs: 0, now: () => now, limits }, { since }, new AbortController().signal);

  it('of more alerts than are read at once comes oldest first all the same, in pages', async () => {
    const many = Array.from({ length: 600 }, (_, n) => made(`a-${String(n)}`, 11 * n));
    server.have({ alerts: newestFirst(many) });
    const pages: PulledPage[] = [];
    for await (const page of backlog()) pages.push(page);
    expect([...new Set(idsOf(pages))]).toEqual(many.map(({ id }) => id));
    expect(Math.max(...pages.map((page) => readingOf(page).drafts.length))).toBeLessThanOrEqual(25);
    expect(pages.map(({ isLast }) => isLast).indexOf(true)).toBe(pages.length - 1);
    const cursors = pages.map(({ cursor }) => cursor);
    expect(cursors).toEqual([...cursors].sort());
  });

  it('of one second comes whole', async () => {
    const many = Array.from({ length: 250 }, (_, n) => made(`a-${String(n)}`, 10));
    server.have({ alerts: [...many, made('later', 20)] });
    const ids = new Set<string | undefined>();
    for await (const page of backlog()) for (const id of idsOf([page])) ids.add(id);
    expect(ids.size).toBe(251);
  });

  it('of a vendor that does not heed the time it is asked for ends in an error, with what there is', async () => {
    const all = Array.from({ length: 400 }, (_, n) => made(`a-${String(n)}`, n));
    server.bend((request, body) => {
      const token = Number(Buffer.from(new URL(request.path, server.url).searchParams.get('token') ?? '', 'base64'));
      const next = Buffer.from(String(token + 100)).toString('base64');
      return Array.isArray((body as { alerts?: unknown }).alerts)
        ? { alerts: all.slice(token, token + 100), token: token + 100 < all.length ? next : null }
        : body;
    });
    let given = 0;
    const pulling = (async () => {
      for await (const page of backlog()) given += idsOf([page]).length;
    })();
    await expect(pulling).rejects.toThrow('does not heed the time');
    expect(given).toBe(300);
  });

  it('is asked for no faster than it is taken', async () => {
    server.have({ alerts: newestFirst(Array.from({ length: 600 }, (_, n) => made(`a-${String(n)}`, 11 * n))) });
    const pages = backlog();
    expect((await pages.next()).done).toBe(false);
    const asked = server.requests.length;
    await pages.next();
    expect(server.requests.length).toBe(asked);
    await pages.return(undefined);
  });
});

describe('what the vendor says it has', () => {
  const totalsOf = async (from: PullFrom) => (await pulled(from)).at(-1)?.totals;

  it('comes with the last page, by day, for the days that pulls cover whole', async () => {
    expect(await totalsOf({ since: Date.UTC(2026, 1, 4, 12) })).toEqual({ '2026-02-05': 1, '2026-02-06': 0 });
    expect(await totalsOf({ since: Date.UTC(2026, 1, 4) })).toEqual({
      '2026-02-04': 1,
      '2026-02-05': 1,
      '2026-02-06': 0,
    });
  });

  it('is asked for three days at most', async () => {
    expect(Object.keys((await totalsOf({ since })) ?? {})).toHaveLength(3);
  });

  it('may be nothing: the alerts come without it', async () => {
    server.bend((request, body) => (request.path.includes('severity-counts') ? {} : body));
    const pages = await pulled();
    expect(idsOf(pages)).toHaveLength(3);
    expect(pages.at(-1)).not.toHaveProperty('totals');
    await reopen(1);
    server.have(bakeryV1);
    expect(await totalsOf({ since })).toBeUndefined();
  });
});

describe('a vendor in trouble', () => {
  it.each([401, 403, 404])('that answers %i parks the pull', async (status) => {
    server.answerNext({ status });
    const { failure } = await failing();
    expect(failure).toMatchObject({ kind: 'parked', reason: expect.stringContaining(String(status)) });
    expect(server.requests).toHaveLength(1);
  });

  it('that does not know the key any longer parks the pull, and is asked again once it does', async () => {
    server.acceptKey('another');
    expect((await failing()).failure.kind).toBe('parked');
    server.acceptKey(key);
    expect(idsOf(await pulled())).toHaveLength(3);
  });

  it('that answers 429 is asked again when it says', async () => {
    server.answerNext({ status: 429, headers: { 'retry-after': '600' } });
    expect((await failing()).failure).toMatchObject({ kind: 'retry', afterMs: 600_000 });
  });

  it('that answers 400 is asked again', async () => {
    server.answerNext({ status: 400, body: '{"errors":["no"]}' });
    expect((await failing()).failure).toEqual({ kind: 'retry', reason: 'Threat Stack answered 400: no' });
  });

  it('whose pages repeat gives what there is, stays where it is, and is asked again', async () => {
    server.bend((_request, body) => ({ ...(body as object), token: 'MA==' }));
    const { pages, failure } = await failing();
    expect(idsOf(pages)).toEqual([bakeryV2.alerts[0].id, bakeryV2.alerts[1].id]);
    expect(pages[0]).toMatchObject({ cursor: '{"at":"2026-02-01T00:00:00.000Z","isCaughtUp":false}', isLast: false });
    expect(failure).toMatchObject({ kind: 'retry', reason: expect.stringContaining('lead back') });
  });

  it('whose pages are empty for ever is given up', async () => {
    let n = 0;
    server.bend(() => ({ alerts: [], token: Buffer.from(String((n += 1))).toString('base64') }));
    const { pages, failure } = await failing();
    expect(pages).toEqual([]);
    expect(failure).toMatchObject({ kind: 'retry', reason: expect.stringContaining('nothing in them') });
    expect(server.requests).toHaveLength(20);
  });

  it('that skipped a page gives what was on it with the next overlap', async () => {
    server.have({ alerts: [made('a', 100), made('b', 101), made('c', 102)] });
    let skipped = false;
    server.bend((_request, body) => {
      const alerts = (body as { alerts?: readonly VendorRecord[] }).alerts;
      if (skipped || !alerts) return body;
      skipped = true;
      return { ...(body as object), alerts: alerts.filter(({ id }) => id !== 'b') };
    });
    const pages = await pulled();
    expect(idsOf(pages)).toEqual(['a', 'c']);
    expect(idsOf(await pulled({ cursor: pages.at(-1)?.cursor ?? '', since }))).toContain('b');
  });

  it('whose alerts have odd times, ids and shapes gives them as they are', async () => {
    const odd = [
      { id: 7, title: 'x' },
      { title: 'no id' },
      { id: 'y', createdAt: 'never' },
      { id: 'z', createdAt: null },
    ];
    server.bend((request) => ({ alerts: request.path.includes('dismissed') ? [] : odd, token: null }));
    const [page] = await pulled();
    expect(JSON.parse(String(page?.body))).toEqual({ alerts: odd });
  });
});

describe('an abort', () => {
  it('ends a pull with its reason', async () => {
    const reason = new Error('the router stops');
    await expect(pulled({ since }, AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    server.answerNext({ status: 200, body: '{}', delayMs: 5_000 });
    const pulling = pulled({ since }, stop.signal);
    setTimeout(() => {
      stop.abort(reason);
    }, 50);
    await expect(pulling).rejects.toBe(reason);
  });
});

describe('a source', () => {
  it.each<[string, object]>([
    ['userId must be the id of a user', { apiKey: 'k', orgId: 'o' }],
    ['orgId', { apiKey: 'k', userId: 'u' }],
    ['apiKey', { orgId: 'o', userId: 'u' }],
    ['baseUrl', { apiKey: 'k', orgId: 'o', userId: 'u', baseUrl: 'http://127.0.0.1/v2' }],
  ])('whose api is wrong says %s', (complaint, api) => {
    expect(() => openThreatStack({ api })).toThrow(complaint);
  });

  it('without a pull does not pull', async () => {
    await reopen(2, { pull: undefined });
    expect(Object.keys(source)).not.toContain('pull');
    expect(Object.keys(openThreatStack({}))).not.toContain('lookup');
  });
});
