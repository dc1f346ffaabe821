import { field, isObject, list, number } from '../../../../kit/read.js';
import { part, type Connection, type Query } from '../connection.js';
import { ThreatStackApiError, ThreatStackClientError } from '../errors.js';
import type { TimeRange } from '../records.js';
import { utc } from '../utc.js';
import { TokenResource } from './lists.js';
import { pagesOf } from './pages.js';
import type { Alert, Event, SeverityCount } from './records.js';

export type AlertStatus = 'active' | 'dismissed';

export type AlertQuery = TimeRange & {
  /** Both where it is left out: the active ones first, so that one dismissed meanwhile comes twice and not never. */
  readonly status?: AlertStatus;
  readonly severity?: 1 | 2 | 3;
  readonly agentId?: string;
  readonly ruleId?: string;
  readonly rulesetId?: string;
};

export type DismissReason = 'BUSINESS_OP' | 'COMPANY_POLICY' | 'MAINTENANCE' | 'OTHER';

/** Which alerts, by their ids or by what they have in common; and why. */
export type Dismissal = {
  readonly reason: DismissReason;
  readonly reasonText?: string;
} & (
  | { readonly ids: readonly string[] }
  | (Required<TimeRange> & { readonly severity?: 1 | 2 | 3; readonly ruleId?: string; readonly agentId?: string })
);

const path = '/alerts';
/** The API takes no more in one request. */
const maxIds = 512;

export class Alerts extends TokenResource<Alert, AlertQuery> {
  constructor(connection: Connection) {
    super(connection, { path, name: 'alerts' }, inEachState);
  }

  /** What an alert was raised for. */
  async *events(id: string, signal?: AbortSignal): AsyncGenerator<Event, void, undefined> {
    const place = { path: `${path}/${part(id)}/events`, name: 'events' };
    for await (const { items } of pagesOf<Event>(this.connection, place, {}, signal)) yield* items;
  }

  /** How many alerts of each severity there are. */
  async severityCounts(query: AlertQuery = {}, signal?: AbortSignal): Promise<readonly SeverityCount[]> {
    const sums = new Map<number, number>();
    for (const parameters of inEachState(query)) {
      const { body, answer } = await this.connection.read(`${path}/severity-counts`, parameters, signal);
      const counts = field(body, 'severityCounts');
      if (!Array.isArray(counts)) throw new ThreatStackApiError('the answer has no list named severityCounts', answer);
      for (const each of list(counts).filter(isObject)) {
        const [severity, count] = [number(each['severity']), number(each['count'])];
        if (severity !== undefined && count !== undefined) sums.set(severity, (sums.get(severity) ?? 0) + count);
      }
    }
    return [...sums].map(([severity, count]) => ({ severity, count })).sort((a, b) => a.severity - b.severity);
  }

  /** Dismisses them; of ids any number, which are sent 512 at a time. */
  async dismiss(dismissal: Dismissal, signal?: AbortSignal): Promise<void> {
    for (const body of bodiesOf(dismissal)) await this.connection.write(`${path}/dismiss`, body, signal);
  }
}

function inEachState({ status, start, end, ...rest }: AlertQuery): readonly Query[] {
  const statuses: readonly AlertStatus[] = status === undefined ? ['active', 'dismissed'] : [status];
  return statuses.map((each) => ({ status: each, from: utc(start), until: utc(end), ...rest }));
}

function bodiesOf({ reason, reasonText, ...which }: Dismissal): readonly object[] {
  const why = { dismissReason: reason, ...(reasonText !== undefined && { dismissReasonText: reasonText }) };
  if ('ids' in which) {
    const starts = Array.from({ length: Math.ceil(which.ids.length / maxIds) }, (_, n) => n * maxIds);
    return starts.map((start) => ({ ids: which.ids.slice(start, start + maxIds), ...why }));
  }
  const { start, end, severity, ruleId, agentId } = which;
  const [from, until] = [utc(start), utc(end)];
  // Without both ends it would be every alert there is.
  if (from === undefined || until === undefined) {
    throw new ThreatStackClientError('a dismissal without ids needs a start and an end');
  }
  // The capitals are the API's.
  return [
    {
      ...{ from, until },
      ...(severity !== undefined && { severity }),
      ...(ruleId !== undefined && { ruleID: ruleId }),
      ...(agentId !== undefined && { agentID: agentId }),
      ...why,
    },
  ];
}
