import { isDeepStrictEqual } from 'node:util';
import type { NewAlert } from '../core/alert.js';
import type { LookupOutcome } from '../core/journal.js';
import { addKnowledge, pendingFlag, type Knowledge } from '../core/knowledge.js';

/** What asking came to. All but the vendor's two answers have a reason. */
export type Finding =
  | { readonly kind: 'known'; readonly knowledge: Knowledge }
  | { readonly kind: 'unknown' }
  | { readonly kind: Exclude<LookupOutcome, 'known' | 'unknown'>; readonly reason: string };

/** What an alert is looked up for: its details, whether it is genuine, or both. */
export type Purpose = { readonly enrich: boolean; readonly verify: boolean };

/** The alert as it is sent on, and the names of the fields that it gained by what was found. */
export type Judgement = { readonly alert: NewAlert; readonly added: readonly string[] };

/** What an alert becomes by what was found: with its details, or flagged for want of them. Pure. */
export function judge(held: NewAlert, finding: Finding, purpose: Purpose): Judgement {
  const others = held.quality.filter((flag) => flag !== pendingFlag);
  const bare = { ...held, quality: [...others, ...flagsOf(finding, purpose)] };
  const enriched = finding.kind === 'known' && purpose.enrich ? addKnowledge(bare, finding.knowledge) : undefined;
  if (!enriched) return { alert: bare, added: [] };
  const names = Object.keys(enriched) as (keyof NewAlert)[];
  return {
    alert: enriched,
    added: names.filter((name) => name !== 'quality' && !isDeepStrictEqual(enriched[name], bare[name])),
  };
}

/**
 * `enrichment_failed` and `enrichment_timeout`: sent without details. `unverified`: the vendor knows no such alert;
 * `verification_skipped`: nobody knows whether it does, since it was not asked or did not answer.
 */
function flagsOf({ kind }: Finding, { enrich, verify }: Purpose): readonly string[] {
  if (kind === 'known') return [];
  const lack = kind === 'timeout' ? 'enrichment_timeout' : 'enrichment_failed';
  const doubt = kind === 'unknown' ? 'unverified' : 'verification_skipped';
  return [...(enrich ? [lack] : []), ...(verify ? [doubt] : [])];
}
