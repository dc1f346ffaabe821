import type { Resolution, State } from '../../core/alert.js';
import { bool, oneOf, text, type Flags } from '../../kit/read.js';

/** `completed` is the API's word, `closed` that of notifications; `snoozed` is named in the template docs. */
const words = { open: 'open', reopened: 'open', snoozed: 'snoozed', completed: 'completed', closed: 'closed' } as const;

/** The `reason_code` of a completed incident (iris.v3.yaml). */
const reasons: Readonly<Record<string, Resolution>> = {
  further_action: 'other',
  acceptable_risk: 'risk_accepted',
  compensating_control: 'compensating_control',
  threat_not_valid: 'false_positive',
  not_concluded: 'other',
  other: 'other',
};

/** Nothing was mended: the finding is closed rather than resolved. */
const unmended: ReadonlySet<Resolution | undefined> = new Set([
  'risk_accepted',
  'compensating_control',
  'false_positive',
]);

export type Standing = {
  readonly state: State;
  readonly resolution: Resolution | undefined;
  readonly vendorState: string | undefined;
};

/**
 * The state of an incident: `statuses` in falling precedence, where none means open (so does the vendor's own client);
 * `reason` is the reason code; `snoozes` are the fields that tell whether it is snoozed, in falling precedence.
 *
 * Flags: `state_conflict` (statuses disagree, or what is over is snoozed), `snooze_conflict`, `state_unmapped`,
 * `resolution_unmapped`.
 */
export function standingOf(
  sent: { readonly statuses: readonly unknown[]; readonly reason?: unknown; readonly snoozes?: readonly unknown[] },
  flags: Flags,
): Standing {
  const said = sent.statuses.map(text).filter((word) => word !== undefined);
  if (new Set(said.map(groupOf)).size > 1) flags.add('state_conflict');
  const chosen = said.find((word) => oneOf(word, words) !== undefined);
  if (chosen === undefined && said.length > 0) flags.add('state_unmapped');
  const vendorState = chosen ?? said[0];
  const word = oneOf(vendorState ?? 'open', words);
  const isSnoozed = isAnySnoozed(sent.snoozes ?? [], flags);
  switch (word) {
    case undefined:
      return { state: 'unknown', resolution: undefined, vendorState };
    case 'open':
      return { state: isSnoozed ? 'snoozed' : 'open', resolution: undefined, vendorState };
    case 'snoozed':
      return { state: 'snoozed', resolution: undefined, vendorState };
    case 'completed':
    case 'closed': {
      if (isSnoozed) flags.add('state_conflict');
      const resolution = resolutionOf(sent.reason, flags);
      return { state: word === 'closed' || unmended.has(resolution) ? 'closed' : 'resolved', resolution, vendorState };
    }
  }
}

/** `completed` here and `closed` there are two words for one thing. */
function groupOf(said: string): string {
  const word = oneOf(said, words);
  return word === 'closed' ? 'completed' : (word ?? said.toLowerCase());
}

function isAnySnoozed(snoozes: readonly unknown[], flags: Flags): boolean {
  const said = snoozes.map(bool).filter((snoozed) => snoozed !== undefined);
  if (new Set(said).size > 1) flags.add('snooze_conflict');
  return said[0] ?? false;
}

function resolutionOf(reason: unknown, flags: Flags): Resolution | undefined {
  if (text(reason) === undefined) return undefined;
  const resolution = oneOf(reason, reasons);
  if (resolution === undefined) flags.add('resolution_unmapped');
  return resolution ?? 'other';
}
