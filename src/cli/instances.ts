import { Command } from 'commander';
import type { InstanceView } from '../admin/instances.controller.js';
import { askAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

/** `instances`: the routers on the journal of a running one, and their last sign of life. */
export function instancesCommand(terminal: Terminal = process): Command {
  return withAdmin(new Command('instances').description('the routers on one journal, and their last sign of life'))
    .addOption(outputOption())
    .action(async ({ output, ...address }: AdminAddress & { readonly output: Format }) => {
      const answer = (await askAdmin(address, '/api/v1/instances')) as { readonly items: readonly InstanceView[] };
      if (output === 'json') printJson(terminal, answer);
      else printLines(terminal, describe(answer.items));
    });
}

function describe(items: readonly InstanceView[]): readonly string[] {
  const rows = items.map(({ name, version, state, self, started, lastSeen, claims }) => [
    name,
    self ? `${state}, asked` : state,
    version,
    started,
    lastSeen,
    String(claims),
  ]);
  return columns([['instance', 'state', 'version', 'started', 'last seen', 'claims'], ...rows]);
}
