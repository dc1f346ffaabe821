import { Command, Option } from 'commander';
import type { LoadedConfig } from '../config/load.js';
import type { IncidentOptions } from './alertlogic-incident.js';
import { defaultConfigFile, readConfig } from './config-file.js';
import { outputOption, type Terminal } from './terminal.js';

/** `alertlogic incident ID`: what an incident's events show. Exit 0, or 1 when there is no such incident. */
export function alertlogicCommand(
  terminal: Terminal = process,
  read: (file: string) => Promise<LoadedConfig> = readConfig,
): Command {
  const incident: Command = new Command('incident');
  incident
    .description('what an incident is, and what its events show: verdict, roll-ups, packets')
    .argument('<id>', 'id of the incident, or the short one that people use')
    .option('--events', 'each event, too, with its packets')
    .option('--show-credentials', 'as they were captured; else they are [secret]')
    .option('-c, --config <file>', 'config file, for the api block of its Alert Logic source', defaultConfigFile())
    .option('--source <name>', 'which source, where several have an api block')
    .addOption(
      new Option('--access-key-id <id>', 'an access key, in place of a config').env('ALERTLOGIC_ACCESS_KEY_ID'),
    )
    .addOption(new Option('--secret-key <key>', 'its other half; best in the variable').env('ALERTLOGIC_SECRET_KEY'))
    .addOption(new Option('--account <id>', "the account; the user's own if left out").env('ALERTLOGIC_ACCOUNT_ID'))
    .addOption(new Option('--url <url>', 'where to sign in, in place of the vendor’s').env('ALERTLOGIC_URL'))
    .addOption(outputOption())
    .action(async (id: string, options: IncidentOptions) => {
      const { tellIncident } = await import('./alertlogic-incident.js');
      await tellIncident(incident, id, options, terminal, read);
    });
  return new Command('alertlogic').description('ask Alert Logic').addCommand(incident);
}
