import { Command } from 'commander';
import { defaultConfigFile } from './config-file.js';

/** `serve`: runs the router until SIGTERM or SIGINT, which drain it; a second one ends it at once. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('run the router (the default)')
    .option('-c, --config <file>', 'config file', defaultConfigFile())
    .action(async ({ config: file }: { config: string }) => {
      // A signal that came before there is anything to reload would end the process.
      let reload = (): void => undefined;
      process.on('SIGHUP', () => {
        reload();
      });
      const { runRouter } = await import('./run-router.js');
      reload = await runRouter(file);
    });
}
