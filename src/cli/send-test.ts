import { Command } from 'commander';
import { hash } from 'node:crypto';
import { defaultConfigFile, readConfig } from './config-file.js';
import type { LoadedConfig } from '../config/load.js';
import { mintId, toAlert } from '../core/identity.js';
import type { Delivery } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import { exitFailed, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

const deadlineMs = 30_000;

type SendOptions = { readonly config: string; readonly output: Format };

/** `send-test SINK`: one alert, marked as a test, straight to a sink. Exit 0 when delivered, else 1. */
export function sendTestCommand(
  terminal: Terminal = process,
  read: (file: string) => Promise<LoadedConfig> = readConfig,
): Command {
  const command: Command = new Command('send-test');
  return command
    .description('send one test alert straight to a sink of the config')
    .argument('<sink>', 'name of the sink')
    .option('-c, --config <file>', 'config file', defaultConfigFile())
    .addOption(outputOption())
    .action(async (name: string, { config: file, output }: SendOptions) => {
      const config = await read(file);
      const found = config.sinks.get(name);
      if (!found) command.error(`there is no sink ${name}: write one of ${[...config.sinks.keys()].join(', ')}`);

      const delivery = testDelivery(name, Date.now());
      const started = performance.now();
      const outcome = await deliver(found.sink, delivery).finally(() => closeAll(config));
      const durationMs = Math.round(performance.now() - started);

      if (output === 'json') printJson(terminal, { sink: name, alertId: delivery.alert.id, durationMs, ...outcome });
      else printLines(terminal, [`${name}: ${describe(outcome)} (${durationMs} ms)`]);
      if (outcome.kind !== 'delivered') terminal.exitCode = exitFailed;
    });
}

async function closeAll({ sources, sinks }: LoadedConfig): Promise<void> {
  for (const { source } of sources.values()) await source.close?.();
  for (const { sink } of sinks.values()) await sink.close?.();
}

async function deliver(sink: Sink, delivery: Delivery): Promise<Outcome> {
  const answered = await sink.deliver([delivery], AbortSignal.timeout(deadlineMs));
  const [first] = [answered].flat();
  if (!first) throw new Error('the sink said nothing of the delivery');
  return first;
}

/** As ingest and the journal would have made it, from nowhere. */
function testDelivery(sink: string, now: number): Delivery {
  const id = mintId();
  const body = 'signalbox send-test';
  const receivedAt = new Date(now).toISOString();
  const request = { id, sha256: hash('sha256', body, 'hex'), bytes: body.length, contentType: 'text/plain' };
  const draft = {
    kind: 'test',
    state: 'open',
    severity: 'informational',
    title: 'Signalbox test alert',
    description: 'Sent by hand with "signalbox send-test" to see whether this destination works. Nothing happened.',
    entity: { type: 'test', id },
    version: '1',
    vendorIds: {},
    resources: [],
    tags: ['test'],
    quality: [],
  } as const;
  const arrival = { vendor: 'signalbox', product: 'Signalbox', sourceId: 'send-test', receivedAt, request };
  return {
    id: mintId(),
    sink,
    alert: { ...toAlert(draft, arrival), action: 'create' },
    routes: ['send-test'],
    attempt: 1,
    acceptedAt: now,
    lease: { seq: 0, token: 0 },
  };
}

function describe(outcome: Outcome): string {
  const status = outcome.answer ? `, HTTP ${outcome.answer.status}` : '';
  if (outcome.kind !== 'delivered') return `${outcome.kind}${status}: ${outcome.reason}`;
  return `delivered${status}${outcome.remoteId === undefined ? '' : ` as ${outcome.remoteId}`}`;
}
