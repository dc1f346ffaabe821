import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { once } from 'node:events';
import { JournalUnavailableError } from '../../src/core/errors.js';
import type { Attempt, AuditEntry, Delivery, Journal, JournalContext, Settlement } from '../../src/core/journal.js';
import { mintId } from '../../src/core/identity.js';
import type { ReplayRecord, ReplayRequest, ReplaySelect, ReplayStep } from '../../src/core/replay.js';
import type { JournalOptions } from '../../src/kit/journal-options.js';
import { Comparison, modelOptions, steps, type Reopening } from './journal-model.js';
import { acceptedRequest, type ReportOf, type RequestOf } from '../support/accepted-request.js';

const minuteMs = 60_000;
const zero = { looked: 0, owed: 0, pending: 0, delivered: 0, dead: 0, outdated: 0, unconfigured: 0 };
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Opens an empty journal; whoever opened it clears away what it kept. */
export type OpenJournal = (options: Partial<JournalOptions>, context: JournalContext) => Promise<Journal>;

/** Ends a journal that nobody uses now and opens it again, where it outlives its process. */
export type ReopenJournal = (
  journal: Journal,
  how: Reopening,
  options: Partial<JournalOptions>,
  context: JournalContext,
) => Promise<Journal>;

/** What every journal promises, whatever keeps it. Call it once in the spec of each journal; `isShared`: by routers. */
export function describeJournal(
  name: string,
  open: OpenJournal,
  { reopen, isShared = false }: { readonly reopen?: ReopenJournal; readonly isShared?: boolean } = {},
): void {
  const me = { name: 'router-1', version: '1.2.3' };
  const byMe = isShared ? { instance: me.name } : {};

  describe(`the ${name} journal`, () => {
    let journal: Journal;
    let now: number;
    let opened: Journal[];

    const openWith = async (options: Partial<JournalOptions> = {}): Promise<Journal> => {
      const fresh = await open(options, { now: () => now, instance: me });
      opened.push(fresh);
      return fresh;
    };

    beforeEach(async () => {
      now = Date.UTC(2026, 4, 1, 10);
      opened = [];
      journal = await openWith();
    });

    afterEach(async () => {
      for (const each of opened) await each.close();
    });

    const request = (...reports: ReportOf[]) => acceptedRequest({ receivedAt: now }, ...reports);
    const accept = (...reports: ReportOf[]) => keep({ receivedAt: now }, ...reports);
    const keep = async (of: RequestOf, ...reports: ReportOf[]) => {
      const [receipt] = await journal.append([acceptedRequest(of, ...reports)]);
      if (!receipt) throw new Error('no receipt');
      return receipt.alerts;
    };

    /** The next batch; fails by the test's own deadline when there is none. */
    const claim = async (sink = 'pager', count = 100, whileParked = false): Promise<readonly Delivery[]> => {
      const stop = new AbortController();
      for await (const batch of journal.claim(sink, { count, whileParked }, stop.signal)) {
        stop.abort();
        return batch;
      }
      throw new Error('the claim ended');
    };

    /** What is due now: adds one delivery of a finding of its own, so that there is an answer when nothing else is. */
    const due = async (sink = 'pager'): Promise<readonly Delivery[]> => {
      const [probe] = await accept({ sinks: [sink] });
      const batch = await claim(sink, 1_000);
      const own = batch.filter((delivery) => delivery.alert.id === probe?.id);
      expect(own).toHaveLength(1);
      await journal.settle(own.map((delivery) => delivered(delivery)));
      return batch.filter((delivery) => delivery.alert.id !== probe?.id);
    };

    const attempt = (delivery: Delivery, outcome: Attempt['outcome']): Attempt => ({
      attempt: delivery.attempt,
      at: now,
      durationMs: 12,
      outcome,
      ...(outcome !== 'delivered' && { cause: 'http', reason: 'HTTP 503', answer: { status: 503, excerpt: 'busy' } }),
    });
    const settled = (delivery: Delivery, outcome: Attempt['outcome'], next: Settlement['next']): Settlement => ({
      sink: delivery.sink,
      lease: delivery.lease,
      attempt: attempt(delivery, outcome),
      next,
    });
    const delivered = (delivery: Delivery) => settled(delivery, 'delivered', { kind: 'delivered' });
    const later = (delivery: Delivery, dueAt: number) => settled(delivery, 'retry', { kind: 'pending', dueAt });
    const dead = (delivery: Delivery) =>
      settled(delivery, 'rejected', { kind: 'dead', fault: 'theirs', reason: 'HTTP 400' });
    const titles = (deliveries: readonly Delivery[]) => deliveries.map((delivery) => delivery.alert.title);
    const only = <T>(items: readonly T[]): T => {
      expect(items).toHaveLength(1);
      return items[0] as T;
    };

    describe('keeps an alert', () => {
      it('as it came, with its action, its routes and its request', async () => {
        const given = request({ finding: 'f', sinks: ['pager', 'lake'], routes: ['all', 'high'] });
        const [receipt] = await journal.append([given]);
        const { alert } = only(given.alerts);
        expect(receipt?.alerts).toEqual([{ id: alert.id, status: 'accepted' }]);
        expect(await journal.alert(alert.id)).toEqual({
          alert: { ...alert, action: 'create' },
          superseded: false,
          duplicates: 0,
          routes: ['all', 'high'],
          request: {
            id: given.id,
            source: 'warden',
            receivedAt: now,
            remoteAddress: '192.0.2.7',
            authentication: 'bearer',
            contentType: 'application/json',
            ...byMe,
          },
          deliveries: ['pager', 'lake'].map((sink) => ({
            alertId: alert.id,
            sink,
            routes: ['all', 'high'],
            state: 'pending',
            attempts: 0,
            dueAt: now,
            history: [],
          })),
        });
      });

      it('and the exact bytes of its request, by the id of either', async () => {
        for (const body of [Buffer.from([0, 255, 254, 13, 10]), Buffer.alloc(9_000, 'ab'), Buffer.alloc(0)]) {
          const given = acceptedRequest({ receivedAt: now, body }, {});
          await journal.append([given]);
          const expected = { contentType: 'application/json', body };
          expect(await journal.raw(given.id)).toEqual(expected);
          expect(await journal.raw(only(given.alerts).alert.id)).toEqual(expected);
        }
      });

      it('that matched no route, and counts it as unrouted', async () => {
        const [receipt] = await accept({ sinks: [] });
        expect((await journal.alert(receipt?.id ?? ''))?.deliveries).toEqual([]);
        expect((await journal.counts()).sources).toMatchObject([{ accepted: 1, unrouted: 1 }]);
      });

      it('in the order of the request, and says nothing of what it does not know', async () => {
        const receipts = await accept({ title: 'a' }, { title: 'b' }, { title: 'c' });
        expect(titles(await claim())).toEqual(['a', 'b', 'c']);
        expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(3);
        expect(await journal.alert('0198f000-0000-7000-8000-000000000000')).toBeUndefined();
        expect(await journal.alert('no such id')).toBeUndefined();
        expect(await journal.raw('no such id')).toBeUndefined();
      });

      it('with any text and any number of bytes in its names', async () => {
        const title = 'quote " back\\slash \u0000 \u2028 🚨 é \u202e';
        const sink = 'sink "é" 🚨';
        await accept({ title, sinks: [sink], routes: ['route\u0000 "x"'] });
        const delivery = only(await claim(sink));
        expect(delivery).toMatchObject({ sink, routes: ['route\u0000 "x"'], alert: { title } });
      });
    });

    describe('a report sent again', () => {
      const twice = { finding: 'f', version: 'v' };

      it('is a duplicate of the first, counted and not delivered again', async () => {
        const [first] = await accept(twice);
        const [second] = await accept(twice);
        expect(second).toEqual({ id: first?.id, status: 'duplicate' });
        expect(await journal.alert(first?.id ?? '')).toMatchObject({ duplicates: 1 });
        expect(await claim()).toHaveLength(1);
        expect((await journal.counts()).sources).toMatchObject([{ requests: 2, accepted: 1, duplicates: 1 }]);
      });

      it('within one request is a duplicate too', async () => {
        const [first, second, third] = await accept(twice, {}, twice);
        expect([first?.status, second?.status, third?.status]).toEqual(['accepted', 'accepted', 'duplicate']);
        expect(third?.id).toBe(first?.id);
      });

      it('many times at once is accepted once', async () => {
        const receipts = await Promise.all(Array.from({ length: 50 }, () => accept(twice)));
        const all = receipts.flat();
        expect(all.filter((receipt) => receipt.status === 'accepted')).toHaveLength(1);
        expect(new Set(all.map((receipt) => receipt.id)).size).toBe(1);
        expect(await due()).toHaveLength(1);
      });

      it('keeps the bytes it came in', async () => {
        await accept(twice);
        const again = request(twice);
        await journal.append([again]);
        expect((await journal.raw(again.id))?.body).toEqual(again.body);
      });

      it('after the window is a new alert', async () => {
        journal = await openWith({ dedupWindow: hourMs });
        const [first] = await accept(twice);
        now += hourMs - 1;
        expect(only(await accept(twice)).status).toBe('duplicate');
        now += 1;
        const [late] = await accept(twice);
        expect(late?.status).toBe('accepted');
        expect(late?.id).not.toBe(first?.id);
        now += 1;
        expect(only(await accept(twice))).toEqual({ id: late?.id, status: 'duplicate' });
      });
    });

    describe('of a finding', () => {
      it('the first report creates, a later one updates, the end closes', async () => {
        await accept({ finding: 'f', version: '1' }, { finding: 'f', version: '2' });
        await accept({ finding: 'f', version: '3', state: 'resolved' });
        await accept({ finding: 'g', version: '1', state: 'closed' });
        await accept({ finding: 'g', version: '2', updatedAt: now + 1 });
        const found = await journal.alerts({}, { limit: 10 });
        const records = await Promise.all(found.items.map(({ id }) => journal.alert(id)));
        expect(records.map((record) => record?.alert.action).reverse()).toEqual([
          'create',
          'update',
          'close',
          'close',
          'update',
        ]);
      });

      it('a late report is kept, and sent only where everything is appended', async () => {
        await accept({ finding: 'f', version: 'closed', state: 'resolved', updatedAt: now + 10 });
        const late = { finding: 'f', version: 'opened', updatedAt: now, title: 'late' };
        const given = request(
          { ...late, sinks: ['lake'] },
          { ...late, version: 'reopened', sinks: ['pager'], keepsState: true },
        );
        await journal.append([given]);
        const records = await Promise.all(given.alerts.map(({ alert }) => journal.alert(alert.id)));
        expect(records.map((record) => record?.superseded)).toEqual([true, true]);
        expect(records[1]?.deliveries).toMatchObject([{ sink: 'pager', state: 'superseded', settledAt: now }]);
        expect(titles(await claim('lake'))).toEqual(['late']);
        const first = only(await claim('pager'));
        await journal.settle([delivered(first)]);
        expect(await due('pager')).toEqual([]);
        expect((await journal.counts()).sinks).toContainEqual(
          expect.objectContaining({ sink: 'pager', superseded: 1, pending: 0 }),
        );
      });

      it('a late report does not become the newest', async () => {
        await accept({ finding: 'f', version: '1', updatedAt: now + 10 });
        await accept({ finding: 'f', version: '2', updatedAt: now });
        const [third] = await accept({ finding: 'f', version: '3', updatedAt: now + 5 });
        expect(await journal.alert(third?.id ?? '')).toMatchObject({ superseded: true });
      });

      it('one delivery is out at a time, in the order accepted', async () => {
        await accept({ finding: 'f', version: '1' }, { finding: 'g' }, { finding: 'f', version: '2' });
        await accept({ finding: 'f', version: '3' });
        const first = await claim();
        expect(titles(first)).toEqual(['Report 1 of f', 'Report v1 of g']);
        expect(await due()).toEqual([]);
        await journal.settle(first.map(delivered));
        const second = await claim();
        expect(titles(second)).toEqual(['Report 2 of f']);
        await journal.settle(second.map((delivery) => later(delivery, now + minuteMs)));
        expect(await due()).toEqual([]);
        now += minuteMs;
        const third = await claim();
        expect(titles(third)).toEqual(['Report 2 of f']);
        expect(third).toMatchObject([{ attempt: 2 }]);
        await journal.settle(third.map(dead));
        expect(titles(await claim())).toEqual(['Report 3 of f']);
      });

      it('a delivery at one sink does not hold up another sink', async () => {
        const sinks = ['pager', 'lake'];
        await accept({ finding: 'f', version: '1', sinks }, { finding: 'f', version: '2', sinks });
        await claim('pager');
        const lake = only(await claim('lake'));
        await journal.settle([delivered(lake)]);
        expect(titles(await claim('lake'))).toEqual(['Report 2 of f']);
      });
    });

    describe('a claim', () => {
      it('takes the oldest first and no more than asked for', async () => {
        await accept(...Array.from({ length: 25 }, (_, i) => ({ title: String(i) })));
        expect(titles(await claim('pager', 10))).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
        expect(titles(await claim('pager', 10))).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 10)));
        expect(await claim('pager', 10)).toHaveLength(5);
      });

      it('takes about as many bytes as asked for, and at least one delivery', async () => {
        await accept(...Array.from({ length: 10 }, () => ({ title: 'x'.repeat(5_000) })));
        const stop = new AbortController();
        const sizes: number[] = [];
        for await (const batch of journal.claim('pager', { count: 100, bytes: 20_000 }, stop.signal)) {
          sizes.push(batch.length);
          if (sizes.reduce((sum, size) => sum + size, 0) === 10) stop.abort();
        }
        expect(sizes).toEqual([3, 3, 3, 1]);
        await accept({ title: 'x'.repeat(5_000) });
        for await (const batch of journal.claim('pager', { count: 100, bytes: 1 }, AbortSignal.timeout(5_000))) {
          expect(batch).toHaveLength(1);
          break;
        }
      });

      it('hands out everything a sink must know', async () => {
        const given = request({ routes: ['all'] });
        await journal.append([given]);
        const { alert } = only(given.alerts);
        expect(only(await claim())).toEqual({
          id: expect.any(String),
          sink: 'pager',
          alert: { ...alert, action: 'create' },
          routes: ['all'],
          attempt: 1,
          acceptedAt: now,
          lease: { seq: expect.any(Number), token: expect.any(Number) },
        });
      });

      it('keeps the id of a delivery over attempts, apart from every other', async () => {
        await accept({ sinks: ['pager', 'lake'] });
        const first = only(await claim('pager'));
        const other = only(await claim('lake'));
        await journal.settle([later(first, now)]);
        expect(only(await claim('pager')).id).toBe(first.id);
        expect(other.id).not.toBe(first.id);
      });

      it('waits for the next append', async () => {
        const waiting = claim();
        await accept({ title: 'at last' });
        expect(titles(await waiting)).toEqual(['at last']);
      });

      it('waits for what a settlement sets free', async () => {
        await accept({ finding: 'f', version: '1' }, { finding: 'f', version: '2' });
        const first = only(await claim());
        const waiting = claim();
        await journal.settle([delivered(first)]);
        expect(titles(await waiting)).toEqual(['Report 2 of f']);
      });

      it('waits for the time a delivery is due', async () => {
        await accept({});
        const first = only(await claim());
        await journal.settle([later(first, now + 30)]);
        const waiting = claim();
        now += 30;
        expect(await waiting).toMatchObject([{ id: first.id, attempt: 2 }]);
      });

      it('by several at once gives nobody the same delivery', async () => {
        const stop = new AbortController();
        const taken: string[] = [];
        const work = async () => {
          for await (const batch of journal.claim('pager', { count: 3 }, stop.signal)) {
            taken.push(...batch.map((delivery) => delivery.id));
            await journal.settle(batch.map(delivered));
            if (taken.length === 60) stop.abort();
          }
        };
        const workers = [work(), work(), work(), work()];
        for (let i = 0; i < 20; i += 1) await accept({}, {}, {});
        await Promise.all(workers);
        expect(taken).toHaveLength(60);
        expect(new Set(taken).size).toBe(60);
      });

      it('ends when its signal aborts, waiting or not', async () => {
        const stop = new AbortController();
        const batches = journal.claim('pager', { count: 1 }, stop.signal)[Symbol.asyncIterator]();
        const waiting = batches.next();
        stop.abort();
        expect(await waiting).toEqual({ done: true, value: undefined });
        for await (const batch of journal.claim('pager', { count: 1 }, AbortSignal.abort())) {
          throw new Error(`claimed ${batch.length} after the end`);
        }
      });

      it('aborted while it looks leaves nothing claimed', async () => {
        await accept({});
        const stop = new AbortController();
        const batches = journal.claim('pager', { count: 1 }, stop.signal)[Symbol.asyncIterator]();
        const looking = batches.next();
        stop.abort();
        const looked = await looking;
        if (looked.done !== true)
          await journal.release(
            'pager',
            looked.value.map((delivery) => delivery.lease),
          );
        expect(await claim()).toHaveLength(1);
      });
    });

    describe('a lease', () => {
      it('that was given back makes the delivery due at once, no attempt counted', async () => {
        await accept({});
        const first = only(await claim());
        await journal.release('pager', [first.lease]);
        expect(only(await claim())).toMatchObject({ id: first.id, attempt: 1 });
      });

      it('that expired goes to somebody else, and only that one may settle', async () => {
        journal = await openWith({ lease: 40 });
        await accept({});
        const slow = only(await claim());
        const other = only(await claim());
        expect(other).toMatchObject({ id: slow.id, attempt: 1 });
        expect(await journal.settle([dead(slow)])).toBe(0);
        await journal.release('pager', [slow.lease]);
        expect(await journal.settle([delivered(other)])).toBe(1);
        expect(await journal.settle([delivered(other)])).toBe(0);
        expect(await journal.alert(slow.alert.id)).toMatchObject({
          deliveries: [{ state: 'delivered', attempts: 1 }],
        });
      });

      it('that expired may still settle while nobody else has claimed', async () => {
        journal = await openWith({ lease: 1 });
        await accept({});
        const slow = only(await claim());
        await once(AbortSignal.timeout(20), 'abort');
        expect(await journal.settle([delivered(slow)])).toBe(1);
      });

      it('that is renewed is not given to anybody else, for as long as it is', async () => {
        journal = await openWith({ lease: 300 });
        expect(journal.leaseMs).toBe(300);
        await accept({});
        const slow = only(await claim());
        for (let times = 0; times < 4; times += 1) {
          await once(AbortSignal.timeout(150), 'abort');
          expect(await due()).toEqual([]);
          expect(await journal.renew('pager', [slow.lease])).toEqual([slow.lease]);
        }
        expect(await journal.settle([delivered(slow)])).toBe(1);
      });

      it('is not renewed once somebody else has claimed, it was given back, or its delivery is settled', async () => {
        journal = await openWith({ lease: 40 });
        await accept({}, {});
        const slow = await claim();
        const [taken, back] = await claim();
        if (!taken || !back) throw new Error('two deliveries were due');
        await journal.release('pager', [back.lease]);
        await journal.settle([delivered(taken)]);
        const leases = [...slow, taken, back].map(({ lease }) => lease);
        expect(await journal.renew('pager', leases)).toEqual([]);
        expect(await journal.renew('nobody', leases)).toEqual([]);
        expect(only(await claim())).toMatchObject({ id: back.id });
      });

      it('counts among the valid ones though its neighbour does not', async () => {
        await accept({}, {});
        const [first, second] = await claim();
        if (!first || !second) throw new Error('two deliveries were due');
        const stranger = { ...delivered(first), lease: { seq: 1_000_000, token: 1 } };
        expect(await journal.settle([delivered(first), stranger, delivered(second)])).toBe(2);
      });
    });

    describe('a settlement', () => {
      it('that comes after the clock was set back waits no longer than was decided', async () => {
        await accept({});
        const retried = later(only(await claim()), now + 50);
        now -= hourMs;
        await journal.settle([retried]);
        expect(only(await claim())).toMatchObject({ attempt: 2 });
      });

      it('tells of every attempt', async () => {
        await accept({});
        const first = only(await claim());
        await journal.settle([later(first, now + 5)]);
        now += 5;
        const second = only(await claim());
        await journal.settle([settled(second, 'delivered', { kind: 'delivered', remoteId: 'evt-17' })]);
        const record = await journal.alert(first.alert.id);
        expect(record?.deliveries).toEqual([
          {
            alertId: first.alert.id,
            sink: 'pager',
            routes: ['everything'],
            state: 'delivered',
            attempts: 2,
            settledAt: now + 12,
            remoteId: 'evt-17',
            history: [attempt({ ...first }, 'retry'), attempt(second, 'delivered')].map((each, i) => ({
              ...each,
              ...byMe,
              at: i === 0 ? now - 5 : now,
            })),
          },
        ]);
      });

      it('that gives up keeps the fault and the reason', async () => {
        await accept({});
        const delivery = only(await claim());
        await journal.settle([dead(delivery)]);
        expect(await due()).toEqual([]);
        const page = await journal.deliveries({ state: 'dead' }, { limit: 10 });
        expect(page).toEqual({
          items: [
            {
              alertId: delivery.alert.id,
              sink: 'pager',
              routes: ['everything'],
              state: 'dead',
              attempts: 1,
              settledAt: now + 12,
              fault: 'theirs',
              reason: 'HTTP 400',
              receivedAt: delivery.alert.receivedAt,
              source: 'warden',
              severity: 'high',
              title: delivery.alert.title,
              answer: { status: 503, excerpt: 'busy' },
            },
          ],
        });
      });
    });

    it('says who has it, since when, and how many deliveries are out', async () => {
      await accept({}, {}, { sinks: ['lake'] });
      const startedAt = now;
      now += minuteMs;
      const [first, second] = await claim('pager', 2);
      const self = only((await journal.instances()).filter(({ isSelf }) => isSelf));
      expect(self).toMatchObject({ ...me, claims: 2 });
      const deliveries = (await journal.alert(first?.alert.id ?? ''))?.deliveries;
      expect(deliveries).toMatchObject([isShared ? { heldBy: me.name } : { state: 'pending' }]);
      expect(self).not.toHaveProperty('endedAt');
      expect(Math.abs(self.startedAt - startedAt)).toBeLessThan(minuteMs);
      expect(self.seenAt).toBeGreaterThanOrEqual(self.startedAt);
      if (!first || !second) throw new Error('two were accepted');
      await journal.settle([delivered(first)]);
      await journal.release('pager', [second.lease]);
      expect((await journal.instances())[0]).toMatchObject({ claims: 0 });
    });

    describe('a parked sink', () => {
      it('gets nothing until it is resumed, while the others go on', async () => {
        await journal.park('pager', 'HTTP 403');
        await accept({ sinks: ['pager', 'lake'] });
        expect(await claim('lake')).toHaveLength(1);
        const waiting = claim('pager');
        expect((await journal.counts()).sinks).toContainEqual({
          sink: 'pager',
          pending: 1,
          delivered: 0,
          dead: 0,
          superseded: 0,
          oldestPendingAt: now,
          parked: { reason: 'HTTP 403', since: now, by: 'router' },
        });
        expect((await journal.parkings()).sinks).toEqual(
          new Map([['pager', { reason: 'HTTP 403', since: now, by: 'router' }]]),
        );
        await journal.resume('pager');
        expect(await waiting).toHaveLength(1);
        expect((await journal.parkings()).sinks).toEqual(new Map());
        const pager = (await journal.counts()).sinks.find(({ sink }) => sink === 'pager');
        expect(pager).not.toHaveProperty('parked');
      });

      it('may settle what was out when it was parked', async () => {
        await accept({});
        const delivery = only(await claim());
        await journal.park('pager', 'HTTP 403');
        expect(await journal.settle([delivered(delivery)])).toBe(1);
      });

      it('parked again keeps the first reason and time', async () => {
        await journal.park('pager', 'HTTP 403');
        const since = now;
        now += minuteMs;
        expect(await journal.park('pager', 'HTTP 401')).toEqual({ reason: 'HTTP 403', since, by: 'router' });
        expect((await journal.counts()).sinks).toMatchObject([{ parked: { reason: 'HTTP 403', since } }]);
      });

      it('by an operator is resumed by an operator alone', async () => {
        const parked = { reason: 'key rotation', since: now, by: 'operator' as const };
        expect(await journal.park('pager', 'key rotation', 'operator')).toEqual(parked);
        now += minuteMs;
        expect(await journal.park('pager', 'HTTP 403', 'router')).toEqual(parked);
        expect(await journal.resume('pager', 'router')).toBeUndefined();
        expect((await journal.counts()).sinks).toMatchObject([{ parked }]);
        expect(await journal.resume('pager', 'operator')).toEqual(parked);
        expect((await journal.counts()).sinks[0]).not.toHaveProperty('parked');
        expect(await journal.resume('pager', 'operator')).toBeUndefined();
      });

      it('by the router may be held by an operator, and then no probe ends it', async () => {
        await journal.park('pager', 'HTTP 403', 'router');
        const since = now;
        now += minuteMs;
        const held = { reason: 'key rotation', since, by: 'operator' };
        expect(await journal.park('pager', 'key rotation', 'operator')).toEqual(held);
        expect(await journal.resume('pager', 'router')).toBeUndefined();
        expect((await journal.counts()).sinks).toMatchObject([{ parked: held }]);
      });

      it('takes the last word of several that are kept together', async () => {
        await journal.park('pager', 'key rotation', 'operator');
        const [ended, parked] = await Promise.all([journal.resume('pager'), journal.park('pager', 'HTTP 403')]);
        expect(ended?.by).toBe('operator');
        expect(parked.by).toBe('router');
        expect((await journal.counts()).sinks).toMatchObject([{ parked: { reason: 'HTTP 403', by: 'router' } }]);
      });

      it('gives deliveries to whoever wants to try it, and stays parked', async () => {
        await journal.park('pager', 'HTTP 403');
        await accept({}, {});
        const given = await claim('pager', 1, true);
        expect(given).toHaveLength(1);
        expect((await journal.counts()).sinks).toMatchObject([{ pending: 2, parked: { reason: 'HTTP 403' } }]);
      });
    });

    describe('what could not be read', () => {
      it('is listed newest first with its reason, and its bytes are kept', async () => {
        const whole = acceptedRequest({ receivedAt: now, unread: [{ reason: 'not JSON' }], body: Buffer.from('<x>') });
        const parts = acceptedRequest(
          {
            receivedAt: now + 1,
            unread: [
              { index: 1, reason: 'not an object' },
              { index: 3, reason: 'no title' },
            ],
          },
          {},
        );
        await journal.append([whole, parts]);
        const shown = { contentType: 'application/json', source: 'warden' };
        const partly = { ...shown, requestId: parts.id, receivedAt: now + 1, bytes: parts.body.length };
        const page = await journal.quarantine({ limit: 2 });
        expect(page.items).toEqual([
          { ...partly, index: 3, reason: 'no title' },
          { ...partly, index: 1, reason: 'not an object' },
        ]);
        expect(await journal.quarantine({ limit: 2, cursor: page.next ?? '' })).toEqual({
          items: [{ ...shown, requestId: whole.id, receivedAt: now, bytes: 3, reason: 'not JSON' }],
        });
        expect((await journal.raw(whole.id))?.body.toString()).toBe('<x>');
        expect((await journal.counts()).sources).toMatchObject([{ requests: 2, quarantined: 3, accepted: 1 }]);
      });

      it('is not a probe, which is recorded apart', async () => {
        const given = acceptedRequest({ receivedAt: now, probe: 'set-up call' });
        await journal.append([given]);
        expect(await journal.probes({ limit: 5 })).toMatchObject({
          items: [{ requestId: given.id, reason: 'set-up call', source: 'warden' }],
        });
        expect(await journal.quarantine({ limit: 5 })).toEqual({ items: [] });
        expect((await journal.counts()).sources).toMatchObject([{ requests: 1, probes: 1, quarantined: 0 }]);
      });
    });

    describe('the list of alerts', () => {
      const list = async (query: Parameters<Journal['alerts']>[0]) =>
        (await journal.alerts(query, { limit: 100 })).items.map((item) => item.title);

      it('is newest first, in pages that stay put while more is accepted', async () => {
        await accept(...Array.from({ length: 5 }, (_, i) => ({ title: String(i) })));
        const first = await journal.alerts({}, { limit: 2 });
        await accept({ title: 'new' });
        const second = await journal.alerts({}, { limit: 2, cursor: first.next ?? '' });
        const third = await journal.alerts({}, { limit: 2, cursor: second.next ?? '' });
        expect([first, second, third].map((page) => page.items.map((item) => item.title))).toEqual([
          ['4', '3'],
          ['2', '1'],
          ['0'],
        ]);
        expect(third.next).toBeUndefined();
      });

      it('shows each with its deliveries', async () => {
        const given = request({ finding: 'f', sinks: ['pager', 'lake'], severity: 'low' });
        await journal.append([given]);
        const { alert } = only(given.alerts);
        expect(await journal.alerts({}, { limit: 10 })).toEqual({
          items: [
            {
              id: alert.id,
              fingerprint: alert.fingerprint,
              receivedAt: alert.receivedAt,
              source: 'warden',
              kind: 'detection',
              state: 'open',
              severity: 'low',
              title: alert.title,
              superseded: false,
              routes: ['everything'],
              deliveries: [
                { sink: 'pager', state: 'pending', attempts: 0 },
                { sink: 'lake', state: 'pending', attempts: 0 },
              ],
            },
          ],
        });
      });

      it('can be narrowed by each filter and by several', async () => {
        await keep({ receivedAt: now, source: 'north' }, { title: 'a', finding: 'f', severity: 'low' });
        await keep({ receivedAt: now + 1_000, source: 'south' }, { title: 'b', state: 'closed', sinks: ['lake'] });
        await keep({ receivedAt: now + 2_000, source: 'south' }, { title: 'c', sinks: [] });
        const [fingerprint] = (await journal.alerts({ source: 'north' }, { limit: 1 })).items.map((i) => i.fingerprint);
        expect(await list({ source: 'south' })).toEqual(['c', 'b']);
        expect(await list({ source: 'nowhere' })).toEqual([]);
        expect(await list({ severity: 'low' })).toEqual(['a']);
        expect(await list({ state: 'closed' })).toEqual(['b']);
        expect(await list({ kind: 'audit' })).toEqual([]);
        expect(await list({ fingerprint: fingerprint ?? '' })).toEqual(['a']);
        expect(await list({ fingerprint: 'nonsense' })).toEqual([]);
        expect(await list({ vendorId: 'f' })).toEqual(['a']);
        // In the alert somewhere, but not as an id of the vendor's.
        expect(await list({ vendorId: 'south' })).toEqual([]);
        expect(await list({ unrouted: true })).toEqual(['c']);
        expect(await list({ unrouted: false })).toEqual(['b', 'a']);
        expect(await list({ from: now + 1_000 })).toEqual(['c', 'b']);
        expect(await list({ until: now + 1_000 })).toEqual(['a']);
        expect(await list({ sink: 'lake' })).toEqual(['b']);
        expect(await list({ source: 'south', severity: 'high', from: now + 2_000 })).toEqual(['c']);
        await journal.settle((await claim('lake')).map(delivered));
        expect(await list({ deliveryState: 'pending' })).toEqual(['a']);
        expect(await list({ sink: 'lake', deliveryState: 'delivered' })).toEqual(['b']);
        expect(await list({ sink: 'pager', deliveryState: 'delivered' })).toEqual([]);
      });
    });

    describe('the list of deliveries', () => {
      it('can be narrowed by sink and state, in pages', async () => {
        await accept({ title: 'a', sinks: ['pager', 'lake'] }, { title: 'b', sinks: ['pager'] });
        const [a] = await claim('pager', 1);
        await journal.settle(a ? [delivered(a)] : []);
        const shown = async (filter: Parameters<Journal['deliveries']>[0]) =>
          (await journal.deliveries(filter, { limit: 10 })).items.map(({ sink, state }) => `${sink} ${state}`).sort();
        expect(await shown({})).toEqual(['lake pending', 'pager delivered', 'pager pending']);
        expect(await shown({ sink: 'pager' })).toEqual(['pager delivered', 'pager pending']);
        expect(await shown({ state: 'pending' })).toEqual(['lake pending', 'pager pending']);
        expect(await shown({ sink: 'pager', state: 'delivered' })).toEqual(['pager delivered']);
        expect(await shown({ sink: 'nowhere' })).toEqual([]);
        const first = await journal.deliveries({}, { limit: 2 });
        const rest = await journal.deliveries({}, { limit: 2, cursor: first.next ?? '' });
        expect(first.items).toHaveLength(2);
        expect(rest.items).toHaveLength(1);
        expect(rest.next).toBeUndefined();
      });
    });

    describe('the list of dead letters', () => {
      const list = async (query: Parameters<Journal['deliveries']>[0]) =>
        (await journal.deliveries({ state: 'dead', ...query }, { limit: 100 })).items.map((item) => item.title);
      const giveUp = async (fault: 'theirs' | 'ours' | 'age', sink = 'pager') =>
        journal.settle(
          (await claim(sink)).map((each) => settled(each, 'rejected', { kind: 'dead', fault, reason: `by ${fault}` })),
        );

      it('can be narrowed by each filter and by several', async () => {
        await keep({ receivedAt: now, source: 'north' }, { title: 'a', severity: 'low' });
        await giveUp('theirs');
        now += 1_000;
        await keep({ receivedAt: now, source: 'south' }, { title: 'b', sinks: ['pager', 'lake'] });
        await giveUp('ours');
        await keep(
          { receivedAt: now, source: 'south' },
          { title: 'c', sinks: ['lake'] },
          { title: 'd', sinks: ['lake'] },
        );
        await giveUp('age', 'lake');
        await keep({ receivedAt: now, source: 'south' }, { title: 'still owed', sinks: ['lake'] });
        expect((await list({})).sort()).toEqual(['a', 'b', 'b', 'c', 'd']);
        expect(await list({ sink: 'pager' })).toEqual(['b', 'a']);
        expect(await list({ source: 'north' })).toEqual(['a']);
        expect(await list({ severity: 'low' })).toEqual(['a']);
        expect(await list({ fault: 'ours' })).toEqual(['b']);
        expect(await list({ fault: 'age' })).toEqual(['d', 'c', 'b']);
        expect(await list({ fault: 'age', sink: 'pager' })).toEqual([]);
        expect(await list({ until: now })).toEqual(['a']);
        expect(await list({ from: now, sink: 'pager' })).toEqual(['b']);
        expect(await list({ source: 'south', severity: 'low' })).toEqual([]);
      });

      it('comes in pages, however few of many match', async () => {
        await accept(
          ...Array.from(
            { length: 30 },
            (_, i) => ({ title: String(i), severity: i % 10 === 0 ? 'low' : 'high' }) as const,
          ),
        );
        await giveUp('theirs');
        const first = await journal.deliveries({ state: 'dead', severity: 'low' }, { limit: 2 });
        const rest = await journal.deliveries(
          { state: 'dead', severity: 'low' },
          { limit: 2, cursor: first.next ?? '' },
        );
        expect([...first.items, ...rest.items].map(({ title }) => title)).toEqual(['20', '10', '0']);
        expect(rest.next).toBeUndefined();
      });
    });

    describe('what is pending', () => {
      const kilobytes = (bytes: number): number => Math.ceil(bytes / 1_000);
      const jsonBytes = (alerts: readonly { readonly alert: object }[]): number =>
        alerts.reduce((sum, { alert }) => sum + Buffer.byteLength(JSON.stringify(alert)), 0);

      it('is counted for each delivery that is owed, in all and of each source', async () => {
        expect(journal.pending()).toEqual({ deliveries: 0, bytes: 0 });
        expect(journal.pending('nobody')).toEqual({ deliveries: 0, bytes: 0 });
        const noisy = acceptedRequest(
          { source: 'noisy', receivedAt: now },
          { sinks: ['pager', 'lake'], title: 'x'.repeat(9_000) },
          { finding: 'f' },
          { finding: 'f' },
          { sinks: [] },
        );
        const quiet = acceptedRequest({ source: 'quiet', receivedAt: now }, {});
        await journal.append([noisy]);
        await journal.append([quiet]);
        expect(journal.pending().deliveries).toBe(4);
        expect(journal.pending('noisy').deliveries).toBe(3);
        expect(journal.pending('quiet').deliveries).toBe(1);
        const [twice, once] = noisy.alerts;
        const bytes = twice && once ? jsonBytes([twice, twice, once]) : 0;
        expect(kilobytes(journal.pending('noisy').bytes)).toBe(kilobytes(bytes));
        expect(kilobytes(journal.pending('quiet').bytes)).toBe(kilobytes(jsonBytes(quiet.alerts)));
      });

      it('shrinks with what is delivered or given up, and not with what is only tried', async () => {
        await accept({}, {}, {});
        const [first, second, third] = await claim();
        if (!first || !second || !third) throw new Error('three were accepted');
        await journal.settle([delivered(first), dead(second), later(third, now)]);
        expect(journal.pending().deliveries).toBe(1);
        await journal.settle([delivered(only(await claim()))]);
        expect(journal.pending()).toEqual({ deliveries: 0, bytes: 0 });
        expect(journal.pending('warden')).toEqual({ deliveries: 0, bytes: 0 });
      });
    });

    describe('the counts', () => {
      it('are kept by source, route and sink', async () => {
        await keep({ receivedAt: now, source: 'north' }, { routes: ['all', 'high'], sinks: ['pager', 'lake'] });
        now += 1_000;
        await keep({ receivedAt: now, source: 'south' }, { routes: ['all'], sinks: ['lake'] });
        const [first] = await claim('lake', 1);
        await journal.settle(first ? [delivered(first)] : []);
        const counts = await journal.counts();
        expect(counts.sources.map(({ source, accepted }) => [source, accepted])).toEqual([
          ['north', 1],
          ['south', 1],
        ]);
        expect(counts.routes).toEqual([
          { route: 'all', alerts: 2 },
          { route: 'high', alerts: 1 },
        ]);
        expect(counts.sinks).toEqual([
          { sink: 'pager', pending: 1, delivered: 0, dead: 0, superseded: 0, oldestPendingAt: now - 1_000 },
          { sink: 'lake', pending: 1, delivered: 1, dead: 0, superseded: 0, oldestPendingAt: now },
        ]);
      });
    });

    describe('a purge', () => {
      beforeEach(async () => {
        journal = await openWith({ dedupWindow: hourMs, retention: dayMs, deadLetterRetention: 10 * dayMs });
      });

      it('removes what is old and owed to nobody, and the requests with it', async () => {
        const old = request({ finding: 'f' }, { sinks: [] });
        await journal.append([old]);
        await journal.settle((await claim()).map(delivered));
        now += dayMs;
        const young = request({});
        await journal.append([young]);
        expect(await journal.purge(now - 1)).toBe(0);
        expect(await journal.purge(now)).toBe(2);
        expect(await journal.purge(now)).toBe(0);
        for (const { alert } of old.alerts) expect(await journal.alert(alert.id)).toBeUndefined();
        expect(await journal.raw(old.id)).toBeUndefined();
        expect(await journal.alert(only(young.alerts).alert.id)).toBeDefined();
        expect((await journal.alerts({}, { limit: 10 })).items).toHaveLength(1);
      });

      it('leaves what some sink is still owed, however old', async () => {
        await accept({ sinks: ['pager', 'lake'] });
        await journal.settle((await claim('lake')).map(delivered));
        now += 1_000 * dayMs;
        expect(await journal.purge(now)).toBe(0);
        expect(await claim('pager')).toHaveLength(1);
      });

      it('leaves dead letters for as long as dead letters are kept', async () => {
        await accept({});
        await journal.settle((await claim()).map(dead));
        now += 10 * dayMs - 1;
        expect(await journal.purge(now)).toBe(0);
        now += 1;
        expect(await journal.purge(now)).toBe(1);
      });

      it('leaves what makes a duplicate a duplicate', async () => {
        journal = await openWith({ dedupWindow: 5 * dayMs, retention: dayMs });
        const [first] = await accept({ finding: 'f', sinks: [] });
        now += 2 * dayMs;
        await journal.purge(now);
        expect(only(await accept({ finding: 'f', sinks: [] }))).toEqual({ id: first?.id, status: 'duplicate' });
      });

      it('removes old quarantine and probes, and keeps the totals', async () => {
        await journal.append([
          acceptedRequest({ receivedAt: now, unread: [{ reason: 'not JSON' }] }),
          acceptedRequest({ receivedAt: now, probe: 'set-up call' }),
        ]);
        const before = await journal.counts();
        now += dayMs;
        await journal.purge(now);
        expect(await journal.quarantine({ limit: 5 })).toEqual({ items: [] });
        expect(await journal.probes({ limit: 5 })).toEqual({ items: [] });
        expect(await journal.counts()).toEqual(before);
      });

      it('forgets a finding that was silent for long, so that it can be created again', async () => {
        await accept({ finding: 'f', version: '1', sinks: [] });
        now += dayMs;
        await journal.purge(now);
        const [again] = await accept({ finding: 'f', version: '1', sinks: [] });
        expect(await journal.alert(again?.id ?? '')).toMatchObject({ alert: { action: 'create' } });
      });
    });

    describe('the audit log', () => {
      const parked: AuditEntry = {
        at: 0,
        who: 'alice',
        role: 'operator',
        remoteAddress: '192.0.2.9',
        action: 'POST /api/v1/sinks/pager/park',
        outcome: 'done',
        status: 204,
        detail: '{"reason":"key\\nrotation"}',
      };
      const { role: _role, detail: _detail, ...bare } = parked;
      const unknown: AuditEntry = { ...bare, who: 'local', outcome: 'refused', status: 403 };
      const log = async () => (await journal.auditLog({ limit: 100 })).items;

      it('keeps who changed what, as it was given, newest first', async () => {
        expect(await log()).toEqual([]);
        await journal.audit({ ...parked, at: now });
        await journal.audit({ ...unknown, at: now - 1 });
        expect(await log()).toEqual([
          { ...unknown, at: now - 1 },
          { ...parked, at: now },
        ]);
      });

      it('is read in pages that stay put while more is written', async () => {
        for (let at = 1; at <= 5; at++) await journal.audit({ ...parked, at });
        const first = await journal.auditLog({ limit: 2 });
        await journal.audit({ ...parked, at: 6 });
        const second = await journal.auditLog({ limit: 2, cursor: first.next ?? '' });
        const third = await journal.auditLog({ limit: 2, cursor: second.next ?? '' });
        expect([first, second, third].map(({ items }) => items.map(({ at }) => at))).toEqual([[5, 4], [3, 2], [1]]);
        expect(third.next).toBeUndefined();
      });

      it('is purged after a retention of its own', async () => {
        journal = await openWith({ dedupWindow: hourMs, retention: hourMs, auditRetention: 10 * dayMs });
        await accept({ sinks: [] });
        for (let count = 0; count < 450; count++) await journal.audit({ ...parked, at: now });
        await journal.audit({ ...unknown, at: now + 1 });
        now += 10 * dayMs;
        expect(await journal.purge(now - 1)).toBe(1);
        expect((await journal.auditLog({ limit: 500 })).items).toHaveLength(451);
        await journal.purge(now);
        expect(await log()).toEqual([{ ...unknown, at: expect.any(Number) }]);
      });
    });

    describe('the quarantine, read again', () => {
      const quarantine = async () => (await journal.quarantine({ limit: 10 })).items;
      /** Alerts of the old request, as its source reads them today. */
      const readAgain = (id: string, ...reports: ReportOf[]) =>
        acceptedRequest({ id, receivedAt: now - dayMs }, ...reports).alerts;
      const sums = async () => {
        const { balanced, totals } = await journal.ledger({ from: 0, until: now + 1 });
        const [line] = totals.sources;
        return [balanced, line?.received, line?.accepted, line?.duplicates, line?.quarantined, line?.probes];
      };

      it('becomes alerts of the old request, accepted now, once', async () => {
        const given = acceptedRequest({ receivedAt: now, unread: [{ reason: 'not JSON' }], body: Buffer.from('<x>') });
        await journal.append([given]);
        now += dayMs;
        const [known] = await accept({ finding: 'f', version: '1' });
        const found = await journal.quarantined(given.id);
        expect(found).toEqual({
          id: given.id,
          source: 'warden',
          receivedAt: now - dayMs,
          remoteAddress: '192.0.2.7',
          contentType: 'application/json',
          body: Buffer.from('<x>'),
          parts: [{ number: expect.any(Number) }],
        });
        const parts = found?.parts.map(({ number }) => number) ?? [];
        const alerts = readAgain(given.id, { title: 'at last' }, { finding: 'f', version: '1' }, { sinks: [] });
        const reread = { requestId: given.id, parts, alerts, unread: [] };
        const receipts = await Promise.all([journal.reread(reread), journal.reread(reread)]);
        expect(receipts.filter((receipt) => receipt === undefined)).toHaveLength(1);
        const receipt = receipts.find((each) => each !== undefined);
        expect(receipt?.alerts.map(({ status }) => status)).toEqual(['accepted', 'duplicate', 'accepted']);
        expect(receipt?.alerts[1]?.id).toBe(known?.id);
        expect(await quarantine()).toEqual([]);
        expect(await journal.quarantined(given.id)).toBeUndefined();
        expect(await sums()).toEqual([true, 4, 3, 1, 0, 0]);
        const [, fresh] = await claim();
        expect(fresh).toMatchObject({ acceptedAt: now, alert: { title: 'at last', raw: { ref: given.id } } });
        expect((await journal.raw(fresh?.alert.id ?? ''))?.body.toString()).toBe('<x>');
        expect((await journal.alert(fresh?.alert.id ?? ''))?.request).toMatchObject({
          id: given.id,
          receivedAt: now - dayMs,
        });
      });

      it('stays with the reason of today where it cannot be read, or becomes a probe', async () => {
        const unread = [1, 2, 4].map((index) => ({ index, reason: 'no title' }));
        const given = acceptedRequest({ receivedAt: now, unread }, {});
        await journal.append([given]);
        const found = await journal.quarantined(given.id);
        const parts = found?.parts.map(({ number }) => number) ?? [];
        const left = { index: 2, reason: 'still no title' };
        await journal.reread({
          requestId: given.id,
          parts,
          alerts: readAgain(given.id, {}),
          unread: [left],
          probe: 'hello',
        });
        expect(await quarantine()).toMatchObject([{ requestId: given.id, ...left }]);
        expect(await journal.probes({ limit: 5 })).toMatchObject({ items: [{ requestId: given.id, reason: 'hello' }] });
        expect(await sums()).toEqual([true, 4, 2, 0, 1, 1]);
      });

      it('stays until the last alerts of many come; interrupted before that, nothing is lost or doubled', async () => {
        const given = acceptedRequest({ receivedAt: now, unread: [{ reason: 'not JSON' }] });
        await journal.append([given]);
        now += dayMs;
        const found = await journal.quarantined(given.id);
        const parts = found?.parts.map(({ number }) => number) ?? [];
        const reread = { requestId: given.id, parts, unread: [] };
        const first = { ...reread, alerts: readAgain(given.id, { finding: 'f' }), isUnfinished: true as const };
        expect((await journal.reread(first))?.alerts.map(({ status }) => status)).toEqual(['accepted']);
        expect(await quarantine()).toMatchObject([{ requestId: given.id, reason: 'not JSON' }]);
        expect(await sums()).toEqual([true, 2, 1, 0, 1, 0]);
        // And once more, from the beginning.
        expect((await journal.reread(first))?.alerts.map(({ status }) => status)).toEqual(['duplicate']);
        const last = { ...reread, alerts: readAgain(given.id, { finding: 'g' }) };
        expect((await journal.reread(last))?.alerts.map(({ status }) => status)).toEqual(['accepted']);
        expect(await quarantine()).toEqual([]);
        expect(await sums()).toEqual([true, 3, 2, 1, 0, 0]);
        expect(await journal.reread(first)).toBeUndefined();
      });

      it('of a request that was purged, or has nothing there, is nothing', async () => {
        const given = request({});
        await journal.append([given]);
        expect(await journal.quarantined(given.id)).toBeUndefined();
        expect(await journal.quarantined(mintId())).toBeUndefined();
        expect(await journal.reread({ requestId: given.id, parts: [], alerts: [], unread: [] })).toBeUndefined();
        expect(await journal.reread({ requestId: mintId(), parts: [1], alerts: [], unread: [] })).toBeUndefined();
      });

      it('keeps the request for as long as its alerts', async () => {
        const given = acceptedRequest({ receivedAt: now, unread: [{ reason: 'not JSON' }] });
        await journal.append([given]);
        now += 29 * dayMs;
        const found = await journal.quarantined(given.id);
        const parts = found?.parts.map(({ number }) => number) ?? [];
        const receipt = await journal.reread({
          requestId: given.id,
          parts,
          alerts: readAgain(given.id, {}),
          unread: [],
        });
        await journal.settle((await claim()).map(delivered));
        now += 2 * dayMs;
        expect(await journal.purge(now)).toBe(0);
        expect(await journal.raw(receipt?.alerts[0]?.id ?? '')).toBeDefined();
        now += 29 * dayMs;
        expect(await journal.purge(now)).toBe(1);
        await journal.purge(now);
        expect(await journal.raw(given.id)).toBeUndefined();
        expect((await sums())[0]).toBe(true);
      });
    });

    describe('a replay', () => {
      const all = { mode: 'resend', select: { state: 'dead' }, rate: 10, force: false } as const;
      const begin = (request: Partial<ReplayRequest> = {}) => journal.startReplay(mintId(), { ...all, ...request });
      const nothing = { looked: 0, outdated: 0, unconfigured: 0, owe: [] };
      type StepOf = {
        readonly sink?: string;
        readonly routed?: NonNullable<ReplayStep['owe'][number]['routed']>;
      } & Pick<ReplayStep, 'from' | 'place'>;
      /** One step that makes due all deliveries to a sink that a selection finds; the last one, unless told. */
      const advance = async ({ id, select }: ReplayRecord, { sink = 'pager', routed, ...places }: StepOf = {}) => {
        const { items } = await journal.replayCandidates(select);
        const owe = items.map(({ alert }) => ({ alertId: alert.id, sink, ...(routed && { routed }) }));
        return journal.advanceReplay(id, { ...nothing, ...places, looked: items.length, owe });
      };
      const giveUp = async (sink = 'pager') => {
        const batch = await claim(sink);
        await journal.settle(batch.map(dead));
        return batch;
      };
      const pagerOf = async () => (await journal.counts()).sinks.find(({ sink }) => sink === 'pager');

      it('makes a dead letter due once more, marked, with its history and a chain of its own', async () => {
        await accept({});
        const first = only(await giveUp());
        now += minuteMs;
        const replay = await begin();
        expect(replay).toEqual({ ...all, id: replay.id, createdAt: now, ...zero });
        expect(await advance(replay)).toMatchObject({ looked: 1, owed: 1, pending: 1, finishedAt: now });
        expect(await pagerOf()).toMatchObject({ pending: 1, dead: 0 });
        const mark = { id: replay.id, at: now, attemptsBefore: 1 };
        expect((await journal.alert(first.alert.id))?.deliveries).toMatchObject([
          {
            state: 'pending',
            attempts: 1,
            dueAt: expect.any(Number),
            replay: mark,
            history: [{ outcome: 'rejected' }],
          },
        ]);
        const again = only(await claim());
        expect(again).toEqual({ ...first, attempt: 2, replay: mark, lease: again.lease });
        expect(await journal.settle([delivered(first)])).toBe(0);
        await journal.settle([delivered(again)]);
        expect((await journal.alert(first.alert.id))?.deliveries).toMatchObject([
          {
            state: 'delivered',
            attempts: 2,
            replay: mark,
            history: [{ outcome: 'rejected' }, { outcome: 'delivered' }],
          },
        ]);
        expect((await journal.alert(first.alert.id))?.deliveries[0]).not.toHaveProperty('fault');
        expect(await pagerOf()).toMatchObject({ pending: 0, dead: 0, delivered: 1 });
        expect(await journal.replay(replay.id)).toMatchObject({ owed: 1, pending: 0, delivered: 1, dead: 0 });
      });

      it('asked for twice, or at once, makes one new chain for each delivery', async () => {
        await accept({}, {});
        await giveUp();
        const [first, second, other] = await Promise.all([begin(), begin(), begin({ rate: 20 })]);
        expect(second.id).toBe(first.id);
        expect(other.id).not.toBe(first.id);
        const steps = [...(await Promise.all([advance(first), advance(first)])), await advance(other, { place: '9' })];
        expect(steps.map(({ id, owed }) => [id === first.id, owed])).toContainEqual([true, 2]);
        expect((await journal.replay(other.id))?.owed).toBe(0);
        expect(await pagerOf()).toMatchObject({ pending: 2, dead: 0 });
        await giveUp();
        // Dead again: but by a chain that began after the other was asked for.
        await advance(other, { from: '9' });
        expect(await pagerOf()).toMatchObject({ pending: 0, dead: 2 });
        const third = await begin();
        expect((await advance(third)).owed).toBe(2);
        expect((await journal.replay(first.id))?.dead).toBe(2);
      });

      it('of one key is one, finished or not', async () => {
        const first = await begin({ key: 'incident-7' });
        await journal.advanceReplay(first.id, nothing);
        expect((await begin({ key: 'incident-7', rate: 99 })).id).toBe(first.id);
        expect((await begin({ key: 'incident-8' })).id).not.toBe(first.id);
      });

      it('goes on where it was, and can be listed', async () => {
        const first = await begin();
        const second = await begin({ mode: 'reroute' });
        await journal.advanceReplay(first.id, { ...nothing, looked: 3, outdated: 1, unconfigured: 2, place: '17' });
        expect(await journal.unfinishedReplays()).toEqual([
          { replay: { ...first, looked: 3, outdated: 1, unconfigured: 2 }, place: '17' },
          { replay: second },
        ]);
        await journal.advanceReplay(first.id, { ...nothing, from: '17' });
        expect((await journal.unfinishedReplays()).map(({ replay }) => replay.id)).toEqual([second.id]);
        const page = await journal.replays({ limit: 1 });
        expect(page.items.map(({ id }) => id)).toEqual([second.id]);
        const rest = await journal.replays({ limit: 1, cursor: page.next ?? '' });
        expect(rest.items.map(({ id, finishedAt }) => [id, finishedAt])).toEqual([[first.id, now]]);
        expect(await journal.replay(mintId())).toBeUndefined();
      });

      it('takes each step once, whoever comes with it again', async () => {
        await accept({}, {});
        await giveUp();
        const replay = await begin();
        await advance(replay, { place: '7' });
        await journal.settle((await claim()).map(dead));
        const before = await journal.replay(replay.id);
        expect(before).toMatchObject({ looked: 2, owed: 2, dead: 2 });
        for (const stale of [{ place: '7' }, {}, { from: '3', place: '9' }])
          expect(await advance(replay, stale)).toEqual(before);
        expect(await journal.unfinishedReplays()).toEqual([{ replay: before, place: '7' }]);
        const after = await journal.advanceReplay(replay.id, { ...nothing, looked: 1, from: '7' });
        expect(after).toMatchObject({ looked: 3, finishedAt: now });
        expect(await journal.advanceReplay(replay.id, { ...nothing, looked: 1, from: '7' })).toEqual(after);
        expect(await journal.advanceReplay(replay.id, { ...nothing, looked: 1 })).toEqual(after);
      });

      it('keeps the order of a finding', async () => {
        await accept({ finding: 'f', version: '1' });
        await giveUp();
        await accept({ finding: 'f', version: '2' }, { finding: 'f', version: '3' });
        const out = only(await claim());
        await advance(await begin());
        expect(await due()).toEqual([]);
        await journal.settle([later(out, now)]);
        const replayed = only(await due());
        expect(replayed.alert.title).toBe('Report 1 of f');
        expect(await due()).toEqual([]);
        await journal.settle([delivered(replayed)]);
        const second = only(await due());
        expect([second.alert.title, second.attempt]).toEqual(['Report 2 of f', 2]);
        await journal.settle([delivered(second)]);
        expect(titles(await due())).toEqual(['Report 3 of f']);
      });

      it('leaves alone what is pending, purged or was never decided', async () => {
        const [owed] = await accept({ sinks: ['pager'] });
        const { id } = await begin();
        const owe = [
          { alertId: owed?.id ?? '', sink: 'pager' },
          { alertId: owed?.id ?? '', sink: 'lake' },
          { alertId: mintId(), sink: 'pager' },
        ];
        expect(await journal.advanceReplay(id, { ...nothing, owe })).toMatchObject({ owed: 0 });
        expect(only(await claim())).not.toHaveProperty('replay');
      });

      it('owes a sink that a later decision names, and no other again', async () => {
        const [first, second] = await accept({ sinks: [] }, { sinks: ['pager'], routes: ['old'] });
        const replay = await begin({ mode: 'reroute', select: {} });
        const routed = { routes: ['new'], keepsState: false };
        expect(await advance(replay, { routed, place: '9' })).toMatchObject({ looked: 2, owed: 1 });
        expect(await advance(replay, { sink: 'lake', routed, from: '9' })).toMatchObject({ owed: 3 });
        const counts = await journal.counts();
        expect(counts.sources).toMatchObject([{ accepted: 2, unrouted: 0 }]);
        expect(await journal.ledger({ from: 0, until: now + 1 })).toMatchObject({
          balanced: true,
          totals: { sources: [{ routed: 2, unrouted: 0 }] },
          hours: [{ sources: [{ routed: 2 }] }],
        });
        expect(counts.routes).toEqual([
          { route: 'old', alerts: 1 },
          { route: 'new', alerts: 2 },
        ]);
        expect(await journal.alert(first?.id ?? '')).toMatchObject({ routes: ['new'], deliveries: [{}, {}] });
        expect(await journal.alert(second?.id ?? '')).toMatchObject({
          routes: ['old', 'new'],
          deliveries: [
            { sink: 'pager', routes: ['old'] },
            { sink: 'lake', routes: ['new'], replay: { id: replay.id, attemptsBefore: 0 } },
          ],
        });
        expect(await claim('lake')).toMatchObject([{ attempt: 1, routes: ['new'] }, { routes: ['new'] }]);
        expect(await claim('pager')).toHaveLength(2);
        now += 1_000 * dayMs;
        expect(await journal.purge(now)).toBe(0);
      });

      it('finds what it selects, in the order accepted', async () => {
        const found = async (select: ReplaySelect) =>
          (await journal.replayCandidates(select)).items.map(({ alert }) => alert.title);
        await keep({ receivedAt: now, source: 'north' }, { title: 'a', severity: 'low' }, { title: 'b' });
        await giveUp();
        now += 1_000;
        const [c] = await keep(
          { receivedAt: now, source: 'south' },
          { title: 'c', sinks: ['lake'] },
          { title: 'd', sinks: [] },
        );
        await journal.settle((await claim('lake')).map(delivered));
        await accept({ title: 'e' });
        expect(await found({})).toEqual(['a', 'b', 'c', 'd', 'e']);
        expect(await found({ state: 'dead' })).toEqual(['a', 'b']);
        expect(await found({ state: 'dead', sink: 'lake' })).toEqual([]);
        expect(await found({ state: 'dead', fault: 'ours' })).toEqual([]);
        expect(await found({ fault: 'theirs', sink: 'pager' })).toEqual(['a', 'b']);
        expect(await found({ state: 'delivered' })).toEqual(['c']);
        expect(await found({ source: 'north' })).toEqual(['a', 'b']);
        expect(await found({ state: 'dead', severity: 'low' })).toEqual(['a']);
        expect(await found({ until: now })).toEqual(['a', 'b']);
        expect(await found({ from: now, until: now + 1, unrouted: false })).toEqual(['c', 'e']);
        expect(await found({ unrouted: true })).toEqual(['d']);
        expect(await found({ ids: [c?.id ?? '', mintId()] })).toEqual(['c']);
        const { items } = await journal.replayCandidates({ severity: 'low' });
        expect(items).toMatchObject([
          {
            alert: { action: 'create' },
            isOutdated: false,
            deliveries: [{ sink: 'pager', state: 'dead', fault: 'theirs' }],
          },
        ]);
      });

      it('finds them in stretches that lead to the end', async () => {
        for (let i = 0; i < 9; i += 1)
          await accept(...Array.from({ length: 50 }, (_, j) => ({ title: String(50 * i + j) })));
        await journal.settle((await claim('pager', 1_000)).map(dead));
        for (const select of [{}, { state: 'dead' }, { source: 'nowhere' }] as const) {
          const found: string[] = [];
          let place: string | undefined;
          do {
            const { items, next } = await journal.replayCandidates(select, place);
            found.push(...items.map(({ alert }) => alert.title));
            place = next;
          } while (place !== undefined);
          expect(found).toEqual('source' in select ? [] : Array.from({ length: 450 }, (_, i) => String(i)));
        }
      });

      it('knows what a newer report has overtaken', async () => {
        const late = { finding: 'f', version: 'late', updatedAt: now - 5 };
        await accept({ finding: 'f', version: '1', updatedAt: now - 3 }, late);
        await accept({ finding: 'g', version: '1' }, { finding: 'g', version: '2' }, { finding: 'h' });
        const { items } = await journal.replayCandidates({});
        expect(items.map(({ isOutdated }) => isOutdated)).toEqual([false, true, true, false, false]);
      });
    });

    describe('used at random', () => {
      it('agrees with its rules', async () => {
        await fc.assert(
          fc.asyncProperty(steps, async (taken) => {
            const clock = { now: Date.UTC(2026, 4, 1, 12) };
            const context = { now: () => clock.now };
            const fresh = await open(modelOptions, context);
            const again = reopen && ((of: Journal, how: Reopening) => reopen(of, how, modelOptions, context));
            const comparison = new Comparison(fresh, clock, again);
            try {
              for (const step of taken) await comparison.take(step);
              await comparison.compareAll();
            } finally {
              await comparison.close();
            }
          }),
          { numRuns: 15, endOnFailure: true },
        );
      }, 60_000);
    });

    describe('closed', () => {
      it('ends every claim and refuses everything else', async () => {
        const batches = journal.claim('pager', { count: 1 }, new AbortController().signal)[Symbol.asyncIterator]();
        const waiting = batches.next();
        await journal.check();
        await journal.close();
        expect(await waiting).toMatchObject({ done: true });
        for (const refused of [
          accept({}),
          journal.check(),
          journal.counts(),
          journal.settle([]),
          journal.auditLog({ limit: 1 }),
        ]) {
          await expect(refused).rejects.toBeInstanceOf(JournalUnavailableError);
        }
      });

      it('gives out nothing more', async () => {
        await accept({});
        await journal.close();
        await expect(claim()).rejects.toThrow('the claim ended');
      });

      it('can be closed again', async () => {
        await journal.close();
        await expect(journal.close()).resolves.toBeUndefined();
      });
    });
  });
}
