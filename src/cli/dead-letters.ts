import { Command, Option } from 'commander';
import { severities } from '../core/alert.js';
import { faults, type AlertRecord, type DeliverySummary, type Page } from '../core/journal.js';
import { present } from '../kit/present.js';
import { askAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { describeDelivery } from './deliveries.js';
import { columns, indent, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type ListOptions = AdminAddress & { readonly output: Format } & Readonly<Record<string, string | undefined>>;
type ShowOptions = AdminAddress & { readonly output: Format };

/** `dead-letters` lists what was given up, `dead-letters show ID` has every attempt and answer. */
export function deadLettersCommand(terminal: Terminal = process): Command {
  const list = withAdmin(new Command('list').exitOverride().description('list them, newest first'))
    .option('--sink <name>', 'only of this sink')
    .option('--source <name>', 'only of alerts of this source')
    .addOption(new Option('--severity <word>', 'only of alerts of this severity').choices(severities))
    .addOption(new Option('--fault <whose>', 'theirs: refused, ours: a plugin broke, age, operator').choices(faults))
    .option('--from <time>', 'received at this time or later, e.g. 2026-03-01T10:00:00Z')
    .option('--until <time>', 'received before this time')
    .option('--limit <count>', 'how many at most, up to 500', '50')
    .option('--cursor <next>', 'the page after the one that said this')
    .addOption(outputOption())
    .action(async ({ admin, token, output, ...query }: ListOptions) => {
      const path = `/api/v1/dead-letters?${new URLSearchParams(present(query) as Record<string, string>).toString()}`;
      const page = (await askAdmin({ admin, ...present({ token }) }, path)) as Page<DeliverySummary>;
      if (output === 'json') printJson(terminal, page);
      else printLines(terminal, describePage(page));
    });
  const show = withAdmin(
    new Command('show').exitOverride().description('every attempt and answer').argument('<id>', 'id of the alert'),
  )
    .addOption(outputOption())
    .action(async (id: string, { output, ...address }: ShowOptions) => {
      const shown = await askAdmin(address, `/api/v1/dead-letters/${encodeURIComponent(id)}`);
      if (output === 'json') printJson(terminal, shown);
      else printLines(terminal, describeOne(shown as Pick<AlertRecord, 'alert' | 'deliveries'>));
    });
  return new Command('dead-letters')
    .description('deliveries that were given up, and why')
    .addCommand(list, { isDefault: true })
    .addCommand(show);
}

function describePage({ items, next }: Page<DeliverySummary>): readonly string[] {
  if (items.length === 0) return ['no dead letters'];
  const rows = items.map(({ receivedAt, alertId, sink, fault = '', severity, title, reason = '' }) => [
    receivedAt,
    alertId,
    sink,
    fault,
    severity,
    `${title}: ${reason}`,
  ]);
  return [...columns(rows), ...(next === undefined ? [] : [`… more: --cursor ${next}`])];
}

function describeOne({ alert, deliveries }: Pick<AlertRecord, 'alert' | 'deliveries'>): readonly string[] {
  const facts = [
    ['id', alert.id],
    ['received', `${alert.receivedAt} by ${alert.source.sourceId}`],
    ['what', `${alert.kind}, ${alert.severity}, ${alert.state}`],
  ];
  return [alert.title, ...indent(columns(facts)), ...deliveries.flatMap(describeDelivery)];
}
