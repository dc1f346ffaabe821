import type { Delivery } from '../../core/journal.js';
import type { Outcome } from '../../core/sink.js';
import { at, text } from '../../kit/read.js';
import type { HttpResult } from '../../kit/exchange.js';
import { toEventV2 } from './event-v2.js';
import { toEvent } from './event.js';
import { judge } from './judge.js';
import type { Manner } from './time-window.js';

/** What differs between the two versions of events. */
export type EventFormat = {
  readonly write: (delivery: Delivery, tags: readonly string[], manner: Manner) => object;
  /** Where the answer has the event's id. */
  readonly idPath: readonly string[];
};

/** `event.id` is beyond 2^53 and so already rounded in JSON: `id_str` is not. */
export const v1: EventFormat = { write: toEvent, idPath: ['event', 'id_str'] };
/** `evt.id` is deprecated. */
export const v2: EventFormat = { write: toEventV2, idPath: ['data', 'attributes', 'attributes', 'evt', 'uid'] };

/**
 * Sends one alert as one event. Refused as too old although the time was moved, Datadog's clock differs from ours: it
 * goes again with the time that Datadog's answer has. Refused as too large, it goes again shorter. Once each.
 */
export async function deliverEvent(
  delivery: Delivery,
  { write, idPath }: EventFormat,
  tags: readonly string[],
  post: (body: string) => Promise<HttpResult>,
  now: () => number,
): Promise<Outcome> {
  const send = (manner: Manner): Promise<HttpResult> => post(JSON.stringify(write(delivery, tags, manner)));
  const sentAt = now();
  let result = await send({ now: sentAt });
  const amended = amendedManner(result, sentAt);
  if (amended) result = await send(amended);
  const outcome = judge(result, now());
  if (outcome.kind !== 'delivered' || result.kind !== 'answer') return outcome;
  const remoteId = idIn(result.text, idPath);
  return remoteId === undefined ? outcome : { remoteId, ...outcome };
}

function amendedManner(result: HttpResult, sentAt: number): Manner | undefined {
  if (result.kind === 'failure') return undefined;
  if (result.status === 413) return { now: sentAt, isShort: true };
  // The answer has these words and nothing else to know it by.
  if (result.status !== 400 || !/too far in the past|timestamp/i.test(result.text)) return undefined;
  const theirs = Date.parse(result.headers.date ?? '');
  return { now: Number.isNaN(theirs) ? sentAt : theirs, keptMs: 0 };
}

/** Undefined where the answer is no JSON: the event was taken all the same. */
function idIn(body: string, path: readonly string[]): string | undefined {
  try {
    return text(at(JSON.parse(body) as unknown, ...path));
  } catch {
    return undefined;
  }
}
