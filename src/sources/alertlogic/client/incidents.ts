import type { ApiAnswer, ApiRequest } from '../../../kit/api.js';
import { at, count, field, id, isObject, list } from '../../../kit/read.js';
import { present } from '../../../kit/present.js';
import { jsonOf, refusalOf } from './asking.js';
import { AlertLogicError } from './errors.js';
import type {
  ApiRecord,
  ClosingReason,
  EvidenceRecord,
  IncidentName,
  IncidentRecord,
  StatusChange,
} from './records.js';
import { longestWindowMs, momentMs, windowsOf, type TimeWindow } from './windows.js';

/** Sends a request below `/iris/v3`, signed in; `path` may hold `{account}`. */
export type IrisRequest = (request: ApiRequest, signal?: AbortSignal) => Promise<ApiAnswer>;

export type TimeQuery = {
  /** A Date, or ISO 8601 text; without a zone it is UTC. */
  readonly start: Date | string;
  /** Now, unless said otherwise. */
  readonly end?: Date | string;
  /** How many incidents a request brings; 100 unless said otherwise. */
  readonly limit?: number;
};

/** One page of a list, as the vendor sent it. */
export type IncidentPage = {
  readonly incidents: readonly IncidentRecord[];
  /** Elements that have no id; there should be none. */
  readonly others: readonly unknown[];
  /** How many the whole list has, where the vendor says it. */
  readonly totalCount?: number;
  /** The answer's own text. */
  readonly text: string;
  /** By the vendor's clock, in milliseconds since the epoch. */
  readonly answeredAt?: number;
};

const usualLimit = 100;
/** A list that does not end within so many pages leads in a circle. */
const maxPages = 10_000;

/** IRIS v3: incidents (iris.v3.yaml of alertlogic-sdk-definitions). */
export class Incidents {
  readonly #ask: IrisRequest;
  readonly #now: () => number;

  constructor(ask: IrisRequest, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /** Undefined where the vendor has no such incident. */
  async get(incidentId: string, signal?: AbortSignal): Promise<IncidentRecord | undefined> {
    const answer = await this.#ask({ method: 'GET', path: `/{account}/${encodeURIComponent(incidentId)}` }, signal);
    if (answer.status === 404) return undefined;
    return incidentOf(jsonOf(answer)) ?? noIncident();
  }

  /** What a short id such as `k4w9tz` stands for; undefined where the vendor knows none. */
  async named(friendlyId: string, signal?: AbortSignal): Promise<IncidentName | undefined> {
    const path = `/{account}/friendly/${encodeURIComponent(friendlyId)}`;
    const answer = await this.#ask({ method: 'GET', path }, signal);
    if (answer.status === 404) return undefined;
    const body = jsonOf(answer);
    const [first] = Array.isArray(body) ? list(body) : [body];
    const incidentId = id(field(first, 'incidentId'));
    if (incidentId === undefined) return undefined;
    return {
      incidentId,
      humanFriendlyId: id(field(first, 'humanFriendlyId')) ?? friendlyId,
      ...present({ accountId: id(field(first, 'accountId')) }),
    };
  }

  /** The incidents of a span of any length, the oldest window of 7 days first. */
  async *byTime(query: TimeQuery, signal?: AbortSignal): AsyncGenerator<IncidentRecord, void, undefined> {
    const span = { startMs: momentMs(query.start), endMs: query.end === undefined ? this.#now() : momentMs(query.end) };
    const { limit = usualLimit } = query;
    let lastWindow = new Set<string>();
    for (const window of windowsOf(span)) {
      const thisWindow = new Set<string>();
      for (let offset = 0, pages = 0; ; pages += 1) {
        if (pages >= maxPages) throw endless();
        const page = await this.page(window, { limit, offset }, signal);
        signal?.throwIfAborted();
        for (const incident of page.incidents) {
          thisWindow.add(incident.incidentId);
          // Windows meet in a second that the vendor may count to both.
          if (!lastWindow.has(incident.incidentId)) yield incident;
        }
        const got = page.incidents.length + page.others.length;
        offset += got;
        if (got === 0 || (page.totalCount === undefined ? got < limit : offset >= page.totalCount)) break;
      }
      lastWindow = thisWindow;
    }
  }

  /** One page of a window of at most 7 days. Whole seconds are asked for, the end rounded up. */
  async page(
    window: TimeWindow,
    { limit = usualLimit, offset = 0 }: { readonly limit?: number; readonly offset?: number } = {},
    signal?: AbortSignal,
  ): Promise<IncidentPage> {
    if (window.endMs - window.startMs > longestWindowMs) throw new RangeError('a window has at most 7 days');
    const answer = await this.#ask(
      {
        method: 'GET',
        path: '/{account}/incidents_by_time',
        query: {
          start_time: Math.floor(window.startMs / 1_000),
          end_time: Math.ceil(window.endMs / 1_000),
          pagination: 'true',
          limit,
          offset,
        },
      },
      signal,
    );
    const body = jsonOf(answer);
    const elements = Array.isArray(body) ? list(body) : list(field(body, 'iris_items'));
    const incidents = elements.flatMap((element) => incidentOf(element) ?? []);
    return {
      incidents,
      others: elements.filter((element) => incidentOf(element) === undefined),
      ...present({ totalCount: count(at(body, 'metadata', 'total_count')), answeredAt: sentAt(answer) }),
      text: answer.text,
    };
  }

  /** The evidence of an incident, a page at a time as it is read on: events with their packets, or log messages. */
  async *associated(
    incidentId: string,
    source: 'event' | 'log',
    { limit = usualLimit }: { readonly limit?: number } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<EvidenceRecord, void, undefined> {
    for (let offset = 0, pages = 0; ; pages += 1) {
      if (pages >= maxPages) throw endless();
      const answer = await this.#ask(
        {
          method: 'GET',
          path: `/{account}/${encodeURIComponent(incidentId)}/elaborations/associated`,
          query: { returnSource: source, limit, offset },
        },
        signal,
      );
      if (answer.status === 404) return;
      const body = jsonOf(answer);
      const elements = list(field(body, 'returnVals'));
      for (const element of elements) if (isObject(element)) yield element;
      signal?.throwIfAborted();
      offset += elements.length;
      const total = count(at(body, 'metadata', 'total_count'));
      if (elements.length === 0 || (total === undefined ? elements.length < limit : offset >= total)) return;
    }
  }

  /** Closes an incident. One that is closed already is an error of status 400, in the vendor's words. */
  complete(
    incidentId: string,
    { notes, reasonCode }: { readonly notes: string; readonly reasonCode: ClosingReason },
    signal?: AbortSignal,
  ): Promise<StatusChange> {
    return this.#change(incidentId, 'complete', { notes, reason_code: reasonCode }, signal);
  }

  /** Says what the customer thinks of an incident. */
  feedback(
    incidentId: string,
    { feedback, reason }: { readonly feedback: string; readonly reason: string },
    signal?: AbortSignal,
  ): Promise<ApiRecord> {
    return this.#change(
      incidentId,
      'feedback',
      { customer_feedback: feedback, customer_feedback_reason: reason },
      signal,
    );
  }

  reopen(incidentId: string, { notes }: { readonly notes: string }, signal?: AbortSignal): Promise<StatusChange> {
    return this.#change(incidentId, 'reopen', { notes }, signal);
  }

  /** The classes, detection sources and threat levels there are. */
  async filters(signal?: AbortSignal): Promise<ApiRecord> {
    const body = jsonOf(await this.#ask({ method: 'GET', path: '/incident_filters' }, signal));
    return isObject(body) ? body : {};
  }

  async #change(incidentId: string, what: string, body: object, signal?: AbortSignal): Promise<ApiRecord> {
    const path = `/{account}/${encodeURIComponent(incidentId)}/${what}`;
    const answer = await this.#ask({ method: 'POST', path, body }, signal);
    if (answer.status === 404) throw refusalOf(answer, 'there is no such incident in this account');
    if (answer.text.trim() === '' && answer.status < 300) return {};
    const changed = jsonOf(answer);
    return isObject(changed) ? changed : {};
  }
}

function incidentOf(element: unknown): IncidentRecord | undefined {
  const incidentId = id(field(element, 'incidentId'));
  return incidentId === undefined ? undefined : { ...(element as object), incidentId };
}

function sentAt({ headers }: ApiAnswer): number | undefined {
  const ms = Date.parse(headers.date ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function noIncident(): never {
  throw new AlertLogicError('Alert Logic: the answer is no incident: it has no incidentId', { status: 200 });
}

function endless(): AlertLogicError {
  return new AlertLogicError('Alert Logic: the pages of the list do not end');
}
