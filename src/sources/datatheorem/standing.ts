import type { Resolution, State } from '../../core/alert.js';
import type { Flags } from '../../kit/read.js';

/** Where a finding stands. */
export type Standing = { readonly state: State; readonly resolution?: Resolution };

/**
 * The state by the vendor's status word, with the end of the event's name as a cross-check: of
 * `POLICY_VIOLATION_CLOSED_WONT_FIX` that is `CLOSED_WONT_FIX`. Only the word `RESOLVED` is shown by a sample of the
 * hook; the others are the pull API's, or guessed, so words are compared by how they begin.
 *
 * Flags: `state_conflict` (the status wins), `state_unmapped` (an unknown word), `state_missing` (nothing says it).
 */
export function standingOf(status: string | undefined, name: string, flags: Flags): Standing {
  const byStatus = status === undefined ? undefined : standingOfWord(status);
  const byName = standingOfWord(/(?:(?:RE)?OPENED|CREATED|RESOLVED|FIXED|CLOSED.*)$/.exec(name)?.[0] ?? '');
  if (status !== undefined && byStatus === undefined) flags.add('state_unmapped');
  if (byStatus && byName && byStatus.state !== byName.state) {
    flags.add('state_conflict');
    return byStatus;
  }
  if (byStatus === undefined && byName === undefined && status === undefined) flags.add('state_missing');
  return { state: 'unknown', ...byName, ...byStatus };
}

const fixed: Standing = { state: 'resolved', resolution: 'fixed' };

/** Why a finding is no longer open; the API writes `CLOSED_` ahead of most. */
const reasons: readonly (readonly [word: string, Standing])[] = [
  ['fixed', fixed],
  ['resolved', fixed],
  ['wontfix', { state: 'closed', resolution: 'wont_fix' }],
  ['riskaccepted', { state: 'closed', resolution: 'risk_accepted' }],
  ['compensatingcontrol', { state: 'closed', resolution: 'compensating_control' }],
  ['falsepositive', { state: 'closed', resolution: 'false_positive' }],
];

/** Any separator, either case: `Won't Fix` is `WONT_FIX`. */
function standingOfWord(word: string): Standing | undefined {
  const letters = word.toLowerCase().replace(/[^a-z]/g, '');
  if (/^(?:re)?open|^new|^created/.test(letters)) return { state: 'open' };
  if (letters === 'closed') return { state: 'closed' };
  const reason = letters.replace(/^closed/, '');
  const known = reasons.find(([begin]) => reason.startsWith(begin))?.[1];
  return known ?? (letters.startsWith('closed') ? { state: 'closed', resolution: 'other' } : undefined);
}
