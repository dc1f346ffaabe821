import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readWhole } from '../../../test/support/read-whole.js';
import { startDataTheoremApi, type DataTheoremApi, type Records } from '../../../test/support/datatheorem-api.js';
import { northwind } from '../../../test/support/datatheorem-records.js';
import { openDataTheorem } from '../../../test/support/datatheorem-source.js';
import type { AlertDraft } from '../../core/alert.js';
import { PullError, type PulledPage, type PullFrom, type Reading, type Source } from '../../core/source.js';

const since = Date.UTC(2026, 1, 1);
const minuteMs = 60_000;

let server: DataTheoremApi;
let source: Source | undefined;

beforeAll(async () => {
  server = await startDataTheoremApi({ pageSize: 2 });
});
beforeEach(async () => {
  server.clear();
  server.acceptKey('results-key-1');
  server.have(northwind);
  await reopen({});
});
afterEach(() => source?.close?.());
afterAll(() => server.close());

async function reopen(options: object, api: object = {}): Promise<void> {
  await source?.close?.();
  source = openDataTheorem({
    api: { apiKey: 'results-key-1', baseUrl: server.baseUrl, allowCidrs: '127.0.0.0/8', perMinute: 10_000, ...api },
    pull: { overlap: '15m' },
    ...options,
  });
}

/** All pages of one pull. */
async function pulled(from: PullFrom = { since }, signal = new AbortController().signal): Promise<PulledPage[]> {
  const pages: PulledPage[] = [];
  if (!source?.pull) throw new Error('the source does not pull');
  for await (const page of source.pull(from, signal)) pages.push(page);
  return pages;
}

function read({ body, contentType }: PulledPage): Reading {
  if (!source) throw new Error('no source is open');
  return readWhole(source.read({ headers: { 'content-type': contentType }, body, path: '/pull', remoteAddress: '' }));
}

function draftsOf(pages: readonly PulledPage[]): readonly AlertDraft[] {
  return pages.flatMap((page) => read(page).drafts);
}

const idsOf = (pages: readonly PulledPage[]) => draftsOf(pages).map(({ entity }) => entity?.id.slice(0, 16));

async function failureOf(from: PullFrom = { since }): Promise<PullError['failure']> {
  const error: unknown = await pulled(from).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PullError)) throw new Error(`no PullError: ${String(error)}`);
  return error.failure;
}

/** A violation made so many minutes after `since`. */
function violation(id: string, minutes: number, more: object = {}): Records[number] {
  return { id, date_created: new Date(since + minutes * minuteMs).toISOString(), exception_type: null, ...more };
}

describe('the first pull', () => {
  it('brings what was made since then, violations and targets, each with its title', async () => {
    const pages = await pulled();
    expect(draftsOf(pages).map(({ title, state }) => [title, state])).toEqual([
      ['TLS 1.0 Accepted (pay.northwind.example)', 'open'],
      ['No Rate Limit (POST at https://api.northwind.example/v2/orders)', 'open'],
      ['TLS 1.0 Accepted (northwind-exports)', 'closed'],
      ['Keys are kept outside of the keystore (Northwind Wallet)', 'resolved'],
      ['Keys are kept outside of the keystore (Northwind Wallet)', 'open'],
    ]);
    expect(pages.map(({ isLast }) => isLast)).toEqual([false, false, true]);
  });

  it('asks for each finding and each app once', async () => {
    await pulled();
    const asked = server.requests.map(({ path }) => path.replace('/apis/mobile_security/results/v2', ''));
    expect(asked.slice(2)).toEqual([
      '/security_finding_targets?results_since=2026-02-01T00%3A00%3A00.000Z',
      '/security_findings/4738291056473829',
      '/mobile_apps/5647382910564738',
    ]);
  });

  it('goes on behind the page that was kept', async () => {
    const [first] = await pulled();
    await reopen({});
    const rest = await pulled({ cursor: first?.cursor ?? '', since });
    expect(idsOf(rest)).toEqual(['2e5d9ba1-6c7f-4a', '6182736455647383', '6182736455647382']);
  });

  it('reads only the lists that the config names', async () => {
    await reopen({}, { products: 'mobile' });
    expect(idsOf(await pulled())).toEqual(['6182736455647383', '6182736455647382']);
    await reopen({}, { products: ['api'] });
    expect(draftsOf(await pulled())).toHaveLength(3);
  });

  it('passes old pages over', async () => {
    await reopen({}, { products: 'api' });
    const old = Array.from({ length: 250 }, (_, n) => violation(`old-${n}`, -n - 1));
    server.have({ policy_violations: [...old, violation('new', 1), ...old] });
    const pages = await pulled();
    expect(pages.map((page) => read(page).drafts.length)).toEqual([0, 1, 0, 0]);
    expect(server.requests).toHaveLength(251);
  });

  it('tells the oldest of a page first', async () => {
    server.have({ policy_violations: [violation('b', 2), violation('a', 1)] });
    expect(idsOf(await pulled())).toEqual(['a', 'b']);
  });

  it('may find nothing', async () => {
    server.have({});
    const pages = await pulled();
    expect(draftsOf(pages)).toEqual([]);
    expect(pages.at(-1)).toMatchObject({ isLast: true });
  });
});

describe('a later pull', () => {
  async function cursorAfter(): Promise<string> {
    const pages = await pulled();
    return pages.at(-1)?.cursor ?? '';
  }

  it('brings what was made since the one before began, and what the overlap holds', async () => {
    const cursor = await cursorAfter();
    const now = (Date.now() - since) / minuteMs;
    server.have({
      policy_violations: [violation('old', now - 60), violation('late', now - 10), violation('new', now)],
    });
    expect(idsOf(await pulled({ cursor, since }))).toEqual(['late', 'new']);
  });

  it('brings what was closed since, where the vendor says when', async () => {
    const cursor = await cursorAfter();
    const closing = { exception_type: 'WONT_FIX', exception_date_created: new Date().toISOString() };
    server.have({
      policy_violations: [violation('old', 1, closing), violation('undated', 1, { exception_type: 'X' })],
    });
    const drafts = draftsOf(await pulled({ cursor, since }));
    expect(drafts).toMatchObject([{ entity: { id: 'old' }, state: 'closed', resolution: 'wont_fix' }]);
  });

  it('tells of an older target that a scan found again or found fixed, and of no other', async () => {
    const cursor = await cursorAfter();
    const targets = ['NEW', 'OPEN', 'CLOSED_FIXED', 'CLOSED_WONT_FIX'].map((current_status) => ({
      id: current_status,
      current_status,
      date_created: '2026-01-01T00:00:00Z',
    }));
    server.have({ targets: [...targets, { id: 'undated', current_status: 'OPEN' }] });
    expect(idsOf(await pulled({ cursor, since })).sort()).toEqual(['CLOSED_FIXED', 'NEW', 'undated']);
  });

  it('goes by the clock of the vendor', async () => {
    const yesterday = new Date(since + 30 * minuteMs).toUTCString();
    server.answerNext({ status: 200, body: '{"policy_violations":[]}', headers: { date: yesterday } });
    expect(JSON.parse(await cursorAfter())).toEqual({ floor: since + 15 * minuteMs });
  });

  it('never goes back behind the one before', async () => {
    server.answerNext({ status: 200, body: '{"policy_violations":[]}', headers: { date: new Date(0).toUTCString() } });
    expect(JSON.parse(await cursorAfter())).toEqual({ floor: since });
  });

  it('begins anew where its place cannot be read', async () => {
    expect(await failureOf({ cursor: '{"flo', since })).toMatchObject({ kind: 'lost' });
    expect(await failureOf({ cursor: '{"floor":-1}', since })).toMatchObject({ kind: 'lost' });
  });
});

describe('a page', () => {
  it('holds what its violations refer to, and nothing else', async () => {
    await reopen({}, { products: 'api' });
    const [, second] = await pulled();
    expect(JSON.parse(String(second?.body))).toEqual({
      policy_violations: [northwind.policy_violations[2]],
      policy_rules: [northwind.policy_rules[0]],
      policy_rule_types: [northwind.policy_rule_types[0]],
      network_services: [],
      cloud_resources: northwind.cloud_resources,
      web_applications: [],
      restful_apis: [],
      api_operations: [],
    });
  });

  it('with what cannot be read is told once', async () => {
    server.have({ policy_violations: [{ date_created: new Date(since).toISOString() }, violation('a', 1)] });
    await reopen({}, { products: 'api' });
    const [page] = await pulled();
    expect(page && read(page)).toMatchObject({ drafts: [{ entity: { id: 'a' } }], unread: [{ index: 0 }] });
    const [later] = await pulled({ cursor: page?.cursor ?? '', since });
    expect(later && read(later)).toEqual({ drafts: [], unread: [] });
  });

  it('that leads back to one that was read ends the pull, and the list is read from its beginning', async () => {
    server.bend((_path, body) => ({ ...body, pagination_information: { next_cursor: 'Mg==' } }));
    const failure = await failureOf();
    expect(failure).toMatchObject({ kind: 'retry' });
    expect(server.requests).toHaveLength(2);
  });

  it('whose cursor the vendor has forgotten has the list read from its beginning', async () => {
    const [first] = await pulled();
    server.answerNext({ status: 400 });
    const pages: PulledPage[] = [];
    const pulling = (async () => {
      const again = source?.pull?.({ cursor: first?.cursor ?? '', since }, new AbortController().signal);
      for await (const page of again ?? []) pages.push(page);
    })();
    await expect(pulling).rejects.toMatchObject({ failure: { kind: 'retry' } });
    expect(pages).toMatchObject([{ isLast: false, cursor: JSON.stringify({ floor: since }) }]);
    expect(draftsOf(await pulled({ cursor: pages[0]?.cursor ?? '', since }))).toHaveLength(5);
  });
});

describe('a pull that fails', () => {
  it.each([401, 403])('with %i waits for an operator', async (status) => {
    server.answerNext({ status });
    expect(await failureOf()).toMatchObject({ kind: 'parked', reason: expect.stringContaining(String(status)) });
  });

  it('with 429 comes again when the vendor says', async () => {
    server.answerNext({ status: 429, headers: { 'retry-after': '600' } });
    expect(await failureOf()).toMatchObject({ kind: 'retry', afterMs: 600_000 });
  });

  it('with what is no JSON comes again', async () => {
    server.answerNext({ status: 200, body: '<html>' });
    expect(await failureOf()).toMatchObject({ kind: 'retry' });
  });

  it('at a URL that is not allowed comes again, and says why', async () => {
    await reopen({}, { baseUrl: server.baseUrl.replace('127.0.0.1', 'localhost'), allowCidrs: '10.0.0.0/8' });
    expect(await failureOf()).toMatchObject({ kind: 'retry', reason: expect.stringContaining('allowCidrs') });
    expect(server.requests).toHaveLength(0);
  });

  it('says nothing of the key', async () => {
    server.acceptKey('another');
    expect(JSON.stringify(await failureOf())).not.toContain('results-key-1');
  });

  it('by an abort throws its reason', async () => {
    const reason = new Error('enough');
    await expect(pulled({ since }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
