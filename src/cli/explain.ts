import { Command } from 'commander';
import type { AlertRecord } from '../core/journal.js';
import type { RouteReason } from '../routing/router.js';
import { askAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { describeDelivery } from './deliveries.js';
import { columns, indent, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type Explained = AlertRecord & { readonly reasons: readonly RouteReason[] };

/** `explain ID`: where an alert went, and why. Exit 0, or 1 when it is not known. */
export function explainCommand(terminal: Terminal = process): Command {
  return withAdmin(
    new Command('explain').description('where did this alert go, and why').argument('<id>', 'id of the alert'),
  )
    .addOption(outputOption())
    .action(async (id: string, options: AdminAddress & { output: Format }) => {
      const explained = await askAdmin(options, `/api/v1/alerts/${encodeURIComponent(id)}`);
      if (options.output === 'json') printJson(terminal, explained);
      else printLines(terminal, describe(explained as Explained));
    });
}

function describe(explained: Explained): readonly string[] {
  const { alert, request, routes, reasons, deliveries, duplicates, superseded } = explained;
  const facts = [
    ['id', alert.id],
    ['what', `${alert.kind}, ${alert.severity}, ${alert.state}`],
    ['finding', `${alert.fingerprint} (${alert.action}${superseded ? ', a newer report came first' : ''})`],
    ['from', `${request.source}: ${alert.source.vendor} ${alert.source.product}`],
    ['received', `${alert.receivedAt} from ${request.remoteAddress}, by ${request.authentication}`],
    ['request', `${request.id}, ${alert.raw.bytes} bytes of ${alert.raw.contentType}`],
    ['sent again', times(duplicates)],
    ['routed', routes.join(', ') || 'no route took it'],
    ...(alert.quality.length > 0 ? [['guesses', alert.quality.join(', ')]] : []),
  ];
  return [
    alert.title,
    ...indent(columns(facts)),
    'by the routes of now',
    ...indent(columns(reasons.map(({ route, matched, reason }) => [matched ? 'takes it' : 'no', route, reason]))),
    deliveries.length > 0 ? 'deliveries' : 'deliveries: none',
    ...deliveries.flatMap(describeDelivery),
  ];
}

function times(count: number): string {
  return count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`;
}
