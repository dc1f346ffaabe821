import { Command } from 'commander';
import type { Ledger, LedgerLines, SinkLine, SourceLine } from '../core/ledger.js';
import { describeMissing } from '../core/missing.js';
import { present } from '../kit/present.js';
import { askAdmin, postToAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import {
  columns,
  exitFailed,
  indent,
  outputOption,
  printJson,
  printLines,
  type Format,
  type Terminal,
} from './terminal.js';

type Options = AdminAddress & { readonly output: Format; readonly from?: string; readonly until?: string };

/** `ledger`: the account of every alert. Exit 0, or 1 when it does not balance. `ledger acknowledge`: what is missing is known. */
export function ledgerCommand(terminal: Terminal = process): Command {
  const show = withAdmin(
    new Command('show').exitOverride().description('the account; exits 1 when it does not balance'),
  )
    .option('--from <time>', 'hours from this time on, e.g. 2026-03-01T10:00:00Z (default: a day before the end)')
    .option('--until <time>', 'hours before this time (default: now)')
    .addOption(outputOption())
    .action(async ({ output, from, until, ...address }: Options) => {
      const query = new URLSearchParams(present({ from, until })).toString();
      const ledger = (await askAdmin(address, `/api/v1/ledger?${query}`)) as Ledger;
      if (output === 'json') printJson(terminal, ledger);
      else printLines(terminal, describe(ledger));
      if (!ledger.balanced) terminal.exitCode = exitFailed;
    });
  const acknowledge = withAdmin(
    new Command('acknowledge').exitOverride().description('say that the accepted alerts that are missing are known of'),
  ).action(async (address: AdminAddress) => {
    await postToAdmin(address, '/api/v1/ledger/acknowledge', {});
    printLines(terminal, ['what is missing is acknowledged']);
  });
  return new Command('ledger')
    .description('is every alert accounted for; exits 1 when one is not')
    .addCommand(show, { isDefault: true })
    .addCommand(acknowledge);
}

function describe({ balanced, totals, numbers, hours, missing }: Ledger): readonly string[] {
  const hole = numbers.difference === 0 ? '' : `, ${numbers.difference} of them unknown`;
  return [
    'since the journal began',
    ...indent(describeLines(totals)),
    `  alerts numbered: ${numbers.given}${hole}`,
    ...hours.flatMap(({ hour, ...lines }) => [`accepted in the hour from ${hour}`, ...indent(describeLines(lines))]),
    ...missing.map((each) => describeMissing(each) + (each.acknowledgedAt === undefined ? '' : ' (acknowledged)')),
    balanced ? 'it balances' : 'IT DOES NOT BALANCE',
  ];
}

function describeLines({ sources, sinks }: LedgerLines): readonly string[] {
  const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
    rows.length === 0 ? [] : columns([head, ...rows]);
  return [...table(sourceHead, sources.map(sourceRow)), ...table(sinkHead, sinks.map(sinkRow))];
}

const sourceHead = [
  'source',
  'received',
  '= accepted',
  '+ duplicates',
  '+ quarantined',
  '+ probes;',
  'accepted',
  '= routed',
  '+ unrouted',
  '',
];

function sourceRow(line: SourceLine): readonly string[] {
  const { source, received, accepted, duplicates, quarantined, probes, routed, unrouted, difference } = line;
  const counts = [received, accepted, duplicates, quarantined, probes, accepted, routed, unrouted];
  return [source, ...counts.map(String), verdict(difference)];
}

const sinkHead = ['sink', 'owed', '= delivered', '+ pending', '+ parked', '+ dead', '+ superseded', ''];

function sinkRow({
  sink,
  owed,
  delivered,
  pending,
  parked,
  dead,
  superseded,
  difference,
}: SinkLine): readonly string[] {
  return [sink, ...[owed, delivered, pending, parked, dead, superseded].map(String), verdict(difference)];
}

/** By how much the left side of an equation exceeds the right one. */
function verdict(difference: Readonly<Record<string, number>>): string {
  return Object.entries(difference)
    .filter(([, by]) => by !== 0)
    .map(([side, by]) => `${side} is off by ${by}`)
    .join(', ');
}
