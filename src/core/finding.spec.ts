import { describe, expect, it } from '@jest/globals';
import type { State } from './alert.js';
import { ageOf, isSuperseded, withReport, type Finding } from './finding.js';

const at = (minute: number) => new Date(Date.UTC(2026, 4, 1, 10, minute)).toISOString();
type Report = { state: State; time: string; updatedTime?: string };
const opened: Report = { state: 'open', time: at(0) };

function after(...reports: Report[]): Finding | undefined {
  return reports.reduce<Finding | undefined>((finding, report) => withReport(ageOf(report), finding), undefined);
}

const isLate = (report: Report, finding: Finding | undefined) => isSuperseded(ageOf(report), finding);

describe('a report', () => {
  it('is never late when it is the first of its finding', () => {
    expect(isLate({ ...opened, updatedTime: at(0) }, undefined)).toBe(false);
  });

  it('is late when the vendor made it before the newest one accepted', () => {
    const finding = after({ ...opened, updatedTime: at(20) });
    expect(isLate({ ...opened, updatedTime: at(19) }, finding)).toBe(true);
    expect(isLate({ ...opened, updatedTime: at(20) }, finding)).toBe(false);
    expect(isLate({ ...opened, updatedTime: at(21) }, finding)).toBe(false);
  });

  it('does not reopen a finding that ended, unless it is newer than the end', () => {
    const finding = after(opened, { ...opened, state: 'resolved', updatedTime: at(20) });
    expect(isLate(opened, finding)).toBe(true);
    expect(isLate({ ...opened, updatedTime: at(20) }, finding)).toBe(true);
    expect(isLate({ ...opened, updatedTime: at(30) }, finding)).toBe(false);
  });

  it('that does not say when it was made is taken in the order it came', () => {
    const finding = after({ ...opened, updatedTime: at(20) });
    expect(isLate({ ...opened, state: 'closed' }, finding)).toBe(false);
    expect(isLate({ ...opened, state: 'acknowledged' }, finding)).toBe(false);
  });

  it('that does not say when it was made leaves the newest time as it was', () => {
    const finding = after({ ...opened, updatedTime: at(20) }, { ...opened, state: 'closed' });
    expect(finding).toEqual({ newestAt: Date.parse(at(20)), ended: true });
  });
});
