import { ledgerOf, type Ledger, type LedgerRange } from '../../core/ledger.js';
import type { Counted } from './books.js';
import type { WriterThread } from './thread.js';

/** Rows counted in one go: a few milliseconds of the writer. */
const alertsAtOnce = 1_000;
const requestsAtOnce = 1_000;
/** Rows may move while they are counted, by a purge for one: what is amiss must be so each time. */
const mostCounts = 3;

/** The ledger, with the hours of a range checked against the rows, stretch by stretch. */
export async function takeAccount(writer: WriterThread, range: LedgerRange | undefined): Promise<Ledger> {
  for (let counts = 1; ; counts += 1) {
    const ledger = await count(writer, range);
    if (ledger.balanced || range === undefined || counts === mostCounts) return ledger;
  }
}

async function count(writer: WriterThread, range: LedgerRange | undefined): Promise<Ledger> {
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
