import type { AlertDraft } from '../../core/alert.js';
import type { Reading, WebhookRequest } from '../../core/source.js';
import { readList } from '../../kit/batch.js';
import { parseJson } from '../../kit/json.js';
import { present } from '../../kit/present.js';
import { field, isObject, jsonCopy, titleText, type Flags } from '../../kit/read.js';
import { timeOf } from '../../kit/time.js';
import { recordOf } from './client/joined.js';
import { readEvent, type VendorEvent } from './event.js';
import { readReport, type Context, type Report } from './report.js';
import { openResults, type Results } from './results.js';
import { readUserEvent } from './user.js';

/**
 * What Data Theorem sends: one event a call, `{event: {type, version, data}, time, host}`; and when the hook is set up,
 * `{event: "Hello, world!"}`. Also the pages of its Results API (`results.ts`). Pure; does not throw.
 */
export function normalize(request: WebhookRequest, context: Context): Reading {
  const body = parseJson(request.body);
  if (body.kind === 'unreadable') return unread(body.reason);
  const flags: Flags = new Set(body.flags);
  const greeting = field(body.value, 'event');
  if (typeof greeting === 'string') return { drafts: [], unread: [], probe: probeOf(greeting) };
  const results = openResults(body.value);
  if (results !== undefined) return readResults(results, context, body.flags);
  const event = readEvent(body.value, flags);
  if (event === undefined) return unread('no_event: the body has no `event` with a `type` or `data`');
  return { drafts: [draftOf(event, context, flags)], unread: [] };
}

/** Each element with flags of its own, beside those of the body. */
function readResults({ elements, eventOf }: Results, context: Context, flags: readonly string[]): Reading {
  return readList(elements, (element, index) => {
    const record = recordOf(element);
    if (!record) return 'no_id: the element of the list has no `id`';
    return { ...draftOf(eventOf(record), context, new Set(flags)), index };
  });
}

/** What one event, or one record of the API, becomes. */
export function draftOf(event: VendorEvent, context: Context, flags: Flags): AlertDraft {
  const { subject } = event;
  const report = subject === 'user' ? readUserEvent(event, flags) : readReport(event, subject, context, flags);
  const sent = timeOf(event.time, 's', context.now, flags);
  const isDated = report.time !== undefined;
  if (!isDated && sent !== undefined && subject !== 'user') flags.add('time_from_event');
  return present({
    ...report,
    ...(!isDated && sent),
    // What happened to a user is no state that a later event could replace.
    updatedTime: subject === 'user' ? undefined : sent?.time,
    product: event.product,
    eventType: event.type,
    enrichment: enrichmentOf(event, report, sent !== undefined, flags),
    quality: [...flags],
  });
}

/** What has no field of its own, by the vendor's names; also a time that could not be read. */
function enrichmentOf(event: VendorEvent, { enrichment }: Report, isTimeRead: boolean, flags: Flags) {
  const { host, version, time } = event;
  const envelope = present({
    event_host: host ?? undefined,
    event_version: version ?? undefined,
    event_time: isTimeRead ? undefined : (time ?? undefined),
  });
  const copy = jsonCopy({ ...enrichment, ...envelope }, flags);
  return isObject(copy) && Object.keys(copy).length > 0 ? copy : undefined;
}

/** Recorded so that whoever sets the hook up can see that it works. */
function probeOf(greeting: string): string {
  return `set-up call: ${titleText(greeting, new Set()) ?? 'an empty text'}`;
}

function unread(reason: string): Reading {
  return { drafts: [], unread: [{ reason }] };
}
