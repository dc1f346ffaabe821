import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AcceptedRequest, Delivery, Journal, Receipt } from '../../src/core/journal.js';
import type { PullMark } from '../../src/core/reconciliation.js';
import { acceptedRequest, inParts, type ReportOf } from '../support/accepted-request.js';
import type { OpenJournal, ReopenJournal } from './journal.js';

const dayMs = 86_400_000;
const noon = Date.UTC(2026, 4, 10, 12);
const body = Buffer.from('{"alerts": []}'.repeat(1_000));

/** What every journal promises of requests that come in parts. Call it once in the spec of each journal. */
export function describeParts(name: string, open: OpenJournal, reopen?: ReopenJournal): void {
  describe(`the ${name} journal and requests in parts`, () => {
    let journal: Journal;
    let now: number;
    const options = { retention: 10 * dayMs, dedupWindow: dayMs };

    beforeEach(async () => {
      now = noon;
      journal = await open(options, { now: () => now });
    });
    afterEach(() => journal.close());

    const append = async (...parts: readonly AcceptedRequest[]): Promise<Receipt['alerts']> => {
      const receipts: Receipt[] = [];
      for (const part of parts) receipts.push(...(await journal.append([part])));
      return receipts.flatMap(({ alerts }) => alerts);
    };
    const statuses = (alerts: Receipt['alerts']) => alerts.map(({ status }) => status);
    const sums = async () => {
      const { balanced, totals, numbers } = await journal.ledger({ from: 0, until: now + dayMs });
      const { received, accepted, duplicates, quarantined } = totals.sources[0] ?? {};
      return { balanced, difference: numbers.difference, received, accepted, duplicates, quarantined };
    };
    const requests = async () => (await journal.counts()).sources[0]?.requests;
    const claim = async (count: number): Promise<readonly Delivery[]> => {
      for await (const batch of journal.claim('pager', { count }, AbortSignal.timeout(5_000))) return batch;
      throw new Error('the claim ended');
    };
    const deliverAll = async (count: number): Promise<readonly Delivery[]> => {
      const batch = await claim(count);
      const attempt = { attempt: 1, at: now, durationMs: 1, outcome: 'delivered' } as const;
      await journal.settle(
        batch.map(({ sink, lease }) => ({ sink, lease, attempt, next: { kind: 'delivered' } as const })),
      );
      return batch;
    };

    it('keep all alerts with the one request, which is counted once and has its bytes', async () => {
      const [first, second, third] = inParts(
        acceptedRequest({ receivedAt: now, body, unread: [{ index: 3, reason: 'no title' }] }, {}, {}, {}),
      );
      if (!first || !second || !third) throw new Error('there are three parts');
      await append(first);
      // Others come in between.
      await append(acceptedRequest({ receivedAt: now }, {}));
      await append(second);
      await append(acceptedRequest({ receivedAt: now }, {}));
      await append(third);
      const alerts = [first, second, third].flatMap((part) => part.alerts.map(({ alert }) => alert));
      for (const { id } of alerts) {
        expect((await journal.alert(id))?.request.id).toBe(first.id);
        expect((await journal.raw(id))?.body.equals(body)).toBe(true);
      }
      expect((await journal.raw(first.id))?.body.equals(body)).toBe(true);
      expect(await requests()).toBe(3);
      expect(await journal.quarantined(first.id)).toMatchObject({ body, parts: [{ index: 3 }] });
      expect(await sums()).toEqual({
        balanced: true,
        difference: 0,
        received: 6,
        accepted: 5,
        duplicates: 0,
        quarantined: 1,
      });
    });

    it('of which the last never came are duplicates when the request is sent again', async () => {
      const reports: ReportOf[] = ['a', 'b', 'c'].map((finding) => ({ finding }));
      const torn = inParts(
        acceptedRequest({ receivedAt: now, body, unread: [{ index: 3, reason: 'odd' }] }, ...reports),
      );
      const kept = await append(...torn.slice(0, 2));
      if (reopen) journal = await reopen(journal, 'crash', options, { now: () => now });
      expect(await journal.quarantine({ limit: 5 })).toEqual({ items: [] });
      expect(await sums()).toMatchObject({ balanced: true, received: 2, accepted: 2 });

      const again = inParts(
        acceptedRequest({ receivedAt: now, body, unread: [{ index: 3, reason: 'odd' }] }, ...reports),
      );
      const receipts = await append(...again);
      expect(statuses(receipts)).toEqual(['duplicate', 'duplicate', 'accepted']);
      expect(receipts.slice(0, 2).map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
      expect((await journal.quarantine({ limit: 5 })).items).toHaveLength(1);
      expect(await sums()).toEqual({
        balanced: true,
        difference: 0,
        received: 6,
        accepted: 3,
        duplicates: 2,
        quarantined: 1,
      });
      // What was kept of the first try still has its bytes; and everything goes out once.
      expect((await journal.raw(kept[0]?.id ?? ''))?.body.equals(body)).toBe(true);
      expect((await deliverAll(10)).map(({ alert }) => alert.vendorIds['alert'])).toEqual(['a', 'b', 'c']);
    });

    it('keep the order of a finding, over parts as within one', async () => {
      const told = ['1', '2', '3'].map((version) => ({ finding: 'f', version, title: version, updatedAt: now }));
      expect(statuses(await append(...inParts(acceptedRequest({ receivedAt: now }, ...told))))).toEqual(
        told.map(() => 'accepted'),
      );
      for (const { title } of told) expect((await deliverAll(5)).map(({ alert }) => alert.title)).toEqual([title]);
    });

    it('with nothing new in any of them are kept all the same, as a request that was received', async () => {
      await append(acceptedRequest({ receivedAt: now }, { finding: 'a' }, { finding: 'b' }));
      const parts = inParts(acceptedRequest({ receivedAt: now, body }, { finding: 'a' }, { finding: 'b' }));
      expect(statuses(await append(...parts))).toEqual(['duplicate', 'duplicate']);
      expect((await journal.raw(parts[0]?.id ?? ''))?.body.equals(body)).toBe(true);
      expect(await requests()).toBe(2);
      expect(await sums()).toMatchObject({ balanced: true, received: 4, accepted: 2, duplicates: 2 });
    });

    it('keep their request for as long as one alert of any of them', async () => {
      const parts = inParts(acceptedRequest({ receivedAt: now, body }, { sinks: [] }, { sinks: [] }, {}));
      const [first, , last] = await append(...parts);
      now += 11 * dayMs;
      // The last one is owed still.
      expect(await journal.purge(now)).toBe(2);
      await journal.purge(now);
      expect(await journal.raw(first?.id ?? '')).toBeUndefined();
      expect((await journal.raw(last?.id ?? ''))?.body.equals(body)).toBe(true);
      await deliverAll(5);
      expect(await journal.purge(now)).toBe(1);
      await journal.purge(now);
      expect(await journal.raw(parts[0]?.id ?? '')).toBeUndefined();
      expect(await sums()).toMatchObject({ balanced: true, accepted: 3 });
    });

    describe('of a page of a pull', () => {
      const pageOf = (mark: Partial<PullMark>, of: { unread?: AcceptedRequest['unread'] }, ...reports: ReportOf[]) =>
        inParts(
          acceptedRequest({ receivedAt: now, body, pull: { cursor: 'c', isLast: true, ...mark }, ...of }, ...reports),
        );

      it('have come to where it leads with the last of them', async () => {
        await journal.beginPull('warden', 1_000);
        const parts = pageOf({ cursor: 'p1' }, {}, {}, {});
        await append(...parts.slice(0, 1));
        expect(await journal.pullState('warden')).toEqual({ source: 'warden', since: 1_000 });
        await append(...parts.slice(1));
        expect(await journal.pullState('warden')).toMatchObject({ cursor: 'p1', caughtUpAt: noon });
      });

      it('are kept from the first one on that brings something new, with the bytes', async () => {
        await append(acceptedRequest({ receivedAt: now }, { finding: 'a' }));
        const parts = pageOf({}, {}, { finding: 'a' }, { finding: 'b' }, { finding: 'c' });
        const receipts = await append(...parts);
        expect(statuses(receipts)).toEqual(['duplicate', 'accepted', 'accepted']);
        for (const { id } of receipts.slice(1)) expect((await journal.raw(id))?.body.equals(body)).toBe(true);
        expect(await requests()).toBe(2);
        expect(await sums()).toMatchObject({ balanced: true, difference: 0, accepted: 3, duplicates: 1 });
        expect(await journal.reconciliation({ from: 0, until: now + dayMs })).toMatchObject([
          { source: 'warden', recovered: 2, webhook: 1 },
        ]);
      });

      it('that bring nothing new leave nothing', async () => {
        await append(acceptedRequest({ receivedAt: now }, { finding: 'a' }, { finding: 'b' }));
        const parts = pageOf({}, {}, { finding: 'a' }, { finding: 'b' });
        expect(statuses(await append(...parts))).toEqual(['duplicate', 'duplicate']);
        expect(await journal.raw(parts[0]?.id ?? '')).toBeUndefined();
        expect(await requests()).toBe(2);
        expect(await sums()).toMatchObject({ balanced: true, difference: 0, accepted: 2, duplicates: 2 });
      });
    });
  });
}
