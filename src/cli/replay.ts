import { Command, InvalidArgumentError, Option } from 'commander';
import { severities } from '../core/alert.js';
import { faults } from '../core/journal.js';
import type { ReplayPlan } from '../core/replay-control.js';
import { replayModes, resendStates, type ReplayRecord } from '../core/replay.js';
import { present } from '../kit/present.js';
import { askAdmin, postToAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, indent, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type Addressed = AdminAddress & { readonly output: Format };
type ReplayOptions = Addressed & {
  readonly mode: string;
  readonly dryRun?: true;
  readonly force?: true;
  readonly unrouted?: true;
  readonly rate?: number;
} & Readonly<Partial<Record<'key' | 'state' | 'fault' | 'sink' | 'source' | 'severity' | 'from' | 'until', string>>>;

/** `replay [ID...]` sends again or decides again; `replay status ID` says how far it has come. */
export function replayCommand(terminal: Terminal = process): Command {
  const start = withAdmin(new Command('start').exitOverride().description('send again, or decide again'))
    .argument('[ids...]', 'ids of alerts; none: all that the options select')
    .addOption(
      new Option('--mode <mode>', 'resend: to the same sinks; reroute: by the routes of now, what is new')
        .choices(replayModes)
        .default('resend'),
    )
    .addOption(new Option('--state <state>', 'of the delivery; dead unless told').choices(resendStates))
    .addOption(new Option('--fault <whose>', 'of the dead letter').choices(faults))
    .option('--sink <name>', 'only deliveries to this sink')
    .option('--source <name>', 'only alerts of this source')
    .addOption(new Option('--severity <word>', 'only alerts of this severity').choices(severities))
    .option('--unrouted', 'only alerts that no route took')
    .option('--from <time>', 'accepted at this time or later, e.g. 2026-03-01T10:00:00Z')
    .option('--until <time>', 'accepted before this time')
    .option('--rate <count>', 'deliveries a second, 50 unless told', toCount)
    .option('--force', 'also what may overwrite a newer report in a sink that keeps state')
    .option('--key <word>', 'asked again with this word, it is the same replay')
    .option('--dry-run', 'say what would be sent, and change nothing')
    .addOption(outputOption())
    .action(async (ids: readonly string[], options: ReplayOptions) => {
      const { admin, token, output, ...asked } = options;
      const answer = await postToAdmin({ admin, ...present({ token }) }, '/api/v1/replays', bodyOf(ids, asked));
      if (output === 'json') printJson(terminal, answer);
      else if (asked.dryRun) printLines(terminal, describePlan(answer as ReplayPlan));
      else printLines(terminal, describeStart(answer as ReplayRecord & { readonly plan: ReplayPlan }));
    });
  const status = withAdmin(new Command('status').exitOverride().description('how far a replay has come'))
    .argument('<id>', 'id of the replay')
    .addOption(outputOption())
    .action(async (id: string, { output, ...address }: Addressed) => {
      const replay = await askAdmin(address, `/api/v1/replays/${encodeURIComponent(id)}`);
      if (output === 'json') printJson(terminal, replay);
      else printLines(terminal, describeReplay(replay as ReplayRecord));
    });
  return new Command('replay')
    .description('send dead letters again, or decide again by the routes of now')
    .addCommand(start, { isDefault: true })
    .addCommand(status);
}

function bodyOf(ids: readonly string[], options: Omit<ReplayOptions, keyof Addressed>): object {
  const { mode, dryRun, force, rate, key, state, fault, sink, source, severity, unrouted, from, until } = options;
  const select = { state, fault, sink, source, severity, unrouted, from, until };
  return present({
    mode,
    select: present({ ids: ids.length > 0 ? ids : undefined, ...select }),
    dryRun,
    force,
    rate,
    key,
  });
}

function toCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return count;
}

function describePlan({ alerts, deliveries, sinks, restamped, warnings }: ReplayPlan): readonly string[] {
  return [
    `would send ${deliveries}, of ${alerts} alerts`,
    ...indent(columns(sinks.map((each) => [each.sink, `${each.deliveries} to send`, `${each.outdated} held back`]))),
    ...warnings,
    ...indent(restamped.map(({ alertId, sink, time }) => `${alertId}  ${sink}: of ${time}`)),
  ];
}

function describeStart(replay: ReplayRecord & { readonly plan: ReplayPlan }): readonly string[] {
  const { id, rate, plan } = replay;
  return [`replay ${id}: ${plan.deliveries} to send, at most ${rate} a second`, ...plan.warnings];
}

function describeReplay(replay: ReplayRecord): readonly string[] {
  const { id, mode, createdAt, finishedAt, looked, owed, pending, delivered, dead, outdated, unconfigured } = replay;
  const when = finishedAt === undefined ? 'goes on' : `looked at everything at ${new Date(finishedAt).toISOString()}`;
  const counts = [
    ['alerts looked at', looked],
    ['sent or to be sent', owed],
    ['under way', pending],
    ['delivered', delivered],
    ['dead again', dead],
    ['held back', outdated],
    ['sink not in the config', unconfigured],
  ];
  return [
    `replay ${id}: ${mode}, asked for at ${new Date(createdAt).toISOString()}, ${when}`,
    ...indent(columns(counts.map(([what = '', count = 0]) => [String(what), String(count)]))),
  ];
}
