import { field } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import type { ApiRecord } from './client/threatstack.js';
import { readStretch, type Stretch } from './stretch.js';
import type { VendorApi } from './vendor-api.js';

export type LookBack = {
  /** Alerts made since then are read anyhow; before it, only what was dismissed after it. Milliseconds since the epoch. */
  readonly made: number;
  readonly lookBackMs: number;
  /** With more dismissed alerts than these, it looks back less far. */
  readonly most: number;
};

/** No look back is shorter. */
const shortestMs = 60_000;

/**
 * Older alerts that were dismissed since: the API can be asked for alerts by when they were made, and not by when they
 * were dismissed, which is hours or days later.
 */
export async function dismissedSince(
  api: VendorApi,
  { made, lookBackMs, most }: LookBack,
  signal: AbortSignal,
): Promise<Pick<Stretch, 'alerts' | 'trouble'>> {
  for (let backMs = lookBackMs; backMs >= shortestMs; backMs = Math.floor(backMs / 4)) {
    const pages = api.dismissed(made - backMs, made, signal);
    if (pages === undefined) break;
    const { alerts, isCut, trouble } = await readStretch(pages, most, signal);
    const recent = alerts.filter(({ alert }) => isDismissedAfter(alert, made));
    if (!isCut) return { alerts: recent, ...(trouble && { trouble }) };
  }
  return { alerts: [] };
}

/** One of which it is not known when is told again, and kept once. */
function isDismissedAfter(alert: ApiRecord, ms: number): boolean {
  const at = timeText(field(alert, 'dismissedAt'), 'ms', Number.MAX_SAFE_INTEGER, new Set());
  return at === undefined || Date.parse(at) >= ms;
}
