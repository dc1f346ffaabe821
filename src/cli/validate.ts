import { Command } from 'commander';
import { defaultConfigFile, readConfig } from './config-file.js';
import type { LoadedConfig } from '../config/load.js';
import { ConfigError, describeProblem, type ConfigProblem } from '../core/errors.js';
import { printable } from '../kit/printable.js';
import { outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

const exitBadConfig = 78;

type ValidateOptions = { readonly config: string; readonly output: Format; readonly print?: true };

/**
 * `validate`: all that is wrong with a config file, each problem with its place; with `--print` the config in force.
 * Exit 0, or 78 when the config cannot be used. In text, problems go to standard error and the answer to standard output.
 */
export function validateCommand(
  terminal: Terminal = process,
  read: (file: string) => Promise<LoadedConfig> = readConfig,
): Command {
  return new Command('validate')
    .description('check a config file without running it')
    .option('-c, --config <file>', 'config file', defaultConfigFile())
    .option('--print', 'print the config in force, with its defaults and without its secrets')
    .addOption(outputOption())
    .action(async ({ config: file, output, print }: ValidateOptions) => {
      const { config, problems } = await examine(file, read);
      if (output === 'json') {
        const inForce = print ? config?.describe() : undefined;
        printJson(terminal, { file, valid: config !== undefined, problems, config: inForce });
      } else {
        for (const problem of problems)
          terminal.stderr.write(`${printable(describeProblem(problem), longestProblem)}\n`);
        if (config) printLines(terminal, print ? await inYaml(config) : [summary(config)]);
      }
      if (!config) terminal.exitCode = exitBadConfig;
    });
}

const longestProblem = 2_000;

async function examine(
  file: string,
  read: (file: string) => Promise<LoadedConfig>,
): Promise<{ readonly config?: LoadedConfig; readonly problems: readonly ConfigProblem[] }> {
  try {
    const config = await read(file);
    for (const { source } of config.sources.values()) await source.close?.();
    for (const { sink } of config.sinks.values()) await sink.close?.();
    return { config, problems: config.warnings };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    throw error;
  }
}

async function inYaml(config: LoadedConfig): Promise<readonly string[]> {
  const { stringify } = await import('yaml');
  return stringify(config.describe()).trimEnd().split('\n');
}

function summary({ file, sources, sinks, routes }: LoadedConfig): string {
  return `${file} can be used: ${sources.size} sources, ${sinks.size} sinks, ${routes.length} routes`;
}
