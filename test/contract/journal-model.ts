import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { NewAlert } from '../../src/core/alert.js';
import type { Delivery, Journal, ParkedBy, Receipt } from '../../src/core/journal.js';
import { mintId } from '../../src/core/identity.js';
import type { Way } from '../../src/core/reconciliation.js';
import { addSourceSums, noSourceSums, type Ledger, type SourceSums } from '../../src/core/ledger.js';
import type { JournalOptions } from '../../src/kit/journal-options.js';
import { acceptedRequest, inParts, type ReportOf } from '../support/accepted-request.js';

/** The journal's rules once more in the plainest way, and random use of a journal that must agree with them. */

const minuteMs = 60_000;

export const modelOptions: Partial<JournalOptions> = {
  dedupWindow: minuteMs,
  retention: 2 * minuteMs,
  deadLetterRetention: 5 * minuteMs,
};

type Owed = {
  readonly sink: string;
  state: 'pending' | 'delivered' | 'dead' | 'superseded';
  attempts: number;
  dueAt: number;
  isReplayed?: boolean;
  claimed?: Delivery | undefined;
};
type Kept = {
  readonly id: string;
  readonly finding: string;
  readonly version: string;
  readonly receivedAt: number;
  readonly superseded: boolean;
  owed: readonly Owed[];
  readonly alert: NewAlert;
  /** Accepted by a process that is gone. */
  isOld: boolean;
  isAmended: boolean;
  readonly isFirst: boolean;
  readonly by: Way;
  /** It came by the other way, too. */
  isByBoth: boolean;
};

export type Step =
  | {
      readonly do: 'append';
      readonly reports: readonly Report[];
      readonly unread: number;
      readonly probe: boolean;
      readonly by: Way;
      /** Each report comes in a part of its own; or so, and the last part never comes. */
      readonly parts: 'none' | 'each' | 'torn';
    }
  | { readonly do: 'claim'; readonly sink: string; readonly count: number }
  | { readonly do: 'settle'; readonly pick: number; readonly as: 'delivered' | 'pending' | 'dead'; readonly ms: number }
  | { readonly do: 'release'; readonly pick: number }
  | { readonly do: 'replay'; readonly pick: number }
  | { readonly do: 'amend'; readonly pick: number; readonly sinks: readonly string[] }
  | { readonly do: 'park'; readonly sink: string; readonly by: ParkedBy }
  | { readonly do: 'resume'; readonly sink: string; readonly by: ParkedBy }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'purge' }
  | { readonly do: Reopening };

/** Closed and opened again; or killed, and opened again with what was on disk. */
export type Reopening = 'restart' | 'crash';

type Report = {
  readonly finding: string;
  readonly version: string;
  readonly minute: number;
  readonly sinks: readonly string[];
  /** How long its deliveries are held. */
  readonly holdMs: number;
};

const sinks = ['pager', 'lake'];
const sink = fc.constantFrom(...sinks);
const by = fc.constantFrom<ParkedBy[]>('router', 'operator');
const report: fc.Arbitrary<Report> = fc.record({
  finding: fc.constantFrom('f', 'g', 'h'),
  version: fc.constantFrom('1', '2', '3', '4', '5', '6'),
  minute: fc.nat(9),
  sinks: fc.subarray(sinks),
  // Long enough not to pass while the test runs.
  holdMs: fc.constantFrom(0, 0, minuteMs / 2),
});

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        reports: fc.array(report, { maxLength: 3 }),
        unread: fc.constantFrom(0, 0, 0, 2),
        probe: fc.constantFrom(false, false, false, true),
        by: fc.constantFrom<Way[]>('webhook', 'pull'),
        parts: fc.constantFrom('none' as const, 'none' as const, 'each' as const, 'torn' as const),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('claim' as const), sink, count: fc.integer({ min: 1, max: 4 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        pick: fc.nat(9),
        as: fc.constantFrom('delivered' as const, 'pending' as const, 'dead' as const),
        // Long enough not to pass while the test runs.
        ms: fc.constantFrom(0, minuteMs / 2, minuteMs),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('replay' as const), pick: fc.nat(9) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('amend' as const), pick: fc.nat(9), sinks: fc.subarray(sinks) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('park' as const), sink, by }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('resume' as const), sink, by }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(90_000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('purge' as const, 'restart' as const, 'crash' as const) }),
    },
  ),
  { minLength: 20, maxLength: 50 },
);

/** Uses a journal as told and compares what it says, step by step, with what it should. */
export class Comparison {
  #kept: Kept[] = [];
  /** Of each finding; forgotten with the alert that was accepted last. */
  readonly #newest = new Map<string, { readonly reportedAt: number; readonly last: string }>();
  /** What was ever accepted: a purge removes alerts, never what was counted. */
  readonly #counts = { accepted: 0, duplicates: 0, unrouted: 0, quarantined: 0, probes: 0 };
  readonly #settled = new Map(sinks.map((name) => [name, { delivered: 0, dead: 0, superseded: 0 }]));
  readonly #parked = new Map<string, ParkedBy>();
  /** The findings that pulls saw: when first, and whether a webhook brought them, too. */
  readonly #pulled = new Map<string, { readonly seenAt: number; isByWebhook: boolean }>();
  readonly #day = { webhook: 0, recovered: 0, changes: 0, unread: 0 };
  #hasPulled = false;
  /** When the journal was opened again last. */
  #openedAt = 0;
  #pages = 0;
  /** Where the last page led of which all came. */
  #cursor: string | undefined;

  /** Without `reopen`, for a journal that keeps nothing, those steps are left out. */
  constructor(
    private journal: Journal,
    private readonly clock: { now: number },
    private readonly reopen?: (journal: Journal, how: Reopening) => Promise<Journal>,
  ) {}

  /** What the journal says must hold after every step. */
  async take(step: Step): Promise<void> {
    await this.#do(step);
    await this.#compareLedger();
    await this.#compareReconciliation();
  }

  close(): Promise<void> {
    return this.journal.close();
  }

  async #do(step: Step): Promise<void> {
    switch (step.do) {
      case 'append':
        return this.#append(step);
      case 'claim':
        return this.#claim(step.sink, step.count);
      case 'settle':
        return this.#settle(step);
      case 'release':
        return this.#release(step.pick);
      case 'replay':
        return this.#replay(step.pick);
      case 'amend':
        return this.#amend(step.pick, step.sinks);
      case 'park':
        return this.#park(step.sink, step.by);
      case 'resume':
        return this.#resume(step.sink, step.by);
      case 'wait':
        this.clock.now += step.ms;
        return;
      case 'purge':
        return this.#purge();
      case 'restart':
      case 'crash':
        return this.#reopen(step.do);
    }
  }

  async compareAll(): Promise<void> {
    const { items } = await this.journal.alerts({}, { limit: 1_000 });
    expect(items.map(({ id, superseded, deliveries }) => ({ id, superseded, deliveries }))).toEqual(
      this.#kept
        .map(({ id, superseded, owed }) => ({
          id,
          superseded,
          deliveries: owed.map(({ sink: name, state, attempts }) => ({ sink: name, state, attempts })),
        }))
        .reverse(),
    );
    const counts = await this.journal.counts();
    if (counts.sources.length > 0) expect(counts.sources).toMatchObject([this.#counts]);
    this.#comparePending();
    for (const { sink: name, ...shown } of counts.sinks) {
      const pending = this.#owed(name).filter(({ owed }) => owed.state === 'pending').length;
      expect(shown).toMatchObject({ pending, ...this.#settled.get(name) });
      expect(shown.parked?.by).toBe(this.#parked.get(name));
    }
  }

  #comparePending(): void {
    const pending = this.#kept.flatMap(({ owed }) => owed).filter(({ state }) => state === 'pending').length;
    expect(this.journal.pending().deliveries).toBe(pending);
    expect(this.journal.pending('warden').deliveries).toBe(pending);
    expect(this.journal.pending().bytes > 0).toBe(pending > 0);
  }

  /** Every equation of the ledger holds, in sum and by hour, and its figures are those of the model. */
  async #compareLedger(): Promise<void> {
    const ledger = await this.journal.ledger({ from: 0, until: this.clock.now + minuteMs });
    expect(ledger).toMatchObject({ balanced: true, numbers: { difference: 0 }, missing: [] });
    const { accepted, duplicates, quarantined, probes, unrouted } = this.#counts;
    const received = accepted + duplicates + quarantined + probes;
    const sums = { received, ...this.#counts, routed: accepted - unrouted };
    for (const lines of [ledger.totals.sources, sumOf(ledger.hours.flatMap((hour) => hour.sources))]) {
      if (lines.length > 0) expect(lines).toMatchObject([sums]);
    }
    for (const { sink: name, ...line } of ledger.totals.sinks) {
      const waiting = this.#owed(name).filter(({ owed }) => owed.state === 'pending').length;
      const settled = this.#settled.get(name) ?? { delivered: 0, dead: 0, superseded: 0 };
      const owed = waiting + settled.delivered + settled.dead + settled.superseded;
      const [pending, parked] = this.#parked.has(name) ? [0, waiting] : [waiting, 0];
      expect(line).toMatchObject({ owed, ...settled, pending, parked, balanced: true });
    }
  }

  /** All that is accepted here is of one day. */
  async #compareReconciliation(): Promise<void> {
    const days = await this.journal.reconciliation({ from: 0, until: this.clock.now + minuteMs });
    const unseen = this.#hasPulled
      ? this.#kept.filter(({ isFirst, finding }) => isFirst && !this.#pulled.has(finding)).length
      : 0;
    const { webhook, recovered, changes, unread } = this.#day;
    const expected = {
      vendor: webhook + recovered + unread,
      webhook: webhook + unseen,
      recovered,
      changes,
      missing: unread,
    };
    const none = Object.values(expected).every((count) => count === 0);
    if (days.length > 0 || !none) expect(days).toEqual([expect.objectContaining(expected)]);
    expect((await this.journal.pullState('warden'))?.cursor).toBe(this.#cursor);
  }

  /** What a report by one of the ways does to the account of its finding; `of`: the alert it is, or is a duplicate of. */
  #see(of: Kept, by: Way, isNew: boolean): void {
    const mark = this.#pulled.get(of.finding);
    if (by === 'webhook') {
      if (mark && !mark.isByWebhook) {
        mark.isByWebhook = true;
        this.#day.webhook += 1;
        this.#day.recovered -= 1;
      }
    } else {
      if (isNew && !of.isFirst) this.#day.changes += 1;
      if (!mark) {
        const isByWebhook = !(isNew && of.isFirst);
        this.#pulled.set(of.finding, { seenAt: this.clock.now, isByWebhook });
        this.#day[isByWebhook ? 'webhook' : 'recovered'] += 1;
      }
    }
    if (isNew || of.by === by || of.isByBoth || !this.#hasPulled) return;
    of.isByBoth = true;
    if (of.by === 'pull' && !of.isFirst && this.#pulled.has(of.finding)) this.#day.changes -= 1;
  }

  /** Nobody holds a lease after that; what is due and what is owed is as it was. */
  async #reopen(how: Reopening): Promise<void> {
    if (!this.reopen) return;
    this.journal = await this.reopen(this.journal, how);
    this.#openedAt = this.clock.now;
    for (const kept of this.#kept) {
      kept.isOld = true;
      for (const each of kept.owed) each.claimed = undefined;
    }
  }

  async #append({ reports, unread, probe, by, parts }: Extract<Step, { do: 'append' }>): Promise<void> {
    const { now } = this.clock;
    const told = reports.map(({ minute, holdMs, ...rest }): ReportOf => ({
      ...(holdMs > 0 && { notBefore: now + holdMs }),
      ...rest,
      keepsState: true,
      updatedAt: minute * minuteMs,
    }));
    const odd = Array.from({ length: unread }, (_, index) => ({ index, reason: 'it is odd' }));
    const pull = { cursor: `after ${this.#pages + 1}`, isLast: true };
    const request = acceptedRequest(
      { receivedAt: now, unread: odd, ...(probe && { probe: 'hello' }), ...(by === 'pull' && { pull }) },
      ...told,
    );
    const split = reports.length > 1 && parts !== 'none' ? inParts(request) : [request];
    const isTorn = parts === 'torn' && split.length > 1;
    if (by === 'pull') {
      // A pull is begun before its first page is kept, which goes for one whose end never comes.
      if (isTorn) await this.journal.beginPull('warden', now);
      this.#hasPulled = true;
      if (!isTorn) this.#cursor = pull.cursor;
      this.#pages += 1;
      this.#day.unread += isTorn ? 0 : unread;
    }
    const kept = isTorn ? split.slice(0, -1) : split;
    const receipts: Receipt[] = [];
    for (const part of kept) receipts.push(...(await this.journal.append([part])));
    const expected = kept
      .flatMap(({ alerts }) => alerts)
      .map(({ alert }, index) => {
        const report = reports[index];
        return report && this.#accept(report, alert, now, by);
      });
    expect(receipts.flatMap(({ alerts }) => alerts)).toEqual(expected);
    this.#counts.quarantined += isTorn ? 0 : unread;
    this.#counts.probes += probe ? 1 : 0;
  }

  #accept({ finding, version, minute, sinks: routed, holdMs }: Report, alert: NewAlert, now: number, by: Way) {
    const { id } = alert;
    const before = this.#kept.filter((kept) => kept.finding === finding);
    const same = before.findLast((kept) => kept.version === version);
    if (same && now - same.receivedAt < minuteMs) {
      this.#counts.duplicates += 1;
      this.#see(same, by, false);
      return { id: same.id, status: 'duplicate' };
    }
    const reportedAt = minute * minuteMs;
    const newest = this.#newest.get(finding);
    const superseded = newest !== undefined && newest.reportedAt > reportedAt;
    this.#newest.set(finding, { reportedAt: Math.max(newest?.reportedAt ?? 0, reportedAt), last: id });
    const owed = this.#owe(routed, superseded, holdMs > 0 ? now + holdMs : 0);
    const isFirst = newest === undefined;
    const told = { id, finding, version, receivedAt: now, superseded, owed, isFirst, by, alert };
    const kept: Kept = { ...told, isByBoth: false, isOld: false, isAmended: false };
    this.#kept.push(kept);
    this.#see(kept, by, true);
    this.#counts.accepted += 1;
    this.#counts.unrouted += routed.length === 0 ? 1 : 0;
    return { id, status: 'accepted' };
  }

  #owe(routed: readonly string[], superseded: boolean, dueAt: number): readonly Owed[] {
    return routed.map((name): Owed => {
      if (superseded) this.#count(name, 'superseded');
      return { sink: name, state: superseded ? 'superseded' : 'pending', attempts: 0, dueAt };
    });
  }

  /** More is learned of any alert; of most it is too late. */
  async #amend(pick: number, routed: readonly string[]): Promise<void> {
    const kept = this.#kept[pick % Math.max(this.#kept.length, 1)];
    if (!kept) return;
    const mayBe = kept.owed.every(
      ({ state, attempts, claimed, isReplayed, dueAt }) =>
        state === 'superseded' ||
        (state === 'pending' &&
          attempts === 0 &&
          !claimed &&
          isReplayed !== true &&
          (!kept.isOld || dueAt > this.#openedAt)),
    );
    const title = `${kept.alert.title}, and more`;
    const routes = routed.length === 0 ? [] : ['everything'];
    const sinks = routed.map((sink) => ({ sink, routes, keepsState: true }));
    const lookup = { at: this.clock.now, durationMs: 1, outcome: 'known', added: ['title'] } as const;
    expect(await this.journal.amend(kept.id, { alert: { ...kept.alert, title }, routes, sinks, lookup })).toBe(mayBe);
    const record = await this.journal.alert(kept.id);
    expect(record?.lookup).toEqual(mayBe ? lookup : { ...lookup, isLate: true });
    expect(record?.alert.title === title).toBe(mayBe || kept.isAmended);
    if (!mayBe) return;
    kept.isAmended = true;
    for (const { sink, state } of kept.owed) if (state === 'superseded') this.#count(sink, state, -1);
    this.#counts.unrouted += (routed.length === 0 ? 1 : 0) - (kept.owed.length === 0 ? 1 : 0);
    kept.owed = this.#owe(routed, kept.superseded, 0);
  }

  async #claim(name: string, count: number): Promise<void> {
    if (this.#parked.has(name)) return;
    const due = this.#due(name).slice(0, count);
    if (due.length === 0) return;
    for await (const batch of this.journal.claim(name, { count }, AbortSignal.timeout(10_000))) {
      expect(batch.map(({ alert, attempt }) => [alert.id, attempt])).toEqual(
        due.map(({ kept, owed }) => [kept.id, owed.attempts + 1]),
      );
      due.forEach(({ owed }, i) => {
        owed.claimed = batch[i];
      });
      return;
    }
    throw new Error('the claim ended');
  }

  async #settle({ pick, as, ms }: Extract<Step, { do: 'settle' }>): Promise<void> {
    const owed = this.#claimed(pick);
    if (!owed?.claimed) return;
    const { lease, attempt } = owed.claimed;
    const at = this.clock.now;
    const outcome = { delivered: 'delivered', pending: 'retry', dead: 'rejected' } as const;
    const next = {
      delivered: { kind: 'delivered' },
      pending: { kind: 'pending', dueAt: at + ms },
      dead: { kind: 'dead', fault: 'theirs', reason: 'HTTP 400' },
    } as const;
    const settlement = {
      sink: owed.sink,
      lease,
      attempt: { attempt, at, durationMs: 1, outcome: outcome[as] },
      next: next[as],
    };
    expect(await this.journal.settle([settlement])).toBe(1);
    expect(await this.journal.settle([settlement])).toBe(0);
    Object.assign(owed, { state: as, attempts: attempt, dueAt: at + ms, claimed: undefined });
    if (as !== 'pending') this.#count(owed.sink, as);
  }

  async #park(name: string, by: ParkedBy): Promise<void> {
    if (this.#parked.get(name) !== 'operator') this.#parked.set(name, by);
    expect((await this.journal.park(name, 'HTTP 403', by)).by).toBe(this.#parked.get(name));
  }

  async #resume(name: string, by: ParkedBy): Promise<void> {
    const parkedBy = this.#parked.get(name);
    const ends = parkedBy !== undefined && (by === 'operator' || parkedBy === 'router');
    if (ends) this.#parked.delete(name);
    expect((await this.journal.resume(name, by))?.by).toBe(ends ? parkedBy : undefined);
  }

  async #release(pick: number): Promise<void> {
    const owed = this.#claimed(pick);
    if (!owed?.claimed) return;
    await this.journal.release(owed.sink, [owed.claimed.lease]);
    owed.claimed = undefined;
    owed.dueAt = 0;
  }

  /** Sends again what was settled, whatever it was delivered or dead of. */
  async #replay(pick: number): Promise<void> {
    const settled = this.#kept
      .flatMap((kept) => kept.owed.map((owed) => ({ kept, owed })))
      .filter(({ owed }) => owed.state === 'delivered' || owed.state === 'dead');
    const chosen = settled[pick % Math.max(settled.length, 1)];
    if (!chosen) return;
    const { kept, owed } = chosen;
    const select = { ids: [kept.id] };
    const { id } = await this.journal.startReplay(mintId(), { mode: 'resend', select, rate: 1, force: true });
    const step = { owe: [{ alertId: kept.id, sink: owed.sink }], looked: 1, outdated: 0, unconfigured: 0 };
    expect(await this.journal.advanceReplay(id, step)).toMatchObject({ owed: 1 });
    if (owed.state !== 'delivered' && owed.state !== 'dead') return;
    this.#count(owed.sink, owed.state, -1);
    Object.assign(owed, { state: 'pending', dueAt: 0, isReplayed: true });
  }

  async #purge(): Promise<void> {
    const { now } = this.clock;
    const goes = ({ receivedAt, owed }: Kept) =>
      receivedAt <= now - (owed.some(({ state }) => state === 'dead') ? 5 : 2) * minuteMs &&
      owed.every(({ state }) => state !== 'pending');
    const gone = this.#kept.filter(goes);
    expect(await this.journal.purge(now)).toBe(gone.length);
    this.#kept = this.#kept.filter((kept) => !goes(kept));
    for (const [finding, { seenAt }] of this.#pulled) if (seenAt <= now - 2 * minuteMs) this.#pulled.delete(finding);
    for (const { id, finding } of gone) if (this.#newest.get(finding)?.last === id) this.#newest.delete(finding);
  }

  #owed(name: string) {
    return this.#kept
      .flatMap((kept) => kept.owed.map((owed) => ({ kept, owed })))
      .filter(({ owed }) => owed.sink === name);
  }

  #due(name: string) {
    const out = this.#owed(name).filter(({ owed }) => owed.claimed !== undefined);
    const passed = new Set(out.map(({ kept }) => kept.finding));
    return this.#owed(name).filter(({ kept: { finding }, owed }) => {
      if (owed.state !== 'pending' || passed.has(finding)) return false;
      passed.add(finding);
      return owed.dueAt <= this.clock.now;
    });
  }

  #claimed(pick: number): Owed | undefined {
    const claimed = this.#kept.flatMap(({ owed }) => owed).filter((owed) => owed.claimed !== undefined);
    return claimed[pick % Math.max(claimed.length, 1)];
  }

  #count(name: string, state: 'delivered' | 'dead' | 'superseded', by = 1): void {
    const counts = this.#settled.get(name);
    if (counts) counts[state] += by;
  }
}

/** Lines of one source, or of none. */
function sumOf(lines: Ledger['totals']['sources']): readonly SourceSums[] {
  const [first] = lines;
  return first ? [lines.reduce((sum: SourceSums, line) => addSourceSums(sum, line), noSourceSums)] : [];
}
