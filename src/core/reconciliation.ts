import type { Parked } from './journal.js';

/** How a report of a source came in: the vendor sent it, or was asked. */
export type Way = 'webhook' | 'pull';

/** The `authentication` of a pulled page: nobody posted it. */
export const pullAuthentication = 'pull';

/** What is kept of a pull together with the alerts of one of its pages. */
export type PullMark = {
  /** Where to go on after the page: the plugin's own text. */
  readonly cursor: string;
  /** Nothing came after it then. */
  readonly isLast: boolean;
  /** How many alerts the vendor itself said it has, by UTC day (`2026-03-01`). */
  readonly totals?: Readonly<Record<string, number>>;
};

/** How far the pull of a source has come. Times in milliseconds since the epoch. */
export type PullState = {
  readonly source: string;
  /** Where its first pull began. */
  readonly since: number;
  /** Of the last page that was kept. */
  readonly cursor?: string;
  /** When that page came, and when a pull last came to the end of what there was. */
  readonly pageAt?: number;
  readonly caughtUpAt?: number;
  /** Set while it is parked. */
  readonly parked?: Parked;
};

/** UTC days; from inclusive, until exclusive, in milliseconds since the epoch, widened to whole days. */
export type DayRange = { readonly from: number; readonly until: number };

/**
 * One UTC day of a source, by the vendor's time of the findings: what its vendor has, and by which way it came here.
 * Each finding counts once, however often it was reported.
 */
export type DayAccount = {
  readonly source: string;
  /** `2026-03-01`. */
  readonly day: string;
  /** How many findings the vendor has: by its own word, or as many as the pull saw. */
  readonly vendor: number;
  readonly vendorBy: 'vendor' | 'pull';
  /** How many of them a webhook brought, whether or not the pull has come to them. */
  readonly webhook: number;
  /** How many only the pull brought. */
  readonly recovered: number;
  /** Later reports of findings that are counted already, and that only the pull brought. */
  readonly changes: number;
  /** What the vendor has and nothing brought; or, where the vendor says no number, what the pull saw and could not be read. */
  readonly missing: number;
};

/** What a journal counts of a day. */
export type DaySums = {
  readonly total?: number;
  readonly webhook: number;
  readonly recovered: number;
  readonly changes: number;
  /** Parts of pulled pages in the quarantine, by the day they came. */
  readonly unread: number;
};

export const noDaySums: DaySums = { webhook: 0, recovered: 0, changes: 0, unread: 0 };

/** `unseen`: findings of the day that a webhook brought and no pull has come to yet. */
export function dayAccount(source: string, day: string, sums: DaySums, unseen: number): DayAccount {
  const { total, recovered, changes, unread } = sums;
  const webhook = sums.webhook + unseen;
  return {
    source,
    day,
    vendor: total ?? sums.webhook + recovered + unread,
    vendorBy: total === undefined ? 'pull' : 'vendor',
    webhook,
    recovered,
    changes,
    missing: total === undefined ? unread : Math.max(0, total - webhook - recovered),
  };
}

/** What is remembered of a finding that a pull saw: whether a webhook brought it, too. */
export type PulledMark = Way | undefined;

/** What a report does to the account of its finding. */
export type Sighting = {
  readonly by: Way;
  /** The journal had no report of the finding before. */
  readonly isFirst: boolean;
  /** It is no duplicate. */
  readonly isNew: boolean;
};

/** The mark after one more report, and what is added to the sums of the finding's day. */
export function sight(
  mark: PulledMark,
  { by, isFirst, isNew }: Sighting,
): { readonly mark: PulledMark; readonly add: Pick<DaySums, 'webhook' | 'recovered' | 'changes'> } {
  if (by === 'webhook') {
    return mark === 'pull'
      ? { mark: 'webhook', add: { webhook: 1, recovered: -1, changes: 0 } }
      : { mark, add: { webhook: 0, recovered: 0, changes: 0 } };
  }
  const changes = isNew && !isFirst ? 1 : 0;
  if (mark !== undefined) return { mark, add: { webhook: 0, recovered: 0, changes } };
  return isFirst
    ? { mark: 'pull', add: { webhook: 0, recovered: 1, changes } }
    : { mark: 'webhook', add: { webhook: 1, recovered: 0, changes } };
}

const dayMs = 86_400_000;

/** The UTC day of a time in milliseconds since the epoch, as `2026-03-01`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, dayTextLength);
}

/** The first and the last day of a range, both inclusive. */
export function daysOf({ from, until }: DayRange): { readonly first: string; readonly last: string } {
  return { first: dayOf(from), last: dayOf(Math.max(from, until - 1)) };
}

/** Whole days: where the first day of a range begins and the last one ends. */
export function wholeDays({ from, until }: DayRange): DayRange {
  return { from: Math.floor(from / dayMs) * dayMs, until: Math.ceil(until / dayMs) * dayMs };
}

const dayTextLength = '2026-03-01'.length;

/** By day, newest first, then by name. */
export function byDay(a: DayAccount, b: DayAccount): number {
  return b.day.localeCompare(a.day) || a.source.localeCompare(b.source);
}
