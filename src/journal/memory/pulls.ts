import type { Parked, ParkedBy } from '../../core/journal.js';
import { mayEnd, parkedAgain } from '../../core/parking.js';
import {
  byDay,
  dayAccount,
  dayOf,
  daysOf,
  noDaySums,
  sight,
  type DayAccount,
  type DayRange,
  type DaySums,
  type PulledMark,
  type PullMark,
  type PullState,
  type Sighting,
  type Way,
} from '../../core/reconciliation.js';
import type { KeptAlert } from './kept.js';

type Mark = { readonly day: string; readonly mark: PulledMark; readonly seenAt: number };

/** How far each pull has come, and what it found beside what webhooks brought. */
export class Pulls {
  readonly #states = new Map<string, PullState>();
  /** By source and fingerprint. */
  readonly #marks = new Map<string, Mark>();
  /** By source and day. */
  readonly #days = new Map<string, { readonly source: string; readonly day: string; readonly sums: DaySums }>();

  begin(source: string, since: number): PullState {
    const state = this.#states.get(source) ?? { source, since };
    this.#states.set(source, state);
    return state;
  }

  state(source: string): PullState | undefined {
    return this.#states.get(source);
  }

  states(): readonly PullState[] {
    return [...this.#states.values()];
  }

  park(source: string, told: Parked): Parked {
    const state = this.begin(source, told.since);
    const parked = parkedAgain(state.parked, told);
    this.#states.set(source, { ...state, parked });
    return parked;
  }

  resume(source: string, by: ParkedBy): Parked | undefined {
    const { parked, ...state } = this.#states.get(source) ?? { source, since: 0 };
    if (!parked || !mayEnd(parked, by)) return undefined;
    this.#states.set(source, state);
    return parked;
  }

  /** The page that was just kept: where to go on, and what could not be read of it. */
  keepPage(source: string, { cursor, isLast, totals = {} }: PullMark, unread: number, at: number): void {
    const state = this.begin(source, at);
    this.#states.set(source, { ...state, cursor, pageAt: at, ...(isLast && { caughtUpAt: at }) });
    for (const [day, total] of Object.entries(totals)) this.#change(source, day, (sums) => ({ ...sums, total }));
    this.countUnread(source, unread, at);
  }

  /** Parts of pages in the quarantine; less than none where they were read again. */
  countUnread(source: string, unread: number, at: number): void {
    if (unread === 0) return;
    this.#change(source, dayOf(at), (sums) => ({ ...sums, unread: sums.unread + unread }));
  }

  /** A report of an alert that was accepted, now or before. */
  saw({ alert, request }: KeptAlert, sighting: Sighting, at: number): void {
    const { source } = request;
    const key = `${source} ${alert.fingerprint}`;
    const known = this.#marks.get(key);
    const { mark, add } = sight(known?.mark, sighting);
    if (mark === undefined) return;
    const day = known?.day ?? dayOf(Date.parse(alert.time));
    if (mark !== known?.mark) this.#marks.set(key, { day, mark, seenAt: known?.seenAt ?? at });
    if (Object.values(add).some((more) => more !== 0)) this.#add(source, day, add);
  }

  /** A report that is a duplicate of `of`. True when that had come by the other way, and this one for the first time. */
  sawAgain(of: KeptAlert, by: Way, at: number): boolean {
    const { request, alert } = of;
    if (by === 'webhook' && !this.#states.has(request.source)) return false;
    this.saw(of, { by, isFirst: false, isNew: false }, at);
    const way: Way = request.pull ? 'pull' : 'webhook';
    if (way === by || of.again) return false;
    of.again = { by, at };
    // What the pull alone had brought until now was a change, and is none any longer.
    if (way === 'pull' && !of.isFirst) {
      const day = this.#marks.get(`${request.source} ${alert.fingerprint}`)?.day;
      if (day !== undefined) this.#add(request.source, day, { changes: -1 });
    }
    return true;
  }

  /** Marks of findings that pulls saw for the first time before that. */
  removeUntil(cutoff: number): void {
    for (const [key, { seenAt }] of this.#marks) if (seenAt <= cutoff) this.#marks.delete(key);
  }

  reconciliation(range: DayRange, alerts: readonly KeptAlert[]): readonly DayAccount[] {
    const { first, last } = daysOf(range);
    const unseen = new Map<string, number>();
    const days = new Map([...this.#days].filter(([, { day }]) => day >= first && day <= last));
    for (const { alert, request, isFirst } of alerts) {
      const { source } = request;
      const day = dayOf(Date.parse(alert.time));
      const isOfRange = day >= first && day <= last && this.#states.has(source);
      if (!isFirst || !isOfRange || this.#marks.has(`${source} ${alert.fingerprint}`)) continue;
      const key = `${source} ${day}`;
      unseen.set(key, (unseen.get(key) ?? 0) + 1);
      if (!days.has(key)) days.set(key, { source, day, sums: noDaySums });
    }
    return [...days]
      .map(([key, { source, day, sums }]) => dayAccount(source, day, sums, unseen.get(key) ?? 0))
      .sort(byDay);
  }

  #add(source: string, day: string, add: Partial<DaySums>): void {
    const { webhook = 0, recovered = 0, changes = 0 } = add;
    this.#change(source, day, (sums) => ({
      ...sums,
      webhook: sums.webhook + webhook,
      recovered: sums.recovered + recovered,
      changes: sums.changes + changes,
    }));
  }

  #change(source: string, day: string, change: (sums: DaySums) => DaySums): void {
    const key = `${source} ${day}`;
    this.#days.set(key, { source, day, sums: change(this.#days.get(key)?.sums ?? noDaySums) });
  }
}
