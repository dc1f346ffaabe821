import { isTerminal, type Alert, type Severity } from '../../core/alert.js';
import type { Delivery } from '../../core/journal.js';
import { cutText, plainText, shownLine, shownText } from './escape.js';
import { tagsFor } from './tags.js';
import { stampOf, type Manner } from './time-window.js';

/** The body of `POST /api/v1/events` (https://docs.datadoghq.com/api/latest/events/#post-an-event). */
export type Event = {
  readonly title: string;
  readonly text: string;
  /** Seconds since the epoch. */
  readonly date_happened: number;
  readonly alert_type: 'error' | 'warning' | 'info' | 'success';
  readonly priority: 'normal' | 'low';
  readonly host?: string;
  readonly source_type_name: string;
  readonly aggregation_key: string;
  readonly tags: readonly string[];
};

/** One alert as an event. The same at any time, but for `date_happened` and what is said about it once it is too old. */
export function toEvent(delivery: Delivery, configuredTags: readonly string[], manner: Manner): Event {
  const { alert } = delivery;
  const stamp = stampOf(alert, manner);
  const host = hostOf(alert);
  const tags = tagsFor(delivery, configuredTags);
  return {
    title: titleOf(alert),
    text: textOf(alert, stamp.trueTime, manner),
    date_happened: Math.floor(stamp.ms / 1_000),
    alert_type: isTerminal(alert.state) ? 'success' : alertTypes[alert.severity],
    priority: alert.severityId >= 3 ? 'normal' : 'low',
    ...(host !== undefined && { host }),
    source_type_name: sourceNameOf(alert),
    aggregation_key: alert.fingerprint,
    tags: stamp.trueTime === undefined ? tags : [...tags, `happened_at:${stamp.trueTime.toLowerCase()}`],
  };
}

const alertTypes: Readonly<Record<Severity, Event['alert_type']>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'info',
  informational: 'info',
  unknown: 'info',
};

const maxTitle = 500;

/**
 * `Threat Stack alert: <rule>`, as the predecessor had it, which searches and monitors look for; without a rule's name,
 * as in a webhook, the alert's title. Other vendors' titles say more than their rules.
 */
export function titleOf(alert: Alert): string {
  const isThreatStack = sourceNameOf(alert) === 'threatstack';
  const subject = (isThreatStack ? alert.rule?.name : undefined) ?? alert.title;
  return cutText(shownLine(`${isThreatStack ? 'Threat Stack' : alert.source.product} alert: ${subject}`), maxTitle);
}

const maxText = 4_000;
const maxShortText = 1_000;

/** The alert's title, and below it whatever else it says: for an alert without more, what the predecessor sent. */
export function textOf(alert: Alert, trueTime: string | undefined, { isShort = false }: Manner): string {
  const { title, description, recommendation, url } = alert;
  const said = [title, description, recommendation && `Recommendation: ${recommendation}`].filter(Boolean).join('\n\n');
  const end = [
    ...(url === undefined || isShort ? [] : [url]),
    ...(trueTime === undefined ? [] : [`Happened at ${trueTime}, which is not a time that Datadog takes now.`]),
  ]
    .map((line) => `\n\n${shownText(line)}`)
    .join('');
  const max = isShort ? maxShortText : maxText;
  // Datadog refuses an event without a text; a title may be nothing but what is not shown.
  const shown = shownText(said).trim() || 'untitled';
  return cutText(cutText(shown, Math.max(1, max - end.length)) + end, max);
}

const maxHost = 255;

/**
 * The machine of the agent that raised the alert, as the predecessor had it: a webhook calls it by another name at
 * times. Without one, the first machine the alert is about.
 */
export function hostOf({ resources, vendorIds }: Alert): string | undefined {
  const hosts = resources.filter(({ role, hostname }) => hostname !== undefined && role !== 'actor');
  const own = hosts.find(({ id }) => id !== undefined && id === vendorIds['agent']);
  const host = (own ?? hosts[0])?.hostname;
  const name = host === undefined ? '' : plainText(host).replace(/\s+/g, '').slice(0, maxHost);
  return name === '' ? undefined : name;
}

/** `threatstack`, `alertlogic`: a vendor's name in the letters that Datadog uses for its own sources. */
export function sourceNameOf({ source }: Alert): string {
  return source.vendor.toLowerCase().replace(/[^a-z0-9]/g, '');
}
