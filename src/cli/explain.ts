import { Command } from 'commander';
import type { Story, ToldDelivery } from '../admin/story.js';
import { askAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { describeDelivery } from './deliveries.js';
import { columns, indent, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

/** `explain ID`: where an alert went, and why. Exit 0, or 1 when it is not known. */
export function explainCommand(terminal: Terminal = process): Command {
  return withAdmin(
    new Command('explain')
      .description('where did this alert go, and why')
      .argument('<id>', 'id of the alert, id that the vendor gave it, or fingerprint'),
  )
    .addOption(outputOption())
    .action(async (id: string, options: AdminAddress & { output: Format }) => {
      const explained = await askAdmin(options, `/api/v1/alerts/${encodeURIComponent(id)}`);
      if (options.output === 'json') printJson(terminal, explained);
      else printLines(terminal, describe(explained as Story));
    });
}

function describe(explained: Story): readonly string[] {
  const { alert, request, routes, deliveries, duplicates, superseded, others, again, lookup } = explained;
  const facts = [
    ['id', alert.id],
    ['what', `${alert.kind}, ${alert.severity}, ${alert.state}`],
    ['finding', `${alert.fingerprint} (${alert.action}${superseded ? ', a newer report came first' : ''})`],
    ['from', `${request.source}: ${alert.source.vendor} ${alert.source.product}`],
    ['received', `${alert.receivedAt}${cameFrom(request)}, by ${request.authentication}`],
    ...(request.instance === undefined ? [] : [['accepted by', request.instance]]),
    ['request', `${request.id}, ${alert.raw.bytes} bytes of ${alert.raw.contentType}`],
    ['sent again', times(duplicates)],
    ...(again ? [['also', describeAgain(again)]] : []),
    ['routed', routes.join(', ') || 'no route took it'],
    ...(alert.quality.length > 0 ? [['guesses', alert.quality.join(', ')]] : []),
    ...(lookup ? [['looked up', describeLookup(lookup, request.receivedAt)]] : []),
  ];
  return [
    alert.title,
    ...indent(columns(facts)),
    ...describeReasons(explained),
    deliveries.length > 0 ? 'deliveries' : 'deliveries: none',
    ...deliveries.flatMap((delivery) => [...describeDelivery(delivery), ...describeNext(delivery)]),
    ...describeOthers(others),
  ];
}

/** The conditions are those of now. What is otherwise than the decision is said for each route. */
function describeReasons({ request, routes, reasons, goneRoutes, routesSince }: Story): readonly string[] {
  const isOtherwise = goneRoutes.length > 0 || reasons.some(({ tookIt }) => tookIt !== undefined);
  const since = `by the routes of now, in force since ${new Date(routesSince).toISOString()}`;
  const then = `by ${routes.length > 0 ? routes.join(', ') : 'no route'}`;
  const heading = isOtherwise
    ? `${since}: it was decided otherwise, ${then}`
    : request.receivedAt < routesSince
      ? `${since}: it came before that, and was decided as they would, ${then}`
      : since;
  const rows = reasons.map(({ route, matched, reason, tookIt }) => {
    const difference = tookIt === undefined ? '' : tookIt ? ' (it took it then)' : ' (it did not take it then)';
    return [matched ? 'takes it' : 'no', route, reason + difference];
  });
  const gone = goneRoutes.map((route) => ['gone', route, 'it took it then, and is not in the config any more']);
  return [heading, ...indent(columns([...rows, ...gone]))];
}

function describeAgain({ by, at, added, isLate }: NonNullable<Story['again']>): string {
  const knew = added ? `, which knew more: ${Object.keys(added).join(', ')}` : '';
  return `by ${by}, first at ${new Date(at).toISOString()}${knew}${isLate ? ' (too late: it was sent without)' : ''}`;
}

/** What a pull brought came from nowhere. */
function cameFrom({ remoteAddress }: Story['request']): string {
  return remoteAddress === '' ? '' : ` from ${remoteAddress}`;
}

/** What came of asking the vendor for it, and how long its deliveries waited for that. */
function describeLookup(lookup: NonNullable<Story['lookup']>, receivedAt: number): string {
  const { at, durationMs, outcome, reason, isShared, added, isLate } = lookup;
  const waited = `${new Date(at).toISOString()}, delivery waited ${Math.max(0, at + durationMs - receivedAt)} ms`;
  return [
    `${outcome}${isShared ? ' (by an answer for another report)' : ''}`,
    ...(reason === undefined ? [] : [reason]),
    ...(outcome === 'known' ? [added.length > 0 ? `added ${added.join(', ')}` : 'added nothing'] : []),
    isLate ? `${new Date(at).toISOString()}, too late: the alert was sent as it was` : waited,
  ].join('; ');
}

function describeNext({ next }: ToldDelivery): readonly string[] {
  if (!next) return [];
  return [`    next: ${next.what}${next.at === undefined ? '' : ` at ${new Date(next.at).toISOString()}`}`];
}

function describeOthers({ count, isAll, newest }: Story['others']): readonly string[] {
  if (count === 0 && isAll) return [];
  return [
    `${isAll ? '' : 'at least '}${count} more of this name, older`,
    ...indent(columns(newest.map(({ id, receivedAt, state, title }) => [receivedAt, id, state, title]))),
  ];
}

function times(count: number): string {
  return count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`;
}
