import { describe, expect, it } from '@jest/globals';
import { sampleAlert } from '../../test/support/alerts.js';
import type { NewAlert } from '../core/alert.js';
import type { Lookup } from '../core/source.js';
import { Asker, type AskerOptions } from './asker.js';

const known = { kind: 'known', knowledge: { tags: ['a'] } } as const;
const alertOf = (finding: string) => sampleAlert({ fingerprint: finding });

/** A vendor that answers when it is told to, and counts. */
function vendor() {
  const asked: { readonly alert: NewAlert; readonly signal: AbortSignal; answer(with_: Lookup | Error): void }[] = [];
  const lookup = (alert: NewAlert, signal: AbortSignal) =>
    new Promise<Lookup>((resolve, reject) => {
      const answer = (given: Lookup | Error) => {
        if (given instanceof Error) reject(given);
        else resolve(given);
      };
      signal.addEventListener('abort', () => {
        reject(new Error('aborted'));
      });
      asked.push({ alert, signal, answer });
    });
  return { asked, lookup };
}

const askerOf = (lookup: AskerOptions['lookup'], more: Partial<AskerOptions> = {}) =>
  new Asker({ lookup, concurrency: 2, cache: 10, cacheFor: 60_000, now: () => 0, ...more });

describe('asking a vendor', () => {
  it('is done once for a finding, however many wait, and remembered for a while', async () => {
    let now = 0;
    const { asked, lookup } = vendor();
    const asker = askerOf(lookup, { now: () => now });
    const both = [asker.ask(alertOf('f'), 10_000), asker.ask(alertOf('f'), 10_000)];
    asked[0]?.answer(known);
    expect(await Promise.all(both)).toEqual([
      { finding: known, isShared: false },
      { finding: known, isShared: true },
    ]);
    expect(await asker.ask(alertOf('f'), 10_000)).toEqual({ finding: known, isShared: true });
    expect(asked).toHaveLength(1);
    now = 60_000;
    void asker.ask(alertOf('f'), 10_000);
    expect(asked).toHaveLength(2);
    asker.close('over');
  });

  it('remembers no more than it may', async () => {
    const { asked, lookup } = vendor();
    const asker = askerOf(lookup, { cache: 1 });
    for (const [at, finding] of ['f', 'g', 'f'].entries()) {
      const found = asker.ask(alertOf(finding), 10_000);
      asked[at]?.answer(known);
      expect((await found).isShared).toBe(false);
    }
  });

  it('makes no more calls at once than it may, and begins the next when one ends', async () => {
    const { asked, lookup } = vendor();
    const asker = askerOf(lookup);
    const found = ['f', 'g', 'h'].map((finding) => asker.ask(alertOf(finding), 10_000));
    expect(asked).toHaveLength(2);
    expect(asker.standing).toEqual({ state: 'asking', running: 2, waiting: 1 });
    asked[0]?.answer(known);
    await found[0];
    expect(asked.map(({ alert }) => alert.fingerprint)).toEqual(['f', 'g', 'h']);
    asker.close('over');
    expect((await Promise.all(found.slice(1))).map(({ finding }) => finding)).toEqual([
      { kind: 'failed', reason: 'over' },
      { kind: 'failed', reason: 'over' },
    ]);
  });

  it('gives up a call that nobody waits for any longer', async () => {
    const { asked, lookup } = vendor();
    const asker = askerOf(lookup);
    expect((await asker.ask(alertOf('f'), 1)).finding).toMatchObject({ kind: 'timeout' });
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(asker.standing.running).toBe(0);
  });

  it('is skipped beyond so many a minute, and goes on when there are more', async () => {
    let now = 0;
    const asker = askerOf(() => Promise.resolve({ kind: 'unknown' }), { maxPerMinute: 2, now: () => now });
    const kinds = [];
    for (const finding of ['a', 'b', 'c']) kinds.push((await asker.ask(alertOf(finding), 10_000)).finding.kind);
    expect(kinds).toEqual(['unknown', 'unknown', 'skipped']);
    now = 30_000;
    expect((await asker.ask(alertOf('c'), 10_000)).finding.kind).toBe('unknown');
    expect((await asker.ask(alertOf('d'), 10_000)).finding.kind).toBe('skipped');
  });

  it('rests when it failed five times in a row, and then tries once', async () => {
    let now = 0;
    let calls = 0;
    let isBroken = true;
    const lookup = () => {
      calls += 1;
      return isBroken ? Promise.reject(new Error('HTTP 503')) : Promise.resolve(known);
    };
    const asker = askerOf(lookup, { now: () => now });
    for (let at = 0; at < 5; at += 1) await asker.ask(alertOf(String(at)), 10_000);
    expect(asker.standing).toEqual({ state: 'resting', reason: 'HTTP 503', until: 30_000, running: 0, waiting: 0 });
    expect((await asker.ask(alertOf('x'), 10_000)).finding).toEqual({
      kind: 'skipped',
      reason: "the vendor's API is left alone for a while, since it failed: HTTP 503",
    });
    expect(calls).toBe(5);
    now = 30_000;
    await asker.ask(alertOf('y'), 10_000);
    expect((await asker.ask(alertOf('z'), 10_000)).finding.kind).toBe('skipped');
    expect(calls).toBe(6);
    now = 60_000;
    isBroken = false;
    expect((await asker.ask(alertOf('y'), 10_000)).finding).toEqual(known);
    expect(asker.standing.state).toBe('asking');
  });
});
