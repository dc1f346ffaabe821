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
  const tags: string[] = [];
  const add = (text: string): void => {
    const tag = toTag(text);
    if (tag !== '' && tags.length < maxTags && !tags.includes(tag)) tags.push(tag);
  };
  add(`source:${source.vendor}`);
  add(`alert_kind:${alert.kind}`);
  add(`severity:${alert.severity}`);
  add(`alert_state:${alert.state}`);
  if (account !== undefined) add(`vendor_account:${account}`);
  if (ruleName !== undefined) add(`rule:${ruleName}`);
  configured.forEach(add);
  for (const route of routes) add(`route:${route}`);
  alert.tags.forEach(add);
  return tags;
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
