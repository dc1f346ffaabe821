import { IsDuration } from './options.js';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** What can be set on every journal, whatever keeps it. */
export class JournalOptions {
  /** How long the same report counts as a duplicate after it was first accepted. */
  @IsDuration({ minMs: minuteMs }) dedupWindow: number = 7 * dayMs;

  /** How long an alert is kept once nothing is owed to any sink; never shorter than `dedupWindow`. */
  @IsDuration({ minMs: minuteMs }) retention: number = 30 * dayMs;

  /** How long an alert is kept that some sink never got. */
  @IsDuration({ minMs: minuteMs }) deadLetterRetention: number = 90 * dayMs;

  /** How long it is kept who changed what by the admin side. */
  @IsDuration({ minMs: minuteMs }) auditRetention: number = 365 * dayMs;

  /** How long a claimed delivery may take before it is given to somebody else. */
  @IsDuration({ minMs: 1_000 }) lease: number = 2 * minuteMs;
}
