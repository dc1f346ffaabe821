import type { State } from '../../core/alert.js';
import { contentHash } from '../../kit/json.js';
import { field, number, text } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import type { VendorEvent } from './event.js';

/** What is told of a finding that has an id of its own. */
type Told = { readonly status: string | undefined; readonly state: State };

/**
 * The text that changes when the vendor's report of a finding changes. The first report of a violation or of a mobile
 * target is known by when it was made, and one that somebody closed by when he did: the hook and the Results API say
 * both, so that either copy is the same report. Any other report is known by its type, status and time, which only the
 * hook has; without a status, or an id to know the finding by (`told`), also by what it says. Times are taken as sent:
 * a version must not depend on our clock.
 */
export function versionOf(event: VendorEvent, told: Told | undefined): string {
  const { type = '', time, data } = event;
  const shared = told && sharedVersion(event, told.state);
  return shared ?? JSON.stringify([type, told?.status ?? contentHash(data), text(time) ?? '']);
}

function sharedVersion(event: VendorEvent, state: State): string | undefined {
  const { subject, data, name, isFromApi } = event;
  if (subject === 'target') {
    const isFirst = state === 'open' && (isFromApi || name.endsWith('CREATED'));
    return isFirst ? JSON.stringify(['created']) : undefined;
  }
  if (subject !== 'violation') return undefined;
  const created = momentOf(field(data, 'date_created'));
  if (state === 'open' && created !== undefined && isFirstReport(event, created)) {
    return JSON.stringify(['opened', created]);
  }
  const closed = state === 'closed' ? momentOf(field(data, 'exception_date_created')) : undefined;
  return closed === undefined ? undefined : JSON.stringify(['closed', closed]);
}

const firstReportMs = 3_600_000;

/** One that comes later than this was opened again. The API tells when a violation was made and nothing after it. */
function isFirstReport({ time, isFromApi }: VendorEvent, created: string): boolean {
  const sent = number(time);
  return isFromApi || sent === undefined || Math.abs(sent * 1_000 - Date.parse(created)) <= firstReportMs;
}

/** In our one spelling; whether it is plausible is not asked, for that depends on a clock. */
function momentOf(value: unknown): string | undefined {
  return timeText(value, 'auto', Number.MAX_SAFE_INTEGER, new Set());
}
