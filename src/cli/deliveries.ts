import type { ToldAttempt } from '../admin/story.js';
import type { AlertRecord } from '../core/journal.js';
import { columns, indent } from './terminal.js';

/** A delivery in a line and below it, indented, its attempts, each with what it was answered. */
export function describeDelivery(
  delivery: Omit<AlertRecord['deliveries'][number], 'history'> & { readonly history: readonly ToldAttempt[] },
): readonly string[] {
  const { sink, state, heldBy, fault, remoteId, reason, routes, history } = delivery;
  const words = [
    `${sink}: ${state}`,
    heldBy === undefined ? '' : `, out at ${heldBy}`,
    remoteId === undefined ? '' : ` as ${remoteId}`,
    fault === undefined ? '' : ` (${fault})`,
    `, for ${routes.join(', ')}`,
    reason === undefined ? '' : `: ${reason}`,
  ];
  const lines = columns(history.map(describeAttempt));
  const told = history.flatMap(({ attempt, answer }, index) => [
    lines[index] ?? '',
    ...(answer?.excerpt === undefined ? [] : [`#${attempt} was answered: ${answer.excerpt}`]),
  ]);
  return [`  ${words.join('')}`, ...indent(indent(told))];
}

function describeAttempt(told: ToldAttempt): readonly string[] {
  const { attempt, at, durationMs, outcome, instance, reason, answer, waitMs } = told;
  const status = answer ? `HTTP ${answer.status}` : '';
  const wait = waitMs === undefined ? '' : `then a wait of ${describeMs(waitMs)}`;
  const ended = instance === undefined ? outcome : `${outcome} by ${instance}`;
  return [`#${attempt}`, new Date(at).toISOString(), describeMs(durationMs), ended, status, reason ?? '', wait];
}

function describeMs(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1_000)} s`;
}
