import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.js';
import { Secret } from '../core/secret.js';
import {
  AlertLogic,
  analyzeIncident,
  reportOf,
  type EvidenceRecord,
  type IncidentAnalysis,
  type IncidentRecord,
} from '../sources/alertlogic/client/alertlogic.js';
import { AlertLogicOptions } from '../sources/alertlogic/options.js';
import { clientOf } from '../sources/alertlogic/source.js';
import { printJson, printLines, type Format, type Terminal } from './terminal.js';

export type IncidentOptions = {
  readonly config: string;
  readonly source?: string;
  readonly accessKeyId?: string;
  readonly secretKey?: string;
  readonly account?: string;
  readonly url?: string;
  readonly events?: true;
  readonly showCredentials?: true;
  readonly output: Format;
};

/** What an incident is, and what its events show. Throws when there is no such incident, or nobody to ask. */
export async function tellIncident(
  command: Command,
  id: string,
  options: IncidentOptions,
  terminal: Terminal,
  read: (file: string) => Promise<LoadedConfig>,
): Promise<void> {
  const client = await openClient(command, options, read);
  try {
    const record = await recordOf(client, id);
    if (!record) throw new Error(`there is no incident ${id} in the account ${await client.accountId()}`);
    const events = await eventsOf(client, record.incidentId);
    if (events.length >= maxEvents) terminal.stderr.write(`Only the first ${maxEvents} events were read.\n`);
    const analysis = analyzeIncident(record, events, { redact: options.showCredentials !== true });
    print(terminal, analysis, options);
  } finally {
    await client.close();
  }
}

function print(terminal: Terminal, analysis: IncidentAnalysis, { output, events }: IncidentOptions): void {
  const withEvents = events === true;
  if (output === 'text') printLines(terminal, reportOf(analysis, { withEvents }));
  else printJson(terminal, withEvents ? analysis : { ...analysis, events: undefined });
}

/** A key at hand counts before the config. */
async function openClient(
  command: Command,
  { config: file, source, accessKeyId, secretKey, account, url }: IncidentOptions,
  read: (file: string) => Promise<LoadedConfig>,
): Promise<AlertLogic> {
  if (accessKeyId !== undefined && secretKey !== undefined) {
    return new AlertLogic({
      accessKeyId,
      secretKey: new Secret(secretKey),
      ...(account !== undefined && { accountId: account }),
      ...(url !== undefined && { baseUrl: url }),
    });
  }
  const config = await read(file);
  for (const each of config.sources.values()) await each.source.close?.();
  for (const each of config.sinks.values()) await each.sink.close?.();
  const blocks = [...config.sources].flatMap(([name, { options }]) =>
    options instanceof AlertLogicOptions && options.api && (source === undefined || source === name)
      ? [{ name, api: options.api }]
      : [],
  );
  const [block, ...others] = blocks;
  if (!block) {
    const which = source === undefined ? 'Alert Logic source' : `source ${source} of type alertlogic`;
    command.error(
      `${file} has no ${which} with an api block: write one, or set ALERTLOGIC_ACCESS_KEY_ID and ALERTLOGIC_SECRET_KEY`,
    );
  }
  if (others.length > 0) {
    command.error(
      `several sources can be asked: write --source with one of ${blocks.map(({ name }) => name).join(', ')}`,
    );
  }
  return clientOf(account === undefined ? block.api : { ...block.api, accountId: account });
}

/** The short ids have six characters, the long ones sixteen or more. */
const longestShortId = 8;

function recordOf(client: AlertLogic, id: string): Promise<IncidentRecord | undefined> {
  return id.length <= longestShortId ? client.incidentByFriendlyId(id) : client.incident(id);
}

const maxEvents = 2_000;

async function eventsOf(client: AlertLogic, incidentId: string): Promise<readonly EvidenceRecord[]> {
  const events: EvidenceRecord[] = [];
  for await (const event of client.associatedEvents(incidentId)) {
    events.push(event);
    if (events.length >= maxEvents) break;
  }
  return events;
}
