import { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { defaultConfigFile, readConfig } from './config-file.js';
import type { LoadedConfig } from '../config/load.js';
import type { DryRun } from '../routing/dry-run.js';
import { columns, exitFailed, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type TestOptions = {
  readonly config: string;
  readonly source: string;
  readonly contentType: string;
  readonly expect?: string;
  readonly output: Format;
};

/** `routes`: what has to do with the rules of the config. */
export function routesCommand(
  terminal: Terminal & { readonly stdin: Readable } = process,
  read: (file: string) => Promise<LoadedConfig> = readConfig,
): Command {
  return new Command('routes').description('the rules of the config').addCommand(testCommand(terminal, read));
}

/**
 * `routes test`: where a body would go, without a router, a journal or a sink. Exit 0, or 1 when a part of it cannot be
 * read or the sinks are not those expected.
 */
function testCommand(
  terminal: Terminal & { readonly stdin: Readable },
  read: (file: string) => Promise<LoadedConfig>,
): Command {
  const command: Command = new Command('test').exitOverride();
  return command
    .description("where would a vendor's body go, and why")
    .argument('<file>', 'the body as the vendor sends it; - for standard input')
    .requiredOption('-s, --source <name>', 'source that would have received it')
    .option('-c, --config <file>', 'config file', defaultConfigFile())
    .option('--content-type <type>', 'as the vendor sends it', 'application/json')
    .option('--expect <sinks>', 'fail unless every alert goes to exactly these, e.g. datadog,archive')
    .addOption(outputOption())
    .action(async (file: string, options: TestOptions) => {
      const { dryRun } = await import('../routing/dry-run.js');
      const { Router } = await import('../routing/router.js');
      const config = await read(options.config);
      for (const { source } of config.sources.values()) await source.close?.();
      for (const { sink } of config.sinks.values()) await sink.close?.();
      const loaded = config.sources.get(options.source);
      if (!loaded) {
        command.error(`there is no source ${options.source}: write one of ${[...config.sources.keys()].join(', ')}`);
      }
      const { type, vendor, product, source } = loaded;
      const named = { name: options.source, type, vendor, product, source };
      const body = file === '-' ? await buffer(terminal.stdin) : await readFile(file);
      const run = dryRun(named, new Router(config.routes), body, options.contentType);

      const surprises = options.expect === undefined ? [] : surprisesIn(run, options.expect.split(','));
      if (options.output === 'json') printJson(terminal, options.expect === undefined ? run : { ...run, surprises });
      else printLines(terminal, [...describe(run), ...surprises]);
      if (run.unread.length > 0 || surprises.length > 0) terminal.exitCode = exitFailed;
    });
}

/** What is not as expected, for people. */
function surprisesIn({ alerts, probe }: DryRun, expected: readonly string[]): readonly string[] {
  const wanted = expected.map((sink) => sink.trim()).filter((sink) => sink !== '');
  if (alerts.length === 0 && wanted.length > 0 && probe === undefined) return ['expected an alert, and there is none'];
  return alerts.flatMap(({ alert, sinks }) =>
    sinks.length === wanted.length && wanted.every((sink) => sinks.includes(sink))
      ? []
      : [`expected ${list(wanted)}, not ${list(sinks)}: ${alert.title}`],
  );
}

function describe({ alerts, unread, probe }: DryRun): readonly string[] {
  return [
    ...alerts.flatMap(({ alert, sinks, reasons }) => [
      alert.title,
      `  ${alert.kind}, ${alert.severity}, ${alert.state}; ${alert.source.vendor} ${alert.source.product}, ${alert.time} (${alert.timeQuality})`,
      ...(alert.quality.length > 0 ? [`  guesses: ${alert.quality.join(', ')}`] : []),
      `  goes to ${list(sinks)}`,
      ...columns(reasons.map(({ route, matched, reason }) => [`    ${matched ? 'takes it' : 'no'}`, route, reason])),
    ]),
    ...unread.map(
      ({ index, reason }) => `would be quarantined${index === undefined ? '' : ` (element ${index})`}: ${reason}`,
    ),
    ...(probe === undefined ? [] : [`a probe, recorded and not routed: ${probe}`]),
    ...(alerts.length + unread.length === 0 && probe === undefined ? ['there is no alert in it'] : []),
  ];
}

function list(sinks: readonly string[]): string {
  return sinks.length === 0 ? 'no sink' : sinks.join(', ');
}
