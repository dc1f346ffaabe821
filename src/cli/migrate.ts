import { Command } from 'commander';
import type { LoadedConfig } from '../config/load.js';
import { ConfigError } from '../core/errors.js';
import type { JournalPlugin } from '../core/journal.js';
import type { MoveTarget } from '../core/move.js';
import type { MoveCheck, MoveProgress, MoveResult } from '../journal/move.js';
import { defaultConfigFile, readConfig } from './config-file.js';
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

type MigrateOptions = { readonly config: string; readonly restart?: true; readonly output: Format };

/** Between two lines about the rows of one part. */
const tellEveryMs = 2_000;

/**
 * `migrate sqlite-to-postgres FILE`: moves a journal with all its pending work into the database of a config. Exit 0 once
 * it is there, or was before; 1 where it is not whole, or does not balance; 78 for a config that cannot be used for it.
 */
export function migrateCommand(
  terminal: Terminal = process,
  read: (file: string) => Promise<LoadedConfig> = readConfig,
): Command {
  const toPostgres = new Command('sqlite-to-postgres')
    .exitOverride()
    .description('move a SQLite journal with its pending work into PostgreSQL; interrupted, it goes on when run again')
    .argument('<file>', 'the SQLite journal; no router may have it')
    .option('-c, --config <file>', 'config file, with the PostgreSQL journal', defaultConfigFile())
    .option('--restart', 'throw away what an unfinished move has brought, and begin anew')
    .addOption(outputOption())
    .action(async (file: string, { config, restart, output }: MigrateOptions) => {
      const result = await move(file, await targetOf(await read(config)), restart === true, tellOn(terminal));
      const isWhole = result.kind === 'done before' || result.check.isWhole;
      if (output === 'json') printJson(terminal, { file, ...result });
      else printLines(terminal, describe(file, result));
      if (!isWhole || (result.kind === 'moved' && !result.check.isBalanced)) terminal.exitCode = exitFailed;
    });
  return new Command('migrate').description('move a journal into another one').addCommand(toPostgres);
}

async function targetOf(config: LoadedConfig): Promise<() => Promise<MoveTarget>> {
  for (const { source } of config.sources.values()) await source.close?.();
  for (const { sink } of config.sinks.values()) await sink.close?.();
  const { type, moveInto } = config.journal;
  if (moveInto) return moveInto;
  const message = `journal.type is ${type}: it must be postgres, with the url of the database to move into`;
  throw new ConfigError([{ file: config.file, line: 1, column: 1, message, severity: 'error' }]);
}

async function move(
  file: string,
  connect: () => Promise<MoveTarget>,
  restarts: boolean,
  tell: (progress: MoveProgress) => void,
): Promise<MoveResult> {
  const { journals } = await import('../journal/index.js');
  const { moveJournal } = await import('../journal/move.js');
  const sqlite = (journals as readonly JournalPlugin[]).find(({ type }) => type === 'sqlite');
  const source = sqlite?.moveFrom?.(file, { now: Date.now });
  if (!source) throw new Error('A SQLite journal cannot be read here.');
  try {
    const target = await connect();
    try {
      if (restarts) await target.abandon();
      return await moveJournal(source, target, file, tell);
    } finally {
      await target.close();
    }
  } finally {
    source.close();
  }
}

/** The rows of a part, at most every two seconds, and once it is done. */
function tellOn({ stderr }: Terminal): (progress: MoveProgress) => void {
  let told = performance.now();
  return ({ part, done, all }) => {
    const isDone = done === all;
    if (all === 0 || (!isDone && performance.now() - told < tellEveryMs)) return;
    told = performance.now();
    stderr.write(`${wordsOf(part)}: ${isDone ? String(all) : `${String(done)} of ${String(all)}`}\n`);
  };
}

/** `earlierAttempts` is `earlier attempts`. */
function wordsOf(part: string): string {
  return part.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function describe(file: string, result: MoveResult): readonly string[] {
  if (result.kind === 'done before') {
    return [`${file} was moved at ${new Date(result.at).toISOString()} already: nothing is to be done`];
  }
  const { check } = result;
  if (!check.isWhole)
    return [`${file} is not whole in the database, which no router takes like that:`, ...differences(check)];
  return [
    `${file} is in the database:`,
    ...indent(columns(check.counts.map(({ what, target }) => [what, String(target)]))),
    check.isBalanced
      ? 'the ledger balances'
      : 'the ledger does not balance, as it did not before: see signalbox ledger',
    'start the routers with the new config, and none with the old one: it would send again what was pending',
  ];
}

function differences({ counts }: MoveCheck): readonly string[] {
  const differing = counts.filter(({ source, target }) => source !== target);
  const rows = differing.map(({ what, source, target }) => [
    what,
    `${String(source)} in the file`,
    `${String(target)} in the database`,
  ]);
  return rows.length > 0 ? indent(columns(rows)) : ['  all rows are there, and the ledgers differ'];
}
