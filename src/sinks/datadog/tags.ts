import type { Delivery } from '../../core/journal.js';

const maxTags = 50;
const maxTagLength = 200;

/**
 * Tags that say where an alert comes from and what it is, then the configured ones, then the alert's own; at most 50.
 * Ids and times are no tags: they would make one for every alert.
 */
export function tagsFor({ alert, routes }: Delivery, configured: readonly string[]): readonly string[] {
  const { source, rule } = alert;
  const account = source.accountName ?? source.accountId;
  const ruleName = rule?.name ?? rule?.id;
  const tags = [
    `source:${source.vendor}`,
    `alert_kind:${alert.kind}`,
    `severity:${alert.severity}`,
    `alert_state:${alert.state}`,
    ...(account === undefined ? [] : [`vendor_account:${account}`]),
    ...(ruleName === undefined ? [] : [`rule:${ruleName}`]),
    ...configured,
    ...routes.map((route) => `route:${route}`),
    ...alert.tags,
  ];
  return [...new Set(tags.map(toTag))].filter((tag) => tag !== '').slice(0, maxTags);
}

/**
 * As Datadog would store it (https://docs.datadoghq.com/getting_started/tagging/): lower case, from the first letter
 * on, `_` for what is not allowed (and so no comma, which would end a tag of a log), at most 200 characters.
 */
export function toTag(text: string): string {
  if (asItIs.test(text)) return text;
  return text
    .toLowerCase()
    .replace(/^[^\p{L}]+/u, '')
    .replace(/[^\p{L}\p{N}_\-:./]/gu, '_')
    .slice(0, maxTagLength)
    .replace(/[:\p{Cs}]+$/u, '');
}

/** What nearly every tag is, and needs no more than this look. */
const asItIs = /^[a-z][a-z0-9_\-:./]{0,198}(?<!:)$/;
