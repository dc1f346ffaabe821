import { describe, expect, it } from '@jest/globals';
import type { AlertDraft } from '../core/alert.js';
import type { Reading, WebhookRequest } from '../core/source.js';
import { dryRun } from './dry-run.js';
import { RouteOptions } from './route.js';
import { Router } from './router.js';
import { triage, triageWhole, type NamedSource } from './triage.js';

const draft = (title: string): AlertDraft => ({
  kind: 'detection',
  state: 'open',
  severity: 'low',
  title,
  entity: { type: 'alert', id: title },
  version: '1',
  vendorIds: {},
  resources: [],
  tags: [],
  quality: [],
});
const route = (options: Pick<RouteOptions, 'name' | 'to'> & Partial<RouteOptions>): RouteOptions =>
  Object.assign(new RouteOptions(), options);

/** A source that reads what it is told to, and remembers what it was given. */
function sourceOf(read: Reading | (() => never), more: Partial<NamedSource> = {}) {
  const given: WebhookRequest[] = [];
  const source: NamedSource = {
    name: 'warden-prod',
    type: 'warden',
    vendor: 'warden',
    product: 'Warden',
    source: {
      authenticate: () => ({ ok: true, method: 'bearer' }),
      read: (request) => {
        given.push(request);
        return typeof read === 'function' ? read() : read;
      },
    },
    ...more,
  };
  return { source, given };
}

const request: WebhookRequest = {
  headers: {},
  body: Buffer.from('{"a":1}'),
  path: '/v1/ingest/x',
  remoteAddress: '::1',
};
const facts = { id: 'request-1', receivedAt: 0, sha256: 'ab'.repeat(32), contentType: 'application/json' };
const router = new Router([
  route({ name: 'all', to: ['archive', 'pager'] }),
  route({ name: 'page', to: ['pager'] }),
  route({ name: 'never', to: ['pager'], match: { title: ['nothing'] } }),
]);

describe('what is made of a request', () => {
  it('goes on where the source does, with the same request and the same decisions', () => {
    let goes = 0;
    const { source } = sourceOf({
      drafts: [draft('a')],
      unread: [],
      rest: () => {
        goes += 1;
        return { drafts: [draft('b')], unread: [{ index: 2, reason: 'odd' }] };
      },
    });
    const { rest, ...first } = triage(source, router, request, facts);
    expect(first).toMatchObject({ alerts: [{ alert: { title: 'a', raw: { ref: 'request-1' } } }], unread: [] });
    expect(goes).toBe(0);
    const next = rest?.();
    expect(next).toEqual({
      alerts: [expect.objectContaining({ routes: ['all', 'page'] })],
      unread: [{ index: 2, reason: 'odd' }],
    });
    expect(next?.alerts[0]?.alert).toMatchObject({ title: 'b', raw: { ref: 'request-1' } });
    expect(triageWhole(source, router, request, facts)).toMatchObject({
      alerts: [{ alert: { title: 'a' } }, { alert: { title: 'b' } }],
      unread: [{ index: 2, reason: 'odd' }],
    });
    const { source: probing } = sourceOf({ drafts: [], unread: [], probe: 'hello' });
    expect(triageWhole(probing, router, request, facts)).toEqual({ alerts: [], unread: [], probe: 'hello' });
  });

  it('is the whole body unread where the source breaks later on, beside what it had read', () => {
    const { source } = sourceOf({
      drafts: [draft('a')],
      unread: [],
      rest: () => {
        throw new Error('at the second');
      },
    });
    const { alerts, unread } = triageWhole(source, router, request, facts);
    expect(alerts.map(({ alert }) => alert.title)).toEqual(['a']);
    expect(unread).toEqual([{ reason: "the source's reader failed: at the second" }]);
  });

  it('is held and flagged where the vendor is to be asked, but for a test', () => {
    const { source } = sourceOf({ drafts: [draft('a'), { ...draft('b'), kind: 'test' }], unread: [] });
    const pending = new Router([
      route({ name: 'pending', to: ['pager'], match: { quality: ['enrichment_pending'] } }),
      route({ name: 'tests', to: ['lab'], match: { kind: ['test'] } }),
    ]);
    const [held, test] = triage(source, pending, request, { ...facts, receivedAt: 500 }, 10_000).alerts;
    expect(held).toMatchObject({ notBefore: 10_500, routes: ['pending'], alert: { quality: ['enrichment_pending'] } });
    expect(test).toMatchObject({ routes: ['tests'], alert: { quality: [] } });
    expect(test).not.toHaveProperty('notBefore');
  });

  it('is an alert for each draft, with where it came from and where it goes', () => {
    const { source, given } = sourceOf({ drafts: [draft('a'), draft('b')], unread: [] });
    const { alerts, unread, ...rest } = triage(source, router, request, facts);
    expect([unread, rest, given]).toEqual([[], {}, [request]]);
    expect(alerts.map(({ alert }) => alert.title)).toEqual(['a', 'b']);
    expect(alerts[0]).toMatchObject({
      alert: {
        receivedAt: '1970-01-01T00:00:00.000Z',
        source: { vendor: 'warden', product: 'Warden', sourceId: 'warden-prod' },
        raw: { ref: 'request-1', sha256: 'ab'.repeat(32), bytes: 7, contentType: 'application/json' },
      },
      routes: ['all', 'page'],
      sinks: [
        { sink: 'archive', routes: ['all'] },
        { sink: 'pager', routes: ['all', 'page'] },
      ],
    });
  });

  it('keeps what could not be read, and which probe it was', () => {
    const unread = [{ index: 1, reason: 'no title' }];
    const { source } = sourceOf({ drafts: [], unread, probe: 'hello' });
    expect(triage(source, router, request, facts)).toEqual({ alerts: [], unread, probe: 'hello' });
  });

  it.each([
    ['an error', new Error('no such field')],
    ['something else', 'no such field'],
  ])('is unread as a whole where the source throws %s', (_, thrown) => {
    const { source } = sourceOf(() => {
      // What a plugin throws is not known.
      throw thrown as Error;
    });
    expect(triage(source, router, request, facts)).toEqual({
      alerts: [],
      unread: [{ reason: "the source's reader failed: no such field" }],
    });
  });

  it('does not go to the sink that it is about, nor by a route that asks for no other', () => {
    const reading = { drafts: [draft('a')], unread: [] };
    const about = sourceOf(reading, { about: ({ title }) => (title === 'a' ? 'pager' : undefined) });
    expect(triage(about.source, router, request, facts).alerts).toMatchObject([
      { routes: ['all'], sinks: [{ sink: 'archive' }] },
    ]);
    const nobody = sourceOf(reading, { about: () => undefined });
    expect(triage(nobody.source, router, request, facts).alerts[0]?.routes).toEqual(['all', 'page']);
  });
});

describe('a dry run', () => {
  it('tells where each alert would go, and why', () => {
    const { source, given } = sourceOf({ drafts: [draft('a')], unread: [{ index: 1, reason: 'no title' }] });
    const told = dryRun(source, router, Buffer.from('[1,2]'), 'text/plain');
    expect(told).toMatchObject({
      source: 'warden-prod',
      alerts: [
        {
          alert: {
            title: 'a',
            raw: {
              bytes: 5,
              contentType: 'text/plain',
              sha256: '49a64717d5d4cb19952e6eac2946415cf6879adacf9908e7d872332d32c6e684',
            },
          },
          routes: ['all', 'page'],
          sinks: ['archive', 'pager'],
          reasons: [
            { route: 'all', matched: true },
            { route: 'page', matched: true },
            { route: 'never', matched: false, reason: 'title is a, wanted nothing' },
          ],
        },
      ],
      unread: [{ index: 1, reason: 'no title' }],
    });
    expect(told).not.toHaveProperty('probe');
    expect(given[0]).toMatchObject({
      headers: { 'content-type': 'text/plain' },
      path: '/v1/ingest/warden-prod',
      remoteAddress: '127.0.0.1',
    });
  });

  it('tells which probe it was', () => {
    const { source } = sourceOf({ drafts: [], unread: [], probe: 'hello' });
    expect(dryRun(source, router, Buffer.from(''), 'text/plain')).toMatchObject({ alerts: [], probe: 'hello' });
  });
});
