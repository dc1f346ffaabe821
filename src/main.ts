#!/usr/bin/env node
import 'reflect-metadata';
import { Command, CommanderError } from 'commander';
import { alertlogicCommand } from './cli/alertlogic.js';
import { auditCommand } from './cli/audit.js';
import { backupCommand } from './cli/backup.js';
import { deadLettersCommand } from './cli/dead-letters.js';
import { explainCommand } from './cli/explain.js';
import { instancesCommand } from './cli/instances.js';
import { ledgerCommand } from './cli/ledger.js';
import { quarantineCommand } from './cli/quarantine.js';
import { migrateCommand } from './cli/migrate.js';
import { pullCommand } from './cli/pull.js';
import { reconcileCommand } from './cli/reconcile.js';
import { replayCommand } from './cli/replay.js';
import { routesCommand } from './cli/routes.js';
import { schemaCommand } from './cli/schema.js';
import { sendTestCommand } from './cli/send-test.js';
import { serveCommand } from './cli/serve.js';
import { sinksCommand } from './cli/sinks.js';
import { tailCommand } from './cli/tail.js';
import { tokenCommand } from './cli/token.js';
import { validateCommand } from './cli/validate.js';
import { ConfigError } from './core/errors.js';
import { printable } from './kit/printable.js';
import { version } from './version.js';

const exitFailed = 1;
const exitUsage = 64;
const exitBadConfig = 78;

const program = new Command('signalbox')
  .description('Routes security events: vendors’ webhooks in, one alert model, nothing lost on the way to the sinks.')
  .version(version)
  .addCommand(serveCommand(), { isDefault: true })
  .addCommand(validateCommand())
  .addCommand(schemaCommand())
  .addCommand(routesCommand())
  .addCommand(explainCommand())
  .addCommand(ledgerCommand())
  .addCommand(reconcileCommand())
  .addCommand(pullCommand())
  .addCommand(deadLettersCommand())
  .addCommand(quarantineCommand())
  .addCommand(replayCommand())
  .addCommand(sinksCommand())
  .addCommand(instancesCommand())
  .addCommand(tailCommand())
  .addCommand(sendTestCommand())
  .addCommand(auditCommand())
  .addCommand(backupCommand())
  .addCommand(migrateCommand())
  .addCommand(tokenCommand())
  .addCommand(alertlogicCommand());

for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Says what went wrong, unless commander already did, and how the process should end. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitUsage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    message
      .split('\n')
      .map((line) => `${printable(line, 2_000)}\n`)
      .join(''),
  );
  return error instanceof ConfigError ? exitBadConfig : exitFailed;
}
