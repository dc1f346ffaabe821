import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acceptedRequest, type ReportOf } from '../../../test/support/accepted-request.js';
import type { AcceptedRequest } from '../../core/journal.js';
import { Packer, Unpacker, type PackedRequest } from './pack.js';
import { Store, type StoreOptions } from './store.js';

const dayMs = 86_400_000;

/** As requests reach the writer. */
function unpacked(...requests: AcceptedRequest[]): readonly PackedRequest[] {
  const packer = new Packer();
  packer.add(requests);
  const [call = []] = new Unpacker().read(packer.take().pack);
  return call;
}

describe('a store', () => {
  let folder: string;
  let store: Store;
  let now: number;

  const options = (): StoreOptions => ({
    path: join(folder, 'journal.db'),
    dedupWindow: dayMs,
    retention: dayMs,
    deadLetterRetention: dayMs,
    auditRetention: dayMs,
    lease: 1_000,
  });
  const clocks = () => ({ now, uptime: now });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-store-'));
    now = Date.UTC(2026, 4, 1);
    store = new Store(options(), now);
  });

  afterEach(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });

  const append = (...reports: ReportOf[]) => {
    const requests = unpacked(acceptedRequest({ receivedAt: now, body: Buffer.alloc(0) }, ...reports));
    expect(store.write([() => store.append(requests)])).toMatchObject([{ ok: true }]);
  };
  const claim = (count: number) => store.debts.claim('pager', { count }, clocks()).deliveries;
  const deliver = (deliveries: ReturnType<typeof claim>): number => {
    const settlements = deliveries.map(({ lease, attempt }) => ({
      sink: 'pager',
      lease,
      attempt: { attempt, at: now, durationMs: 1, outcome: 'delivered' as const },
      next: { kind: 'delivered' as const },
    }));
    const [done] = store.write([() => store.settle(settlements, clocks())]);
    return done?.ok === true ? done.value : 0;
  };

  it('does what can be done when one job of a group fails, and undoes all of that one', () => {
    const good = acceptedRequest({ receivedAt: now }, { finding: 'good' });
    const twin = { ...acceptedRequest({ receivedAt: now }, { finding: 'twin' }), id: good.id };
    const late = acceptedRequest({ receivedAt: now }, { finding: 'late' });
    const done = store.write([good, twin, late].map((request) => () => store.append(unpacked(request))));
    expect(done).toMatchObject([{ ok: true }, { ok: false, error: { fatal: false } }, { ok: true }]);
    expect(store.records.counts().sources).toMatchObject([{ requests: 2, accepted: 2 }]);
    expect(claim(10)).toHaveLength(2);
    expect(store.records.alert(twin.alerts[0]?.alert.id ?? '')).toBeUndefined();
    const again = unpacked(acceptedRequest({ receivedAt: now }, { finding: 'twin' }));
    expect(store.write([() => store.append(again)])).toEqual([{ ok: true, value: [] }]);
  });

  it('moves a pull on with the alerts of a page, or not at all', () => {
    const page = (cursor: string, finding: string) =>
      acceptedRequest({ receivedAt: now, pull: { cursor, isLast: true } }, { finding });
    const first = page('one', 'f');
    const spoilt = { ...page('two', 'g'), id: first.id };
    const done = store.write([first, spoilt].map((request) => () => store.append(unpacked(request))));
    expect(done).toMatchObject([{ ok: true }, { ok: false }]);
    expect(store.pulls.state('warden')?.cursor).toBe('one');
    expect(store.pulls.days({ from: 0, until: now }).days).toMatchObject([{ sums: { recovered: 1 } }]);
    expect(claim(10)).toHaveLength(1);
  });

  it('gives out a backlog far larger than it keeps in memory, in order and all of it', () => {
    const findings = 25_000;
    for (let first = 0; first < findings; first += 500) {
      append(
        ...Array.from({ length: 500 }, (_, i) => ({ finding: String((first + i) % 22_000), version: String(first) })),
      );
    }
    store.close();
    store = new Store(options(), now);
    const seen: number[] = [];
    for (;;) {
      const claimed = claim(1_000);
      if (claimed.length === 0) break;
      seen.push(...claimed.map(({ lease }) => lease.seq));
      expect(deliver(claimed)).toBe(claimed.length);
    }
    expect(new Set(seen).size).toBe(findings);
    expect(seen.length).toBe(findings);
    expect(store.records.counts().sinks).toMatchObject([{ pending: 0, delivered: findings }]);
  });

  it('finds the id of a vendor stretch by stretch, however long ago it was', () => {
    append({ finding: 'INC "7"', version: '1' });
    for (let i = 0; i < 5; i += 1) append(...Array.from({ length: 500 }, () => ({ sinks: [] })));
    append({ finding: 'INC "7"', version: '2' });
    const search = (vendorId: string, limit: number) => {
      const titles: string[] = [];
      let place: string | undefined;
      let stretches = 0;
      do {
        const from = { limit, ...(place !== undefined && { place }) };
        const stretch = store.searches.alerts({ vendorId }, from);
        titles.push(...stretch.found.map(({ item }) => item.title));
        place = stretch.rest;
        stretches += 1;
      } while (place !== undefined);
      return { titles, stretches };
    };
    const both = ['Report 2 of INC "7"', 'Report 1 of INC "7"'];
    expect(search('INC "7"', 10)).toEqual({ titles: both, stretches: 4 });
    expect(search('INC "7"', 1).titles).toEqual(both);
    expect(search('INC', 10).titles).toEqual([]);
  });

  it('purges in small steps, past what must stay, and starts over for what came of age since', () => {
    append(...Array.from({ length: 250 }, () => ({ sinks: [] })));
    append({ finding: 'owed' });
    append(...Array.from({ length: 250 }, () => ({ sinks: [] })));
    const round = (): number => {
      let purged = 0;
      for (;;) {
        const [done] = store.write([() => store.purge(now)]);
        if (done?.ok !== true) throw new Error('a step failed');
        expect(done.value.purged).toBeLessThanOrEqual(100);
        purged += done.value.purged;
        if (done.value.isDone) return purged;
      }
    };
    expect(round()).toBe(0);
    now += dayMs;
    expect(round()).toBe(500);
    expect(round()).toBe(0);
    deliver(claim(10));
    expect(round()).toBe(1);
    expect(store.records.counts().sources).toMatchObject([{ accepted: 501, requests: 3 }]);
  });

  it('never gives a number twice, though what had it was purged', () => {
    append({ finding: 'f' });
    const [before] = claim(1);
    deliver(before ? [before] : []);
    now += dayMs;
    for (let isDone = false; !isDone;) {
      const [done] = store.write([() => store.purge(now)]);
      isDone = done?.ok === true && done.value.isDone;
    }
    store.close();
    store = new Store(options(), now);
    append({ finding: 'g' });
    expect(claim(1)).toMatchObject([{ lease: { seq: (before?.lease.seq ?? 0) + 1 } }]);
  });

  it('keeps the last hundred attempts of a delivery that fails and fails', () => {
    const given = acceptedRequest({ receivedAt: now }, {});
    store.write([() => store.append(unpacked(given))]);
    for (let attempt = 1; attempt <= 120; attempt += 1) {
      const [delivery] = claim(1);
      if (!delivery) throw new Error('nothing was due');
      const at = { attempt, at: now, durationMs: 1.5, outcome: 'retry' as const, reason: 'HTTP 503' };
      const next = { kind: 'pending' as const, dueAt: now + 0.5 };
      store.write([() => store.settle([{ sink: 'pager', lease: delivery.lease, attempt: at, next }], clocks())]);
      now += 1;
    }
    const record = store.records.alert(given.alerts[0]?.alert.id ?? '');
    expect(record?.deliveries[0]).toMatchObject({ attempts: 120, state: 'pending' });
    expect(record?.deliveries[0]?.history.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 21),
    );
  });
});
