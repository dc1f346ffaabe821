import { isTerminal, type NewAlert } from './alert.js';

/** What is remembered of a finding between its reports. Times in milliseconds since the epoch. */
export type Finding = {
  /** When the vendor made the newest report accepted so far. */
  readonly newestAt: number;
  /** Whether that report ended the finding. */
  readonly ended: boolean;
};

type Report = Pick<NewAlert, 'state' | 'time' | 'updatedTime'>;

/** When the vendor made this report, as far as it says; milliseconds since the epoch. */
export function reportedAt(report: Report): number {
  return Date.parse(report.updatedTime ?? report.time);
}

/**
 * True for a report that came too late: a newer one of its finding was accepted before it.
 *
 * A report without `updatedTime` has only the finding's own time, which says nothing about the order of its reports:
 * it counts as late only where it would reopen a finding that ended.
 */
export function isSuperseded(report: Report, finding: Finding | undefined): boolean {
  if (!finding) return false;
  if (finding.ended && !isTerminal(report.state)) return reportedAt(report) <= finding.newestAt;
  return report.updatedTime !== undefined && reportedAt(report) < finding.newestAt;
}

/** The finding after one more report, itself not superseded. */
export function withReport(report: Report, finding: Finding | undefined): Finding {
  const at = reportedAt(report);
  return { newestAt: Math.max(at, finding?.newestAt ?? at), ended: isTerminal(report.state) };
}
