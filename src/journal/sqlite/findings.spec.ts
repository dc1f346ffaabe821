import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { states } from '../../core/alert.js';
import { isSuperseded, withReport, type Finding } from '../../core/finding.js';
import { Findings, type Verdict } from './findings.js';
import { openDatabase } from './schema.js';

const windowMs = 1_000;
const keyOf = (text: string) => hash('sha256', text, 'buffer').subarray(0, 16);

type Report = { readonly finding: number; readonly version: number; readonly at: number; readonly ends: boolean };

/** The same rules in the plainest way: all that was ever accepted, in a list. */
class Plain {
  accepted: (Report & { alert: number; receivedAt: number; superseded: boolean })[] = [];

  judge(report: Report, receivedAt: number, alert: number): Verdict {
    const before = this.accepted.filter(({ finding }) => finding === report.finding);
    const same = before.findLast(({ version }) => version === report.version);
    if (same && receivedAt - same.receivedAt < windowMs) return { kind: 'duplicate', of: same.alert };
    const known = before.reduce<Finding | undefined>(
      (finding, each) => (each.superseded && finding ? finding : withReport({ ...each, isDated: true }, finding)),
      undefined,
    );
    const superseded = isSuperseded({ ...report, isDated: true }, known);
    this.accepted.push({ ...report, alert, receivedAt, superseded });
    return { kind: 'new', isFirst: before.length === 0, superseded, previous: before.at(-1)?.alert ?? null };
  }
}

type Step =
  | { readonly do: 'judge'; readonly reports: readonly Report[]; readonly commits: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'reopen' };

const report = fc.record({ finding: fc.nat(12), version: fc.nat(3), at: fc.nat(30), ends: fc.boolean() });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('judge' as const),
      reports: fc.array(report, { minLength: 1, maxLength: 6 }),
      commits: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(700) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

describe('what is known of findings', () => {
  let folder: string;
  let db: Database.Database;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-findings-'));
    db = openDatabase(join(folder, 'journal.db'));
    db.pragma('synchronous = OFF');
  });

  afterEach(() => {
    db.close();
    rmSync(folder, { recursive: true });
  });

  it('is the same as a list of everything would tell: in memory, on its way to disk, there, and read back', () => {
    const insert = db.prepare(
      `INSERT INTO alerts (seq, id, request, source, received_at, fingerprint, dedup_key, kind, state, severity,
         reported_at, is_first, superseded, decision, json) VALUES (?, ?, 0, 0, ?, ?, ?, 0, ?, 0, ?, 0, ?, 0, x'')`,
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        for (const table of ['alerts', 'findings', 'reports', 'progress']) db.exec(`DELETE FROM ${table}`);
        // Small, so that all of it happens often: every ten alerts or so go to disk.
        let findings = new Findings(db, windowMs, 10);
        const plain = new Plain();
        let now = 10_000;
        let alert = 0;
        for (const each of steps) {
          if (each.do === 'wait') now += each.ms;
          else if (each.do === 'reopen') findings = new Findings(db, windowMs, 10);
          else {
            const before = { alert, accepted: [...plain.accepted] };
            db.exec('BEGIN');
            for (const { finding, version, at, ends } of each.reports) {
              const fingerprint = keyOf(`finding ${finding}`);
              const dedupKey = keyOf(`finding ${finding} version ${version}`);
              const age = { at, isDated: true, ends };
              const verdict = findings.judge(fingerprint, dedupKey, age, now, alert + 1);
              expect(verdict).toEqual(plain.judge({ finding, version, at, ends }, now, alert + 1));
              if (verdict.kind === 'duplicate') continue;
              alert += 1;
              const state = states.indexOf(ends ? 'closed' : 'open');
              const superseded = verdict.superseded ? 1 : 0;
              insert.run(alert, keyOf(`alert ${alert}`), now, fingerprint, dedupKey, state, at, superseded);
            }
            findings.flush();
            db.exec(each.commits ? 'COMMIT' : 'ROLLBACK');
            if (each.commits) {
              findings.commit();
            } else {
              findings.rollback();
              alert = before.alert;
              plain.accepted = before.accepted;
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('forgets a report that is purged, wherever it is', () => {
    const findings = new Findings(db, windowMs, 4);
    const keys = Array.from({ length: 12 }, (_, i) => keyOf(`finding ${String(i)}`));
    const age = { at: 1, isDated: true, ends: false };
    const judge = (key: Buffer, alert: number) => {
      const verdict = findings.judge(key, key, age, 1, alert);
      findings.flush();
      findings.commit();
      return verdict;
    };
    keys.forEach((key, i) => judge(key, i + 1));
    keys.forEach((key, i) => {
      findings.forget(key, key, i + 1);
      findings.flush();
      findings.commit();
    });
    expect(keys.map((key, i) => judge(key, i + 101))).toEqual(
      keys.map(() => ({ kind: 'new', isFirst: true, superseded: false, previous: null })),
    );
  });
});
