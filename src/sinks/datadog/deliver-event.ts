import type { Delivery } from '../../core/journal.js';
import type { Outcome } from '../../core/sink.js';
import type { HttpResult } from '../../kit/exchange.js';
import { toEventV2 } from './event-v2.js';
import { toEvent } from './event.js';
import { judge } from './judge.js';
import type { Manner } from './time-window.js';

/** What differs between the two versions of events. */
export type EventFormat = {
  readonly write: (delivery: Delivery, tags: readonly string[], manner: Manner) => object;
  /** Finds the event's id in an answer: parsing all of it to get at this would cost more than building the event did. */
  readonly id: RegExp;
};

/** `event.id` is beyond 2^53 and so already rounded in JSON: `id_str` is not. */
export const v1: EventFormat = { write: toEvent, id: /"id_str"\s*:\s*"(\d{1,40})"/ };
/** `evt.id` is deprecated. */
export const v2: EventFormat = { write: toEventV2, id: /"evt"\s*:\s*\{[^{}]*"uid"\s*:\s*"([\w-]{1,100})"/ };

/**
 * Sends one alert as one event. Refused as too old although the time was moved, Datadog's clock differs from ours: it
 * goes again with the time that Datadog's answer has. Refused as too large, it goes again shorter. Once each.
 */
export async function deliverEvent(
  delivery: Delivery,
  { write, id }: EventFormat,
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
  const remoteId = id.exec(result.text)?.[1];
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
