import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Backlog, type Claimed } from './backlog.js';

const leaseMs = 100;
const at = (now: number) => ({ now, uptime: now });

/** The same rules in the plainest way: a list, looked through from the start. */
class Plain {
  rows: { alert: number; finding: number; attempts: number; dueAt: number; until: number; token: number }[] = [];
  #tokens = 0;

  claim(now: number): Claimed | undefined {
    const passed = new Set<number>();
    const first = (finding: number) => this.rows.find((row) => row.finding === finding);
    for (const row of this.rows) {
      if (row.until > now) passed.add(row.finding);
      else if (row !== first(row.finding)) row.token = 0;
    }
    for (const row of this.rows) {
      if (passed.has(row.finding)) continue;
      passed.add(row.finding);
      if (row.dueAt > now) continue;
      this.#tokens += 1;
      row.token = this.#tokens;
      row.until = now + leaseMs;
      return { alert: row.alert, finding: row.finding, attempts: row.attempts, token: row.token };
    }
    return undefined;
  }
}

type Step =
  | { readonly do: 'add'; readonly finding: number }
  | { readonly do: 'replay'; readonly alert: number; readonly finding: number }
  | { readonly do: 'claim' }
  | { readonly do: 'settle'; readonly pick: number }
  | { readonly do: 'release'; readonly pick: number }
  | { readonly do: 'postpone'; readonly pick: number; readonly by: number }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), finding: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('replay' as const), alert: fc.nat(20), finding: fc.nat(4) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('postpone' as const), pick: fc.nat(20), by: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(80) }) },
);

describe('a backlog', () => {
  it('gives out the same as a plain list would, whatever happens to it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const backlog = new Backlog(leaseMs);
        backlog.isComplete = true;
        const plain = new Plain();
        const claims: Claimed[] = [];
        let now = 1_000;
        let alert = 0;
        for (const each of steps) {
          if (each.do === 'add') {
            alert += 1;
            backlog.append({ alert: 2 * alert, finding: each.finding, attempts: 0 });
            plain.rows.push({ alert: 2 * alert, finding: each.finding, attempts: 0, dueAt: 0, until: 0, token: 0 });
          } else if (each.do === 'replay') {
            // Odd numbers are free for deliveries of earlier alerts that come back.
            const earlier = 2 * Math.min(each.alert, alert) + 1;
            if (plain.rows.some((row) => row.alert === earlier)) continue;
            backlog.insert({ alert: earlier, finding: each.finding, attempts: 3, replay: 1 });
            plain.rows.push({ alert: earlier, finding: each.finding, attempts: 3, dueAt: 0, until: 0, token: 0 });
            plain.rows.sort((a, b) => a.alert - b.alert);
          } else if (each.do === 'claim') {
            const claimed = backlog.claim(at(now));
            const expected = plain.claim(now);
            expect(claimed && { ...claimed, replay: undefined }).toEqual(expected);
            if (claimed) claims.push(claimed);
          } else if (each.do === 'wait') {
            now += each.ms;
          } else {
            const claim = claims[each.pick % claims.length];
            if (!claim) continue;
            const row = plain.rows.find(({ alert: seq, token }) => seq === claim.alert && token === claim.token);
            expect(backlog.held(claim.alert, claim.token) !== undefined).toBe(row !== undefined);
            if (!row) continue;
            if (each.do === 'release') {
              backlog.release(claim.alert, claim.token);
              row.until = 0;
              row.token = 0;
            } else if (each.do === 'settle') {
              backlog.settle(claim.alert);
              plain.rows.splice(plain.rows.indexOf(row), 1);
            } else {
              backlog.postpone(claim.alert, now + each.by, at(now));
              Object.assign(row, { attempts: row.attempts + 1, dueAt: now + each.by, until: 0, token: 0 });
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tells how long nothing will be due', () => {
    const backlog = new Backlog(leaseMs);
    backlog.isComplete = true;
    expect(backlog.nextMs(at(0))).toBeUndefined();
    backlog.append({ alert: 1, finding: 1, attempts: 0 });
    expect(backlog.nextMs(at(0))).toBe(0);
    const claimed = backlog.claim(at(0));
    expect(backlog.nextMs(at(10))).toBe(leaseMs - 10);
    backlog.postpone(claimed?.alert ?? 0, 50, at(10));
    expect(backlog.nextMs(at(20))).toBe(30);
  });

  it('does not wait for a wall clock that was set back', () => {
    const backlog = new Backlog(leaseMs);
    backlog.isComplete = true;
    backlog.append({ alert: 1, finding: 1, attempts: 0 });
    backlog.claim({ now: 1_000_000, uptime: 0 });
    backlog.postpone(1, 1_005_000, { now: 1_000_000, uptime: 0 });
    const hourBack = 1_000_000 - 3_600_000;
    expect(backlog.claim({ now: hourBack, uptime: 4_999 })).toBeUndefined();
    expect(backlog.nextMs({ now: hourBack, uptime: 4_999 })).toBe(1);
    expect(backlog.claim({ now: hourBack, uptime: 5_000 })).toMatchObject({ alert: 1, attempts: 1 });
  });

  it('does not take more into memory than it may, and says that there is more', () => {
    const backlog = new Backlog(leaseMs);
    backlog.isComplete = true;
    let alert = 0;
    do {
      alert += 1;
      backlog.append({ alert, finding: alert, attempts: 0 });
    } while (backlog.readTo === alert);
    expect(backlog.isComplete).toBe(false);
    expect(backlog.isFull).toBe(true);
    expect(backlog.readTo).toBe(alert - 1);
    backlog.claim(at(0));
    backlog.settle(1);
    expect(backlog.isFull).toBe(false);
    backlog.append({ alert: alert + 1, finding: 1, attempts: 0 });
    expect(backlog.readTo).toBe(alert - 1);
  });
});
