import type { AlertRecord, Attempt } from '../core/journal.js';
import { columns, indent } from './terminal.js';

/** A delivery in a line and its attempts below it, indented. */
export function describeDelivery(delivery: AlertRecord['deliveries'][number]): readonly string[] {
  const { sink, state, fault, remoteId, reason, routes, history } = delivery;
  const words = [
    `${sink}: ${state}`,
    remoteId === undefined ? '' : ` as ${remoteId}`,
    fault === undefined ? '' : ` (${fault})`,
    `, for ${routes.join(', ')}`,
    reason === undefined ? '' : `: ${reason}`,
  ];
  return [`  ${words.join('')}`, ...indent(indent(columns(history.map(describeAttempt))))];
}

function describeAttempt({ attempt, at, durationMs, outcome, reason, answer }: Attempt): readonly string[] {
  const status = answer ? `HTTP ${answer.status}` : '';
  return [`#${attempt}`, new Date(at).toISOString(), `${Math.round(durationMs)} ms`, outcome, status, reason ?? ''];
}
