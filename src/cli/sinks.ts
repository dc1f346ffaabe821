import { Command } from 'commander';
import type { SinkTest } from '../core/sink-control.js';
import { present } from '../kit/present.js';
import { askAdmin, postToAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, exitFailed, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type Options = AdminAddress & { readonly output: Format };
type SinkLine = { readonly name: string; readonly state: string; readonly backlog: number } & Readonly<
  Partial<Record<'reason' | 'since' | 'oldest', string>>
>;

/** `sinks` lists them with their backlogs; `sinks park|resume|test|give-up NAME` is what an operator does with one. */
export function sinksCommand(terminal: Terminal = process): Command {
  const verb = (name: string, description: string): Command =>
    withAdmin(new Command(name).exitOverride().description(description)).addOption(outputOption());
  const post = ({ admin, token }: AdminAddress, name: string, what: string, body: object = {}): Promise<unknown> =>
    postToAdmin({ admin, ...present({ token }) }, `/api/v1/sinks/${encodeURIComponent(name)}/${what}`, body);
  const print = ({ output }: Options, answer: unknown, line: string): void => {
    if (output === 'json') printJson(terminal, answer);
    else printLines(terminal, [line]);
  };

  const list = verb('list', 'running or parked, and how far behind').action(async ({ output, ...address }: Options) => {
    const answer = (await askAdmin(address, '/api/v1/sinks')) as { readonly items: readonly SinkLine[] };
    if (output === 'json') printJson(terminal, answer);
    else printLines(terminal, describe(answer.items));
  });
  const park = verb('park', 'hold all deliveries to a sink until it is resumed, over restarts too')
    .argument('<sink>', 'name of the sink')
    .option('--reason <text>', 'for whoever asks why')
    .action(async (name: string, options: Options & { readonly reason?: string }) => {
      await post(options, name, 'park', present({ reason: options.reason }));
      print(options, { sink: name, state: 'parked' }, `${name} is parked`);
    });
  const resume = verb('resume', 'go on with the deliveries to a parked sink, whoever parked it')
    .argument('<sink>', 'name of the sink')
    .action(async (name: string, options: Options) => {
      await post(options, name, 'resume');
      print(options, { sink: name, state: 'running' }, `${name} goes on`);
    });
  const test = verb('test', 'send a marked test event through the running router; exits 1 when it did not arrive')
    .argument('<sink>', 'name of the sink')
    .action(async (name: string, options: Options) => {
      const said = (await post(options, name, 'test')) as SinkTest;
      const why = said.reason === undefined ? '' : `: ${said.reason}`;
      print(options, said, `${name}: ${said.outcome}${why} (${said.durationMs} ms)`);
      if (said.outcome !== 'delivered') terminal.exitCode = exitFailed;
    });
  const giveUp = verb('give-up', 'make dead letters of what is owed to a sink that is no longer in the config')
    .argument('<sink>', 'name it had')
    .action(async (name: string, options: Options) => {
      const said = (await post(options, name, 'give-up')) as { readonly givenUp: number; readonly left: number };
      const left = said.left === 0 ? '' : `, ${said.left} wait for a retry: ask again in 15 minutes`;
      print(options, said, `${name}: ${said.givenUp} deliveries are dead letters now${left}`);
    });

  const all = new Command('sinks').description('the sinks of a running router, and what can be done with them');
  all.addCommand(list, { isDefault: true });
  for (const command of [park, resume, test, giveUp]) all.addCommand(command);
  return all;
}

function describe(items: readonly SinkLine[]): readonly string[] {
  const rows = items.map(({ name, state, backlog, oldest, reason, since }) => [
    name,
    state,
    String(backlog),
    oldest ?? '',
    reason === undefined ? '' : `${reason}, since ${since ?? ''}`,
  ]);
  return columns([['sink', 'state', 'backlog', 'oldest', ''], ...rows]);
}
