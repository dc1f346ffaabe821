import { ledgerOf, type Ledger, type LedgerRange } from '../../core/ledger.js';
import { byDay, dayAccount, noDaySums, type DayAccount, type DayRange } from '../../core/reconciliation.js';
import type { Counted } from './books.js';
import type { CountedDay } from './pulls.js';
import type { Methods } from './methods.js';

/** Rows counted in one go: a few milliseconds of the writer. */
const alertsAtOnce = 1_000;
const requestsAtOnce = 1_000;
/** Rows may move while they are counted, by a purge for one: what is amiss must be so each time. */
const mostCounts = 3;

/** Who asks the writer, from wherever. */
type Asking = {
  call<Name extends keyof Methods>(name: Name, ...args: Parameters<Methods[Name]>): Promise<ReturnType<Methods[Name]>>;
};

/** The ledger, with the hours of a range checked against the rows, stretch by stretch. */
export async function takeAccount(writer: Asking, range: LedgerRange | undefined): Promise<Ledger> {
  for (let counts = 1; ; counts += 1) {
    const ledger = await count(writer, range);
    if (ledger.balanced || range === undefined || counts === mostCounts) return ledger;
  }
}

async function count(writer: Asking, range: LedgerRange | undefined): Promise<Ledger> {
  const { requests, alerts, ...books } = await writer.call('books', range);
  if (range === undefined) return ledgerOf(books);
  const sources = [...books.hours.sources];
  const sinks = [...books.hours.sinks];
  const take = (counted: Counted): void => {
    sources.push(...counted.sources);
    sinks.push(...counted.sinks);
  };
  for (let at = alerts.from - 1; at < alerts.to; at += alertsAtOnce) {
    take(await writer.call('countAlerts', range, at, Math.min(at + alertsAtOnce, alerts.to)));
  }
  for (let at = requests.from - 1; at < requests.to; at += requestsAtOnce) {
    take(await writer.call('countRequests', range, at, Math.min(at + requestsAtOnce, requests.to)));
  }
  return ledgerOf({ ...books, hours: { sources, sinks } });
}

/** The days of a range, with what no pull has come to counted stretch by stretch. */
export async function reconcile(writer: Asking, range: DayRange): Promise<readonly DayAccount[]> {
  const { days, alerts } = await writer.call('pullDays', range);
  const counted = new Map<string, CountedDay & { readonly unseen: number }>();
  const add = ({ source, day, sums }: CountedDay, unseen: number): void => {
    const known = counted.get(`${day} ${source}`) ?? { source, day, sums, unseen: 0 };
    counted.set(`${day} ${source}`, { ...known, unseen: known.unseen + unseen });
  };
  for (const day of days) add(day, 0);
  for (let at = alerts.from - 1; at < alerts.to; at += alertsAtOnce) {
    const unseen = await writer.call('countUnseen', range, at, Math.min(at + alertsAtOnce, alerts.to));
    for (const { source, day, count: more } of unseen) add({ source, day, sums: noDaySums }, more);
  }
  return [...counted.values()]
    .map(({ source, day, sums, unseen }) => dayAccount(source, day, sums, unseen))
    .sort(byDay);
}
