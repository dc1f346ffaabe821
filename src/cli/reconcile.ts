import { Command } from 'commander';
import type { Reconciliation } from '../admin/reconciliation.controller.js';
import { present } from '../kit/present.js';
import { askAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, exitFailed, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type Options = AdminAddress & { readonly output: Format; readonly from?: string; readonly until?: string };

/** `reconcile`: has everything come that the vendors have. Exit 0, or 1 when something is still missing. */
export function reconcileCommand(terminal: Terminal = process): Command {
  return withAdmin(
    new Command('reconcile').description('has all come that the vendors have; exits 1 when something is missing'),
  )
    .option('--from <time>', 'UTC days from this one on, e.g. 2026-03-01 (default: a week before the end)')
    .option('--until <time>', 'days before this time (default: now)')
    .addOption(outputOption())
    .action(async ({ output, from, until, ...address }: Options) => {
      const query = new URLSearchParams(present({ from, until })).toString();
      const told = (await askAdmin(address, `/api/v1/reconciliation?${query}`)) as Reconciliation;
      if (output === 'json') printJson(terminal, told);
      else printLines(terminal, describe(told));
      if (!told.complete) terminal.exitCode = exitFailed;
    });
}

function describe({ complete, days }: Reconciliation): readonly string[] {
  if (days.length === 0) return ['no source pulled anything of these days'];
  const rows = days.map(({ day, source, vendor, vendorBy, webhook, recovered, changes, missing }) => [
    day,
    source,
    `${vendor}${vendorBy === 'vendor' ? '' : ' seen'}`,
    String(webhook),
    String(recovered),
    String(missing),
    String(changes),
  ]);
  const head = ['day', 'source', 'vendor has', 'webhook brought', 'pull recovered', 'missing', 'changes only pulled'];
  return [...columns([head, ...rows]), complete ? 'nothing is missing' : 'SOMETHING IS MISSING'];
}
