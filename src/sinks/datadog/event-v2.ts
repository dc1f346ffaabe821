import { isTerminal, type Alert, type Severity } from '../../core/alert.js';
import type { Delivery } from '../../core/journal.js';
import { hostOf, textOf, titleOf } from './event.js';
import { factsOf, type FactLimits } from './facts.js';
import { tagsFor } from './tags.js';
import { stampOf, type Manner } from './time-window.js';

/** The body of `POST /api/v2/events` (https://docs.datadoghq.com/api/latest/events/#post-an-event, v2). */
export type EventV2 = {
  readonly data: {
    readonly type: 'event';
    readonly attributes: {
      readonly title: string;
      readonly message: string;
      readonly category: 'alert';
      readonly integration_id: 'custom-events';
      readonly host?: string;
      readonly tags: readonly string[];
      /** RFC 3339. */
      readonly timestamp: string;
      /** Events of one key are one alert there, which an `ok` closes. */
      readonly aggregation_key: string;
      readonly attributes: {
        readonly status: 'error' | 'warn' | 'ok';
        readonly priority: '1' | '2' | '3' | '4' | '5';
        readonly links?: readonly {
          readonly category: 'documentation';
          readonly title: string;
          readonly url: string;
        }[];
        readonly custom: object;
      };
    };
  };
};

/** Datadog takes 100 properties an object. */
const limits: FactLimits = { resources: 10, attacks: 10, ids: 50 };
const shortLimits: FactLimits = { resources: 1, attacks: 0, ids: 10 };

/** One alert as an event of Event Management. The same at any time, but for `timestamp` and what is said about it. */
export function toEventV2(delivery: Delivery, configuredTags: readonly string[], manner: Manner): EventV2 {
  const { alert } = delivery;
  const stamp = stampOf(alert, manner);
  const host = hostOf(alert);
  const links = linksOf(alert);
  return {
    data: {
      type: 'event',
      attributes: {
        title: titleOf(alert),
        message: textOf(alert, stamp.trueTime, manner),
        category: 'alert',
        integration_id: 'custom-events',
        ...(host !== undefined && { host }),
        tags: tagsFor(delivery, configuredTags),
        timestamp: new Date(stamp.ms).toISOString(),
        aggregation_key: alert.fingerprint,
        attributes: {
          status: statusOf(alert),
          priority: priorities[alert.severity],
          ...(links.length > 0 && { links }),
          custom: { alert: factsOf(delivery, manner.isShort === true ? shortLimits : limits) },
        },
      },
    },
  };
}

/** Snoozed is over for now: the vendor will say so when it is back. */
function statusOf({ state, severityId }: Alert): 'error' | 'warn' | 'ok' {
  if (isTerminal(state) || state === 'snoozed') return 'ok';
  return severityId >= 4 ? 'error' : 'warn';
}

const priorities: Readonly<Record<Severity, '1' | '2' | '3' | '4' | '5'>> = {
  critical: '1',
  high: '2',
  medium: '3',
  low: '4',
  informational: '5',
  unknown: '5',
};

const maxUrl = 2_048;

function linksOf({ url, rule }: Alert) {
  const links = [
    { title: 'The alert at its vendor', url },
    { title: 'The rule at its vendor', url: rule?.url },
  ];
  return links.flatMap(({ title, url }) =>
    url === undefined || url.length > maxUrl ? [] : [{ category: 'documentation' as const, title, url }],
  );
}
