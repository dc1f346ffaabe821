import { Command } from 'commander';
import { printJson, type Terminal } from './terminal.js';

/** `schema`: the JSON Schema of the config file, for editors. */
export function schemaCommand(terminal: Terminal = process): Command {
  return new Command('schema').description('print the JSON Schema of the config file').action(async () => {
    const { configSchema } = await import('../config/schema.js');
    printJson(terminal, configSchema());
  });
}
