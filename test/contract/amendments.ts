import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Amendment, Delivery, Journal, LookupRecord, RoutedAlert } from '../../src/core/journal.js';
import { acceptedRequest, type ReportOf } from '../support/accepted-request.js';
import type { OpenJournal, ReopenJournal } from './journal.js';

const noon = Date.UTC(2026, 4, 10, 12);
const all = { from: 0, until: Date.UTC(2027, 0) };
/** Long enough not to pass while the test runs. */
const holdMs = 60_000;

/** What every journal promises of alerts that are held while more is learned. Call it once in the spec of each journal. */
export function describeAmendments(
  name: string,
  open: OpenJournal,
  reopen?: ReopenJournal,
  { remembersClaims = false }: { readonly remembersClaims?: boolean } = {},
): void {
  describe(`the ${name} journal and what is learned later`, () => {
    let journal: Journal;
    let now: number;

    beforeEach(async () => {
      now = noon;
      journal = await open({}, { now: () => now });
    });
    afterEach(() => journal.close());

    const accept = async (report: ReportOf): Promise<RoutedAlert> => {
      const request = acceptedRequest({ receivedAt: now }, report);
      await journal.append([request]);
      const [routed] = request.alerts;
      if (!routed) throw new Error('no alert');
      return routed;
    };
    const held = (report: ReportOf = {}) => accept({ notBefore: now + holdMs, ...report });
    const known: LookupRecord = { at: noon, durationMs: 7, outcome: 'known', added: ['title'] };
    const amendmentOf = ({ alert }: RoutedAlert, sinks: readonly string[], keepsState = false): Amendment => ({
      alert: { ...alert, title: 'As the vendor has it', tags: ['team:web'] },
      routes: sinks.length === 0 ? [] : ['again'],
      sinks: sinks.map((sink) => ({ sink, routes: ['again'], keepsState })),
      lookup: known,
    });
    const amend = (routed: RoutedAlert, sinks: readonly string[], keepsState = false) =>
      journal.amend(routed.alert.id, amendmentOf(routed, sinks, keepsState));
    const claim = async (sink = 'pager'): Promise<readonly Delivery[]> => {
      for await (const batch of journal.claim(sink, { count: 100 }, AbortSignal.timeout(10_000))) return batch;
      throw new Error('the claim ended');
    };
    /** What is due now, beside one of a finding of its own. */
    const due = async (sink = 'pager') => {
      const probe = await accept({ sinks: [sink] });
      return (await claim(sink)).filter(({ alert }) => alert.id !== probe.alert.id);
    };
    const isBalanced = async () => (await journal.ledger(all)).balanced;
    const record = async ({ alert }: RoutedAlert) => {
      const found = await journal.alert(alert.id);
      if (!found) throw new Error('it is gone');
      return found;
    };

    it('does not give out an alert before its time, and says until when', async () => {
      const routed = await held({ sinks: ['pager', 'lake'] });
      expect((await record(routed)).deliveries).toMatchObject([{ dueAt: now + holdMs }, { dueAt: now + holdMs }]);
      expect(await due()).toEqual([]);
      now += holdMs;
      expect((await due()).map(({ alert }) => alert.id)).toEqual([routed.alert.id]);
    });

    it('holds a later report of the finding back with it, and no other', async () => {
      await held({ finding: 'f', version: '1' });
      await accept({ finding: 'f', version: '2' });
      const other = await accept({ finding: 'g' });
      expect((await due()).map(({ alert }) => alert.id)).toEqual([other.alert.id]);
      now += holdMs;
      expect((await due()).map(({ alert }) => alert.title)).toEqual(['Report 1 of f']);
    });

    it('gives out the amended alert at once, by the new decision, in its place in the order', async () => {
      const first = await held({ finding: 'f', version: '1', sinks: ['pager', 'lake'] });
      const second = await held({ finding: 'f', version: '2' });
      const third = await held({ finding: 'g' });
      expect(await amend(third, ['pager'])).toBe(true);
      expect(await amend(second, ['pager'])).toBe(true);
      expect((await claim()).map(({ alert }) => alert.id)).toEqual([third.alert.id]);
      expect(await amend(first, ['pager', 'deck'])).toBe(true);
      const [delivery] = await claim();
      expect(delivery).toMatchObject({ routes: ['again'], attempt: 1, acceptedAt: noon });
      expect(delivery?.alert).toEqual({ ...amendmentOf(first, []).alert, action: 'create' });
      expect((await claim('deck')).map(({ alert }) => alert.id)).toEqual([first.alert.id]);
      expect(await due('lake')).toEqual([]);
      expect(await record(first)).toMatchObject({ routes: ['again'], lookup: known });
      expect((await record(first)).deliveries.map(({ sink }) => sink)).toEqual(['pager', 'deck']);
      expect(await isBalanced()).toBe(true);
    });

    it('lets the next report of a finding go where the first goes elsewhere now', async () => {
      const first = await held({ finding: 'f', version: '1' });
      const second = await accept({ finding: 'f', version: '2' });
      const waiting = claim();
      expect(await amend(first, ['lake'])).toBe(true);
      expect((await waiting).map(({ alert }) => alert.id)).toEqual([second.alert.id]);
    });

    it('balances where an alert is unrouted now, or was, and counts its routes', async () => {
      const gone = await held({ sinks: ['pager', 'lake'] });
      const found = await held({ sinks: [] });
      expect(await amend(gone, [])).toBe(true);
      expect(await isBalanced()).toBe(true);
      expect(await amend(found, ['pager'])).toBe(true);
      expect(await isBalanced()).toBe(true);
      const { sources, sinks, routes } = await journal.counts();
      expect(sources).toMatchObject([{ accepted: 2, unrouted: 1 }]);
      expect(sinks).toMatchObject([
        { sink: 'pager', pending: 1 },
        { sink: 'lake', pending: 0 },
      ]);
      expect(routes).toEqual(expect.arrayContaining([{ route: 'again', alerts: 1 }]));
      expect(journal.pending().deliveries).toBe(1);
      expect((await journal.alerts({ unrouted: true }, { limit: 9 })).items.map(({ id }) => id)).toEqual([
        gone.alert.id,
      ]);
    });

    it('keeps a report superseded that came too late', async () => {
      await accept({ finding: 'f', version: '2', updatedAt: noon - 1 });
      const late = await held({ finding: 'f', version: '1', updatedAt: noon - 9, keepsState: true });
      expect(await amend(late, ['pager', 'deck'], true)).toBe(true);
      expect((await record(late)).deliveries).toMatchObject([
        { sink: 'pager', state: 'superseded' },
        { sink: 'deck', state: 'superseded' },
      ]);
      expect(await isBalanced()).toBe(true);
    });

    it('leaves an alert alone once a delivery was claimed, and remembers what was learned', async () => {
      const routed = await accept({ sinks: ['pager', 'lake'] });
      const [delivery] = await claim();
      expect(await amend(routed, ['deck'])).toBe(false);
      const { title } = routed.alert;
      expect(await record(routed)).toMatchObject({
        alert: { title },
        routes: ['everything'],
        lookup: { ...known, isLate: true },
      });
      if (!delivery) throw new Error('none');
      const attempt = { attempt: 1, at: now, durationMs: 1, outcome: 'delivered' } as const;
      await journal.settle([{ sink: 'pager', lease: delivery.lease, attempt, next: { kind: 'delivered' } }]);
      expect(await amend(routed, ['deck'])).toBe(false);
      expect(await isBalanced()).toBe(true);
    });

    it('may change one that was given back untried', async () => {
      const routed = await accept({});
      const [delivery] = await claim();
      if (!delivery) throw new Error('none');
      await journal.release('pager', [delivery.lease]);
      expect(await amend(routed, ['pager'])).toBe(true);
      expect((await claim()).map(({ alert }) => alert.title)).toEqual(['As the vendor has it']);
    });

    it('says so of an alert that it does not know', async () => {
      const routed = await held();
      expect(await journal.amend('0198f000-0000-7000-8000-000000000000', amendmentOf(routed, []))).toBe(false);
      expect(await journal.amend('no such id', amendmentOf(routed, []))).toBe(false);
    });

    it('can do it twice, and many at once', async () => {
      const routed = await Promise.all(Array.from({ length: 40 }, () => held({ sinks: ['pager', 'lake'] })));
      const done = await Promise.all([...routed, ...routed].map((each) => amend(each, ['pager'])));
      expect(done.every(Boolean)).toBe(true);
      expect(await claim()).toHaveLength(40);
      expect(await isBalanced()).toBe(true);
      expect(journal.pending().deliveries).toBe(40);
    });

    it.each(['restart', 'crash'] as const)('holds what it held after a %s, and can amend it still', async (how) => {
      if (!reopen) return;
      const waits = await held();
      const amended = await held({ sinks: ['deck'] });
      const open = await accept({ sinks: ['lake'] });
      await amend(amended, ['deck']);
      journal = await reopen(journal, how, {}, { now: () => now });
      expect(await due()).toEqual([]);
      expect((await claim('deck')).map(({ alert }) => alert.title)).toEqual(['As the vendor has it']);
      // Whoever was killed may have sent it, as far as a journal knows that keeps no claims.
      expect(await amend(open, ['lake'])).toBe(remembersClaims);
      expect(await amend(waits, ['pager'])).toBe(true);
      expect((await due()).map(({ alert }) => alert.title)).toEqual(['As the vendor has it']);
      expect(await isBalanced()).toBe(true);
    });

    it('forgets it with the alert', async () => {
      const routed = await held({ sinks: [] });
      await amend(routed, []);
      now += 400 * 86_400_000;
      expect(await journal.purge(now)).toBe(1);
      expect(await journal.alert(routed.alert.id)).toBeUndefined();
      expect(await isBalanced()).toBe(true);
    });
  });
}
