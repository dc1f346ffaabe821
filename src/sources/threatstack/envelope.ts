import type { IncomingHttpHeaders } from 'node:http';
import { parseJson, parseJsonText, type ParsedJson } from '../../kit/json.js';
import { field, httpsUrl, isObject, text } from '../../kit/read.js';

/** What a body holds before any alert is looked at. */
export type Envelope =
  /** The alerts as sent; `isList` where the body held a list, even of one. */
  | {
      readonly kind: 'alerts';
      readonly alerts: readonly unknown[];
      readonly isList: boolean;
      readonly flags: readonly string[];
    }
  /** A call that reports nothing: the words to show for it. */
  | { readonly kind: 'probe'; readonly probe: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * Opens a body: `{alerts: […]}` (webhook, both APIs), a bare list, one flat alert (help page 206499124), or any of
 * these as the message of an Amazon SNS notification, whatever the content type says.
 */
export function openEnvelope(headers: IncomingHttpHeaders, body: Buffer): Envelope {
  const parsed = parseJson(body);
  if (parsed.kind === 'unreadable') return parsed;
  return isSnsMessage(headers, parsed.value) ? openSns(headers, parsed.value) : openBody(parsed);
}

function openBody(parsed: ParsedJson): Envelope {
  if (parsed.kind === 'unreadable') return parsed;
  const { value, flags } = parsed;
  if (Array.isArray(value)) return openList(value, flags);
  if (!isObject(value)) return { kind: 'unreadable', reason: `no_alerts: the body is ${nameOf(value)}` };
  if (Object.hasOwn(value, 'alerts')) {
    const { alerts } = value;
    if (Array.isArray(alerts)) return openList(alerts, flags);
    return { kind: 'unreadable', reason: `no_alerts: "alerts" is ${nameOf(alerts)}, not a list` };
  }
  if (marksOfAnAlert.some((name) => Object.hasOwn(value, name))) {
    return { kind: 'alerts', alerts: [value], isList: false, flags };
  }
  return { kind: 'unreadable', reason: 'no_alerts: neither a list of alerts nor an alert' };
}

/** Any of these at the top of a body makes it an alert; answers and errors of the vendor's API have none of them. */
const marksOfAnAlert = ['id', 'title', 'severity', 'created_at', 'createdAt'];

function openList(alerts: readonly unknown[], flags: readonly string[]): Envelope {
  return alerts.length > 0 ? { kind: 'alerts', alerts, isList: true, flags } : { kind: 'probe', probe: 'empty batch' };
}

/** What a value is, in words for people. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html */
type SnsMessage = Readonly<Record<string, unknown>> & { readonly Message: string };

/** With raw delivery SNS sends its header beside the bare message, which is then a body like any other. */
function isSnsMessage(headers: IncomingHttpHeaders, value: unknown): value is SnsMessage {
  if (typeof field(value, 'Message') !== 'string') return false;
  return (
    snsHeader in headers || (text(field(value, 'Type')) !== undefined && text(field(value, 'TopicArn')) !== undefined)
  );
}

const snsHeader = 'x-amz-sns-message-type';

/** A subscription is never confirmed from here: whoever could post one would have us call an address of theirs. */
function openSns(headers: IncomingHttpHeaders, message: SnsMessage): Envelope {
  const type = text(field(message, 'Type')) ?? text(headers[snsHeader]);
  const topic = text(field(message, 'TopicArn')) ?? 'an unnamed topic';
  switch (type) {
    case 'SubscriptionConfirmation':
      return { kind: 'probe', probe: `SNS asks to confirm a subscription to ${topic}: ${howToConfirm(message)}` };
    case 'UnsubscribeConfirmation':
      return {
        kind: 'probe',
        probe: `SNS ended a subscription to ${topic}; to have it back, ${howToConfirm(message)}`,
      };
    default: {
      const inner = openBody(parseJsonText(message.Message));
      return inner.kind === 'unreadable' ? { ...inner, reason: `${inner.reason} (in the SNS message)` } : inner;
    }
  }
}

function howToConfirm(message: SnsMessage): string {
  const link = httpsUrl(field(message, 'SubscribeURL'));
  if (link === undefined) return 'it holds no usable SubscribeURL';
  const isAmazon = /^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/.test(new URL(link).hostname);
  return isAmazon ? `open ${link}` : `its SubscribeURL is not Amazon's, do not open it: ${link}`;
}
