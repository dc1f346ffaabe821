import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JournalUnavailableError } from '../../src/core/errors.js';
import { mintId } from '../../src/core/identity.js';
import type { Delivery, Journal } from '../../src/core/journal.js';
import type { PullMark } from '../../src/core/reconciliation.js';
import { acceptedRequest, type ReportOf } from '../support/accepted-request.js';
import type { OpenJournal, ReopenJournal } from './journal.js';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const noon = Date.UTC(2026, 4, 10, 12);
/** Long enough to be seen in what is pending, of which a journal may tell no more than kilobytes. */
const description = 'what it is'.repeat(1_000);
const all = { from: 0, until: Date.UTC(2027, 0) };

/** What every journal promises to those who pull. Call it once in the spec of each journal. */
export function describePulls(name: string, open: OpenJournal, reopen?: ReopenJournal): void {
  describe(`the ${name} journal and pulls`, () => {
    let journal: Journal;
    let now: number;
    const options = { retention: 10 * dayMs, dedupWindow: dayMs };

    beforeEach(async () => {
      now = noon;
      journal = await open(options, { now: () => now });
    });
    afterEach(() => journal.close());

    const page = (mark: Partial<PullMark>, ...reports: ReportOf[]) =>
      acceptedRequest({ receivedAt: now, pull: { cursor: 'c', isLast: true, ...mark } }, ...reports);
    const pull = async (...reports: ReportOf[]) => {
      const [receipt] = await journal.append([page({}, ...reports)]);
      return receipt?.alerts.map(({ status }) => status);
    };
    const post = async (...reports: ReportOf[]) => {
      const [receipt] = await journal.append([acceptedRequest({ receivedAt: now }, ...reports)]);
      return receipt?.alerts.map(({ status }) => status);
    };
    const claim = async (sink: string): Promise<readonly Delivery[]> => {
      for await (const batch of journal.claim(sink, { count: 1 }, AbortSignal.timeout(5_000))) return batch;
      throw new Error('the claim ended');
    };
    const deliver = async (delivery: Delivery | undefined) => {
      if (!delivery) throw new Error('nothing was claimed');
      const { sink, lease, attempt: number } = delivery;
      const attempt = { attempt: number, at: now, durationMs: 1, outcome: 'delivered' } as const;
      expect(await journal.settle([{ sink, lease, attempt, next: { kind: 'delivered' } }])).toBe(1);
    };
    const isBalanced = async () => (await journal.ledger(all)).balanced;
    const today = { source: 'warden', day: '2026-05-10', vendorBy: 'pull', changes: 0, missing: 0 };

    describe('the place of a pull', () => {
      it('begins where it was first said, and is kept with the alerts of a page', async () => {
        expect(await journal.pullState('warden')).toBeUndefined();
        expect(await journal.beginPull('warden', 1_000)).toEqual({ source: 'warden', since: 1_000 });
        expect(await journal.beginPull('warden', 2_000)).toEqual({ source: 'warden', since: 1_000 });
        await journal.append([page({ cursor: 'p1', isLast: false }, {})]);
        const first = { source: 'warden', since: 1_000, cursor: 'p1', pageAt: noon };
        expect(await journal.pullState('warden')).toEqual(first);
        now += minuteMs;
        await journal.append([page({ cursor: 'p2' }, {})]);
        now += minuteMs;
        await journal.append([page({ cursor: 'p3', isLast: false })]);
        const third = { cursor: 'p3', pageAt: now, caughtUpAt: now - minuteMs };
        expect(await journal.pullState('warden')).toEqual({ source: 'warden', since: 1_000, ...third });
      });

      it('is no hindrance to what is counted as pending of its source', async () => {
        await journal.beginPull('warden', 1_000);
        await pull({}, {});
        await post({});
        expect(journal.pending('warden').deliveries).toBe(3);
      });

      it('outlives a restart and a crash', async () => {
        if (!reopen) return;
        await journal.beginPull('warden', 1_000);
        await journal.append([page({ cursor: 'p1' }, {})]);
        await journal.parkPull('warden', 'HTTP 401');
        const before = await journal.pullState('warden');
        journal = await reopen(journal, 'crash', options, { now: () => now });
        expect(await journal.pullState('warden')).toEqual(before);
        expect(await pull({ finding: 'f' }, { finding: 'f' })).toEqual(['accepted', 'duplicate']);
      });
    });

    describe('a page', () => {
      it('that brings nothing new is not kept, and counted', async () => {
        await pull({ finding: 'f' });
        const again = page({ cursor: 'p2' }, { finding: 'f' });
        await journal.append([again]);
        expect(await journal.raw(again.id)).toBeUndefined();
        const empty = page({ cursor: 'p3' });
        await journal.append([empty]);
        expect(await journal.raw(empty.id)).toBeUndefined();
        const { sources } = await journal.counts();
        expect(sources).toMatchObject([{ source: 'warden', accepted: 1, duplicates: 1 }]);
        expect(await isBalanced()).toBe(true);
      });

      it('that brings something is kept as it came', async () => {
        const given = page({}, { finding: 'f' });
        await journal.append([given]);
        const id = given.alerts[0]?.alert.id ?? '';
        expect(await journal.raw(id)).toEqual({ contentType: 'application/json', body: given.body });
        expect(await journal.alert(id)).toMatchObject({ request: { authentication: 'pull', remoteAddress: '' } });
      });
    });

    describe('an alert that comes by both ways', () => {
      it.each(['webhook', 'pull'] as const)('first by %s, is one, delivered once, and says so', async (way) => {
        const [first, second] = way === 'webhook' ? [post, pull] : [pull, post];
        await journal.beginPull('warden', now);
        expect(await first({ finding: 'f' })).toEqual(['accepted']);
        now += minuteMs;
        expect(await second({ finding: 'f' })).toEqual(['duplicate']);
        now += minuteMs;
        expect(await second({ finding: 'f' })).toEqual(['duplicate']);
        const { items } = await journal.alerts({}, { limit: 10 });
        expect(items).toMatchObject([{ deliveries: [{ sink: 'pager', state: 'pending' }] }]);
        const record = await journal.alert(items[0]?.id ?? '');
        const other = way === 'webhook' ? 'pull' : 'webhook';
        expect(record).toMatchObject({ duplicates: 2, again: { by: other, at: noon + minuteMs } });
        expect(await isBalanced()).toBe(true);
        expect(await journal.reconciliation(all)).toEqual([{ ...today, vendor: 1, webhook: 1, recovered: 0 }]);
      });

      it.each(['webhook', 'pull'] as const)(
        'first by %s, gains what the other knows, if none was sent',
        async (way) => {
          const [first, second] = way === 'webhook' ? [post, pull] : [pull, post];
          const by = way === 'webhook' ? 'pull' : 'webhook';
          await journal.beginPull('warden', now);
          await first({ finding: 'f', sinks: ['pager', 'lake'] });
          const pending = journal.pending();
          await second({ finding: 'f', sinks: ['pager', 'lake'], description });
          const { items } = await journal.alerts({}, { limit: 1 });
          const record = await journal.alert(items[0]?.id ?? '');
          expect(record?.again).toEqual({ by, at: noon, added: { description } });
          expect(record?.alert.description).toBe(description);
          expect(journal.pending().deliveries).toBe(2);
          const grown = journal.pending().bytes - pending.bytes;
          expect(Math.round(grown / 10_000)).toBe(2);
          for (const sink of ['pager', 'lake']) {
            const [delivery] = await claim(sink);
            expect(delivery?.alert.description).toBe(description);
            await deliver(delivery);
          }
          expect(journal.pending()).toEqual({ deliveries: 0, bytes: 0 });
          expect(await isBalanced()).toBe(true);
          await second({ finding: 'f', description, title: 'another' });
          expect((await journal.alert(items[0]?.id ?? ''))?.again).toEqual(record?.again);
        },
      );

      it('stays as it was sent, and says what the other knew', async () => {
        await journal.beginPull('warden', now);
        await post({ finding: 'f', sinks: ['pager', 'lake'] });
        const [delivery] = await claim('lake');
        await pull({ finding: 'f', description: 'what it is' });
        const { items } = await journal.alerts({}, { limit: 1 });
        const record = await journal.alert(items[0]?.id ?? '');
        expect(record?.alert).not.toHaveProperty('description');
        expect(record?.again).toEqual({ by: 'pull', at: noon, added: { description: 'what it is' }, isLate: true });
        await deliver(delivery);
        const [other] = await claim('pager');
        expect(other?.alert).not.toHaveProperty('description');
        await deliver(other);
        expect(journal.pending()).toEqual({ deliveries: 0, bytes: 0 });
      });

      it('says nothing of the kind where it came by one way only', async () => {
        await journal.beginPull('warden', now);
        await pull({ finding: 'f' }, { finding: 'f' });
        await pull({ finding: 'f' });
        await post({ finding: 'g' });
        await post({ finding: 'g' });
        const { items } = await journal.alerts({}, { limit: 10 });
        for (const { id } of items) expect(await journal.alert(id)).not.toHaveProperty('again');
      });
    });

    describe('the reconciliation', () => {
      it('tells of each day what a webhook brought and what only the pull did', async () => {
        const yesterday = noon - dayMs;
        await post({ finding: 'a' }, { finding: 'b', time: yesterday });
        await pull(
          { finding: 'a' },
          { finding: 'b', time: yesterday },
          { finding: 'c' },
          { finding: 'd', time: yesterday },
        );
        await pull({ finding: 'c' });
        expect(await journal.reconciliation(all)).toEqual([
          { ...today, vendor: 2, webhook: 1, recovered: 1 },
          { ...today, day: '2026-05-09', vendor: 2, webhook: 1, recovered: 1 },
        ]);
        expect(await journal.reconciliation({ from: noon, until: noon + 1 })).toEqual([
          { ...today, vendor: 2, webhook: 1, recovered: 1 },
        ]);
      });

      it('knows what a webhook brought that no pull has come to', async () => {
        await journal.beginPull('warden', now);
        await post({ finding: 'a' }, { finding: 'b' });
        await post({ finding: 'b', version: 'v2' });
        await pull({ finding: 'a' });
        expect(await journal.reconciliation(all)).toEqual([{ ...today, vendor: 1, webhook: 2, recovered: 0 }]);
      });

      it('tells what is missing where the vendor says how many there are', async () => {
        await post({ finding: 'a' });
        await journal.append([
          page({ totals: { '2026-05-10': 4, '2026-05-09': 1 } }, { finding: 'a' }, { finding: 'b' }),
        ]);
        const told = { ...today, vendorBy: 'vendor' };
        expect(await journal.reconciliation(all)).toEqual([
          { ...told, vendor: 4, webhook: 1, recovered: 1, missing: 2 },
          { ...told, day: '2026-05-09', vendor: 1, webhook: 0, recovered: 0, missing: 1 },
        ]);
        await journal.append([page({ totals: { '2026-05-10': 3 } }, { finding: 'c' })]);
        expect(await journal.reconciliation({ from: noon, until: noon + 1 })).toEqual([
          { ...told, vendor: 3, webhook: 1, recovered: 2, missing: 0 },
        ]);
      });

      it('counts as missing what a page had and could not be read, until it can', async () => {
        const { alerts: _, ...rest } = page({});
        const id = mintId();
        const unread = [{ index: 1, reason: 'it is odd' }];
        await journal.append([{ ...rest, id, alerts: page({}, { finding: 'a' }).alerts, unread }]);
        expect(await journal.reconciliation(all)).toEqual([
          { ...today, vendor: 2, webhook: 0, recovered: 1, missing: 1 },
        ]);
        const { parts = [] } = (await journal.quarantined(id)) ?? {};
        const read = page({}, { finding: 'b' }).alerts;
        await journal.reread({ requestId: id, parts: parts.map(({ number }) => number), alerts: read, unread: [] });
        expect(await journal.reconciliation(all)).toEqual([{ ...today, vendor: 2, webhook: 0, recovered: 2 }]);
        expect(await isBalanced()).toBe(true);
      });

      it('counts a change of what was known that only the pull brought, until a webhook does', async () => {
        await post({ finding: 'a' });
        await pull({ finding: 'a', version: 'v2', state: 'resolved' });
        expect(await journal.reconciliation(all)).toEqual([
          { ...today, vendor: 1, webhook: 1, recovered: 0, changes: 1 },
        ]);
        await post({ finding: 'a', version: 'v2', state: 'resolved' });
        await post({ finding: 'a', version: 'v2', state: 'resolved' });
        expect(await journal.reconciliation(all)).toEqual([{ ...today, vendor: 1, webhook: 1, recovered: 0 }]);
      });

      it('is of the sources that pull', async () => {
        await post({ finding: 'a' });
        expect(await journal.reconciliation(all)).toEqual([]);
      });

      it('stays as it was when alerts are purged', async () => {
        await pull({ finding: 'a', sinks: [] });
        const before = await journal.reconciliation(all);
        now += 11 * dayMs;
        expect(await journal.purge(now)).toBe(1);
        expect(await journal.reconciliation(all)).toEqual(before);
      });
    });

    describe('a parked pull', () => {
      it('keeps its first reason, gives way to an operator, and is resumed by whoever may', async () => {
        expect(await journal.resumePull('warden')).toBeUndefined();
        const byRouter = { reason: 'HTTP 401', since: noon, by: 'router' };
        expect(await journal.parkPull('warden', 'HTTP 401')).toEqual(byRouter);
        now += minuteMs;
        expect(await journal.parkPull('warden', 'HTTP 403')).toEqual(byRouter);
        expect(await journal.pullState('warden')).toMatchObject({ parked: byRouter });
        expect((await journal.counts()).pulls).toEqual([await journal.pullState('warden')]);
        const byOperator = { reason: 'we move', since: noon, by: 'operator' };
        expect(await journal.parkPull('warden', 'we move', 'operator')).toEqual(byOperator);
        expect(await journal.resumePull('warden', 'router')).toBeUndefined();
        expect(await journal.parkings()).toEqual({ sinks: new Map(), pulls: new Map([['warden', byOperator]]) });
        expect(await journal.resumePull('warden')).toEqual(byOperator);
        expect((await journal.parkings()).pulls).toEqual(new Map());
        expect(await journal.pullState('warden')).not.toHaveProperty('parked');
      });

      it('parks no sink and no webhook', async () => {
        await journal.parkPull('warden', 'HTTP 401');
        expect(await post({})).toEqual(['accepted']);
        const { sinks } = await journal.counts();
        expect(sinks[0]).not.toHaveProperty('parked');
      });
    });

    it('is held by the one router that has it', async () => {
      expect(await journal.hold('pull warden', 'me', minuteMs)).toBe(true);
      expect(await journal.hold('pull warden', 'me', minuteMs)).toBe(true);
      expect(await journal.hold('pull warden', 'me', 0)).toBe(true);
    });

    it('refuses everything once closed', async () => {
      await journal.close();
      for (const refused of [
        () => journal.beginPull('warden', now),
        () => journal.pullState('warden'),
        () => journal.parkPull('warden', 'HTTP 401'),
        () => journal.resumePull('warden'),
        () => journal.hold('pull warden', 'me', 1),
        () => journal.parkings(),
        () => journal.reconciliation(all),
      ]) {
        await expect(refused()).rejects.toThrow(JournalUnavailableError);
      }
    });
  });
}
