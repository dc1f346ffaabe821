import { reportTimeOf, type Alert } from '../../core/alert.js';

const hourMs = 3_600_000;
/** Datadog takes 18 hours, less half an hour for the way there and for clocks that differ. */
export const keptMs = 17.5 * hourMs;
const aheadMs = 1.5 * hourMs;

/** The time to send, in milliseconds; `trueTime` where the alert's own is outside of what Datadog takes. */
export type Stamp = { readonly ms: number; readonly trueTime?: string };

/** How a body is written: at which time, how far back Datadog takes it, and whether shorter than usual. */
export type Manner = {
  readonly now: number;
  /** 17 h 30 min unless told; 0 for an answer that says it was still too old. */
  readonly keptMs?: number;
  readonly isShort?: boolean;
};

/** When the finding was made, or when its report changed; moved to the nearest time that Datadog takes. */
export function stampOf(alert: Alert, manner: Manner): Stamp {
  const time = reportTimeOf(alert);
  const ms = Date.parse(time);
  const oldest = manner.now - (manner.keptMs ?? keptMs);
  const moved = Math.min(Math.max(ms, oldest), manner.now + aheadMs);
  return moved === ms ? { ms } : { ms: moved, trueTime: time };
}
