import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readWhole } from '../../../test/support/read-whole.js';
import { startAlertLogicApi, type AlertLogicApi } from '../../../test/support/alertlogic-api.js';
import { incident } from '../../../test/support/alertlogic-records.js';
import { openAlertLogic } from '../../../test/support/alertlogic-source.js';
import { toAlert } from '../../core/identity.js';
import { PullError, type PulledPage, type PullFrom, type Source } from '../../core/source.js';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const since = Date.UTC(2026, 1, 14, 6);
const key = { accessKeyId: 'a1b2c3d4e5f60718', secretKey: 'secret-key-1' };

let now: number;
let server: AlertLogicApi;
let source: Source | undefined;

beforeAll(async () => {
  server = await startAlertLogicApi();
});
beforeEach(async () => {
  now = Date.UTC(2026, 1, 16, 12);
  server.clear();
  await reopen();
});
afterEach(() => source?.close?.());
afterAll(() => server.close());

async function reopen(options: object = {}): Promise<void> {
  await source?.close?.();
  const api = { ...key, baseUrl: server.url, allowCidrs: '127.0.0.0/8', perMinute: 10_000 };
  source = openAlertLogic({ api, pull: { overlap: '15m' }, ...options }, () => now);
}

async function pulled(from: PullFrom = { since }, signal = new AbortController().signal): Promise<PulledPage[]> {
  if (!source?.pull) throw new Error('the source does not pull');
  const pages: PulledPage[] = [];
  for await (const page of source.pull(from, signal)) pages.push(page);
  return pages;
}

async function failureOf(from: PullFrom = { since }): Promise<PullError['failure']> {
  const error: unknown = await pulled(from).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PullError)) throw new Error(`no PullError: ${String(error)}`);
  return error.failure;
}

const draftsIn = ({ body, contentType }: Pick<PulledPage, 'body' | 'contentType'>) => {
  const request = { headers: { 'content-type': contentType }, body, path: '/pull', remoteAddress: '' };
  return source ? readWhole(source.read(request)).drafts : [];
};
const idsOf = (pages: readonly PulledPage[]) => pages.flatMap(draftsIn).map(({ entity }) => entity?.id);

/** An incident that was made so many minutes after `since`. */
const made = (name: string, minutes: number, more: object = {}) =>
  incident({ incidentId: name, createTime: (since + minutes * minuteMs) / 1_000, ...more });

describe('the first pull', () => {
  it('brings what was made since, the oldest first, and says how many the vendor has of each whole day', async () => {
    server.have([made('C', 3_000), made('A', 10), made('B', 1_500), made('BEFORE', -10)]);
    server.order('newest-first');
    const pages = await pulled();
    expect(idsOf(pages)).toEqual(['A', 'B', 'C']);
    expect(pages.map(({ isLast }) => isLast)).toEqual([false, false, false, true]);
    expect(Object.assign({}, ...pages.map(({ totals }) => totals))).toEqual({ '2026-02-15': 1, '2026-02-16': 1 });
    expect(JSON.parse(pages.at(-1)?.cursor ?? '')).toEqual({ at: now - 15 * minuteMs, since });
  });

  it('keeps a page as the vendor sent it', async () => {
    server.have([made('A', 10)]);
    const [page] = await pulled();
    const sent = JSON.parse(String(page?.body)) as { metadata: unknown; iris_items: unknown };
    expect(sent.metadata).toMatchObject({ total_count: 1 });
    expect(sent.iris_items).toEqual([made('A', 10)]);
  });

  it('of more than a page halves its spans until they fit', async () => {
    const many = Array.from({ length: 450 }, (_, index) => made(`ID${index}`, index));
    server.have(many);
    server.order('newest-first');
    const pages = await pulled();
    expect(idsOf(pages)).toEqual(many.map((_, index) => `ID${index}`));
    expect(Math.max(...pages.map((page) => draftsIn(page).length))).toBeLessThanOrEqual(100);
    const asked = server.requests.map(({ path }) => new URL(path, 'http://x').searchParams.get('offset'));
    expect(asked.filter((offset) => offset !== null && offset !== '0')).toEqual([]);
  });

  it('of more than a page in one second brings them together', async () => {
    server.have(Array.from({ length: 250 }, (_, index) => made(`ID${index}`, 5)));
    expect(idsOf(await pulled())).toHaveLength(250);
  });

  it('goes on behind the page that was kept', async () => {
    server.have([made('A', 10), made('B', 1_500), made('C', 3_000)]);
    const [first] = await pulled();
    await reopen();
    expect(idsOf(await pulled({ cursor: first?.cursor ?? '', since: now }))).toEqual(['B', 'C']);
  });

  it('gives an incident that does not say whose it is the account that was asked', async () => {
    server.have([made('A', 10, { accountId: undefined })]);
    const [page] = await pulled();
    expect(page && draftsIn(page)).toMatchObject([{ accountId: '134310777' }]);
  });

  it('may find nothing', async () => {
    const pages = await pulled();
    expect(idsOf(pages)).toEqual([]);
    expect(pages).toMatchObject([{ isLast: true, totals: { '2026-02-15': 0, '2026-02-16': 0 } }]);
  });
});

describe('a later pull', () => {
  it('reads again what the overlap holds, and what came since', async () => {
    const [last] = await pulled();
    const minutes = (now - since) / minuteMs;
    server.have([made('OLD', minutes - 60), made('LATE', minutes - 10), made('NEW', minutes + 4)]);
    now += 5 * minuteMs;
    expect(idsOf(await pulled({ cursor: last?.cursor ?? '', since: now }))).toEqual(['LATE', 'NEW']);
  });

  it('goes by the earlier of the two clocks, and never back', async () => {
    const vendors = new Date(now - 3_600_000).toUTCString();
    server.answerNext({ status: 200, body: JSON.stringify({ iris: new URL(server.url).host }) });
    const from = { cursor: JSON.stringify({ at: now - dayMs / 4, since: now - dayMs / 4 }), since };
    server.answerNext({ status: 200, body: '{"iris_items":[]}', headers: { date: vendors } });
    const [page] = await pulled(from);
    expect(JSON.parse(page?.cursor ?? '')).toMatchObject({ at: now - 3_600_000 - 15 * minuteMs });
    server.answerNext({ status: 200, body: '{"iris_items":[]}', headers: { date: new Date(0).toUTCString() } });
    const [held] = await pulled(from);
    expect(JSON.parse(held?.cursor ?? '')).toMatchObject({ at: now - dayMs / 4 });
    now -= dayMs;
    expect(await pulled(from)).toMatchObject([{ isLast: true, cursor: from.cursor }]);
  });

  it('begins anew where its place cannot be read', async () => {
    expect(await failureOf({ cursor: '{"at', since })).toMatchObject({ kind: 'lost' });
    expect(await failureOf({ cursor: '{"at":-1,"since":0}', since })).toMatchObject({ kind: 'lost' });
  });
});

describe('an incident that a webhook and a pull bring', () => {
  const arrival = {
    vendor: 'alertlogic',
    product: 'Alert Logic MDR',
    sourceId: 'alertlogic',
    receivedAt: '2026-02-16T12:00:00.000Z',
    request: { id: 'r', sha256: '', bytes: 0, contentType: '' },
  };
  const first = made('6a71e0c4-0b1d-11f1-9c55-0a58a9feac02', 10);
  const { createtime_str, updatetime_str, ...numbered } = first;
  const dotted = {
    incidentId: first['incidentId'],
    accountId: 134310777,
    createTime: first['createTime'],
    updateTime: first['updateTime'],
    'customer_status.status': 'open',
    'incident.summary': 'Upload',
  };

  it.each([
    ['whole, by the JQ template', first],
    ['with its times as numbers', numbered],
    ['with its id in upper case', { ...first, incidentId: String(first['incidentId']).toUpperCase() }],
    ['with dotted keys and a numeric account', dotted],
  ])('%s, is one report of one finding', async (_name, posted) => {
    expect([createtime_str, updatetime_str]).toEqual([expect.any(String), expect.any(String)]);
    server.have([first]);
    const [page] = await pulled();
    const [byPull] = page ? draftsIn(page) : [];
    const [byWebhook] = draftsIn({ body: Buffer.from(JSON.stringify(posted)), contentType: 'application/json' });
    if (!byPull || !byWebhook) throw new Error('not read');
    const [a, b] = [toAlert(byPull, arrival), toAlert(byWebhook, arrival)];
    expect([a.fingerprint, a.dedupKey]).toEqual([b.fingerprint, b.dedupKey]);
  });

  it('and that was closed since is another report of the same finding', async () => {
    server.have([{ ...first, customer_status: { status: 'completed', status_change_time: '2026-02-16T11:00:00Z' } }]);
    const [page] = await pulled();
    const [closed] = page ? draftsIn(page) : [];
    const [open] = draftsIn({ body: Buffer.from(JSON.stringify(first)), contentType: 'application/json' });
    if (!closed || !open) throw new Error('not read');
    expect(toAlert(closed, arrival).fingerprint).toBe(toAlert(open, arrival).fingerprint);
    expect(toAlert(closed, arrival).dedupKey).not.toBe(toAlert(open, arrival).dedupKey);
  });
});

describe('a pull that fails', () => {
  it.each([401, 403])('with %i waits for an operator', async (status) => {
    server.nameEndpoint({ status });
    expect(await failureOf()).toMatchObject({
      kind: 'parked',
      reason: expect.stringContaining(String(status)) as unknown,
    });
  });

  it.each([
    [401, 'mfa_code_required'],
    [400, 'password_expired'],
  ])('at the sign-in with %i %s waits for an operator, and says why', async (status, error) => {
    server.answerSignIn({ status, body: JSON.stringify({ error }) });
    expect(await failureOf()).toMatchObject({ kind: 'parked', reason: expect.stringContaining(error) as unknown });
  });

  it('with 429 comes again when the vendor says', async () => {
    await pulled();
    server.answerNext({ status: 429, headers: { 'retry-after': '600' } });
    expect(await failureOf()).toMatchObject({ kind: 'retry', afterMs: 600_000 });
  });

  it('with what is no JSON comes again, as does one that may not go there', async () => {
    await pulled();
    server.answerNext({ status: 200, body: '<html>' });
    expect(await failureOf()).toMatchObject({ kind: 'retry' });
    const elsewhere = { ...key, baseUrl: server.url.replace('127.0.0.1', 'localhost'), allowCidrs: '10.0.0.0/8' };
    await reopen({ api: elsewhere });
    expect(await failureOf()).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('allowCidrs') as unknown,
    });
  });

  it('says nothing of the key', async () => {
    await reopen({ api: { accessKeyId: 'x', secretKey: 'canary-1', baseUrl: server.url, allowCidrs: '127.0.0.0/8' } });
    expect(JSON.stringify(await failureOf())).not.toContain('canary');
  });

  it('by an abort throws its reason', async () => {
    const reason = new Error('enough');
    await expect(pulled({ since }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
