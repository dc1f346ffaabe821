import { Command } from 'commander';
import type { SourceView } from '../admin/sources.controller.js';
import { present } from '../kit/present.js';
import { askAdmin, postToAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

/** `pull` lists the pulls, `park SOURCE` holds one, `resume SOURCE` lets it go on, at once. */
export function pullCommand(terminal: Terminal = process): Command {
  const list = withAdmin(new Command('list').exitOverride().description('how the pulls do'))
    .addOption(outputOption())
    .action(async ({ output, ...address }: AdminAddress & { readonly output: Format }) => {
      const { items } = (await askAdmin(address, '/api/v1/sources')) as { readonly items: readonly SourceView[] };
      const pulling = items.filter(({ pull }) => pull);
      if (output === 'json') printJson(terminal, pulling);
      else printLines(terminal, pulling.length === 0 ? ['no source pulls'] : columns(pulling.map(rowOf)));
    });
  const park = withAdmin(new Command('park').exitOverride().description('hold a pull until it is resumed'))
    .argument('<source>', 'name of the source')
    .option('--reason <text>', 'why, for whoever finds it parked')
    .action(async (source: string, { reason, ...address }: AdminAddress & { readonly reason?: string }) => {
      await postToAdmin(address, pathOf(source, 'park'), present({ reason }));
      printLines(terminal, [`the pull of ${source} is parked; its webhook goes on`]);
    });
  const resume = withAdmin(new Command('resume').exitOverride().description('let a pull go on, at once'))
    .argument('<source>', 'name of the source')
    .action(async (source: string, address: AdminAddress) => {
      await postToAdmin(address, pathOf(source, 'resume'), {});
      printLines(terminal, [`the pull of ${source} goes on`]);
    });
  return new Command('pull')
    .description("what is asked of the vendors' APIs")
    .addCommand(list, { isDefault: true })
    .addCommand(park)
    .addCommand(resume);
}

function pathOf(source: string, verb: 'park' | 'resume'): string {
  return `/api/v1/sources/${encodeURIComponent(source)}/pull/${verb}`;
}

function rowOf({ name, pull }: SourceView): readonly string[] {
  const { state, reason, failures, caughtUp, next } = pull ?? { state: 'waiting' };
  return [
    name,
    failures === undefined ? state : `${state}, ${failures} in a row`,
    caughtUp === undefined ? 'never caught up' : `caught up ${caughtUp}`,
    next === undefined ? '' : `next ${next}`,
    reason ?? '',
  ];
}
