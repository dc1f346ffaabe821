import { isTerminal, type NewAlert } from './alert.js';

/** What is remembered of a finding between its reports. */
export type Finding = {
  /** When the vendor made the newest report accepted so far; milliseconds since the epoch. */
  readonly newestAt: number;
  /** Whether the last report taken as current ended the finding. */
  readonly ended: boolean;
};

/** What decides the place of a report among the others of its finding. */
export type ReportAge = {
  /** When the vendor made it, as far as it says; milliseconds since the epoch. */
  readonly at: number;
  /** False where it says only when the finding began, which tells nothing of the order of its reports. */
  readonly isDated: boolean;
  readonly ends: boolean;
};

/** What a plugin got wrong in `updatedTime` counts as not said. */
export function ageOf(alert: Pick<NewAlert, 'state' | 'time' | 'updatedTime'>): ReportAge {
  const updatedAt = Date.parse(alert.updatedTime ?? '');
  const isDated = !Number.isNaN(updatedAt);
  return { at: isDated ? updatedAt : Date.parse(alert.time), isDated, ends: isTerminal(alert.state) };
}

/**
 * True for a report that came too late: a newer one of its finding was accepted before it. One that is not dated is
 * taken in the order it came, but for this: it does not reopen what ended.
 */
export function isSuperseded(report: ReportAge, finding: Finding | undefined): boolean {
  if (!finding) return false;
  if (finding.ended && !report.ends) return report.at <= finding.newestAt;
  return report.isDated && report.at < finding.newestAt;
}

/** The finding after one more report, itself not superseded. */
export function withReport(report: ReportAge, finding: Finding | undefined): Finding {
  return { newestAt: Math.max(report.at, finding?.newestAt ?? report.at), ended: report.ends };
}
