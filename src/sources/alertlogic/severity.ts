import type { Severity } from '../../core/alert.js';
import { number, text, type Flags } from '../../kit/read.js';
import type { SeverityTable } from '../../kit/severity.js';
import type { Context } from './shape.js';

/** The vendor's words, which it writes in either case (`incident_threat_rating`, `defaultThreatRating`). */
export const threatRatings: SeverityTable = {
  critical: 'critical',
  high: 'high',
  medium: 'medium',
  low: 'low',
  info: 'informational',
  informational: 'informational',
};

export type Rating = { readonly severity: Severity; readonly vendorSeverity: string | undefined };

/**
 * The severity by the first rating whose word is known. `current` holds the fields that should agree, in falling
 * precedence; `fallback` is a rating that is only second best, such as the one before analysis.
 *
 * Flags: `severity_conflict` (the current ones disagree), `severity_fallback`, `severity_unmapped` (no word is known),
 * `severity_missing`, and those of the configured table.
 */
export function ratingOf(
  current: readonly unknown[],
  { severityOf }: Context,
  flags: Flags,
  fallback?: unknown,
): Rating {
  const said = current.map(text).filter((word) => word !== undefined);
  if (new Set(said.map((word) => word.toLowerCase())).size > 1) flags.add('severity_conflict');
  const second = text(fallback);
  const ratings = said.length === 0 && second !== undefined ? [second] : said;
  if (ratings !== said) flags.add('severity_fallback');
  if (ratings[0] === undefined) flags.add('severity_missing');
  for (const vendorSeverity of ratings) {
    const own: Flags = new Set();
    const severity = severityOf(vendorSeverity, own);
    if (own.has('severity_unmapped')) continue;
    own.forEach((flag) => flags.add(flag));
    return { severity, vendorSeverity };
  }
  if (ratings[0] !== undefined) flags.add('severity_unmapped');
  return { severity: 'unknown', vendorSeverity: ratings[0] };
}

/** The lowest value of each step, in falling order. */
const steps: readonly (readonly [from: number, Severity])[] = [
  [90, 'critical'],
  [70, 'high'],
  [40, 'medium'],
  [20, 'low'],
  [1, 'informational'],
];

/** The severity of an IDS event, `'0'` to `'100'`. No source tells what the scale means: `severity_scale_assumed`. */
export function eventRatingOf(value: unknown, context: Context, flags: Flags): Rating {
  const level = number(value);
  const own: Flags = new Set();
  const rating = ratingOf([value], context, own);
  if (level === undefined || !own.has('severity_unmapped')) {
    own.forEach((flag) => flags.add(flag));
    return rating;
  }
  flags.add('severity_scale_assumed');
  const severity = steps.find(([from]) => level >= from)?.[1] ?? 'unknown';
  return { severity, vendorSeverity: text(value) };
}
