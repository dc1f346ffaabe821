import type { Alert, Severity } from '../../core/alert.js';
import type { Delivery } from '../../core/journal.js';
import { toOcsf } from '../../kit/ocsf.js';
import { present } from '../../kit/present.js';
import { cutText, plainText, shownLine } from './escape.js';
import { hostOf, sourceNameOf } from './event.js';
import { factsOf, type FactLimits } from './facts.js';
import { tagsFor } from './tags.js';
import { stampOf, type Manner } from './time-window.js';

export type LogSettings = {
  readonly tags: readonly string[];
  readonly service?: string | undefined;
  /** Also as an OCSF finding, in the attribute that Datadog keeps for it. */
  readonly ocsf?: boolean | undefined;
};

/** One entry of `POST /api/v2/logs`. Nothing of a vendor's is at the root, where names have a meaning of their own. */
export type Log = {
  readonly message: string;
  readonly status: 'critical' | 'error' | 'warning' | 'notice' | 'info';
  /** RFC 3339. */
  readonly timestamp: string;
  readonly ddsource: string;
  readonly ddtags: string;
  readonly hostname?: string;
  readonly service?: string;
  readonly alert: object;
  readonly ocsf?: object;
};

/** With OCSF, the finding has the resources and attacks. Together fewer than 256 attributes. */
const limits: FactLimits = { resources: 10, attacks: 10, ids: 30 };
const limitsBesideOcsf: FactLimits = { resources: 0, attacks: 0, ids: 20 };

/** One alert as a log. The same at any time, but for `timestamp` once its own is too old. */
export function toLog(delivery: Delivery, settings: LogSettings, manner: Manner): Log {
  const { alert } = delivery;
  const isShort = manner.isShort === true;
  const hasOcsf = settings.ocsf === true && !isShort;
  const facts = factsOf(delivery, hasOcsf ? limitsBesideOcsf : limits);
  return present({
    message: shownLine(alert.title) || 'untitled',
    status: statuses[alert.severity],
    timestamp: new Date(stampOf(alert, manner).ms).toISOString(),
    ddsource: sourceNameOf(alert),
    ddtags: tagsFor(delivery, settings.tags).join(','),
    hostname: hostOf(alert),
    service: settings.service,
    alert: { ...facts, ...(isShort ? { ...textsOf(alert, maxShortText), is_truncated: true } : restOf(alert)) },
    ocsf: hasOcsf ? toOcsf(alert, { lean: true }) : undefined,
  });
}

/** Never left to Datadog, whose remapper goes by first letters: `high` would be info, `open` ok, `closed` critical. */
const statuses: Readonly<Record<Severity, Log['status']>> = {
  critical: 'critical',
  high: 'error',
  medium: 'warning',
  low: 'notice',
  informational: 'info',
  unknown: 'info',
};

const maxTextLength = 16_000;
const maxShortText = 1_000;

function textsOf({ description, recommendation }: Alert, max: number): object {
  return present({
    description: description === undefined ? undefined : cutText(plainText(description), max),
    recommendation: recommendation === undefined ? undefined : cutText(plainText(recommendation), max),
  });
}

/** What has any number of names or entries is one attribute, as JSON text: no tree that counts against the limits. */
function restOf(alert: Alert): object {
  const { notes, enrichment, resources, attacks } = alert;
  const details = present({
    notes,
    enrichment,
    resources: resources.some(({ labels }) => labels) || resources.length > limits.resources ? resources : undefined,
    attacks: attacks && attacks.length > limits.attacks ? attacks : undefined,
  });
  const hasDetails = Object.keys(details).length > 0;
  return { ...textsOf(alert, maxTextLength), ...(hasDetails && { details: JSON.stringify(details) }) };
}
