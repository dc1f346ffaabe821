import { Command } from 'commander';
import type { RereadResult } from '../admin/quarantine.controller.js';
import type { Page, RequestRecord } from '../core/journal.js';
import { present } from '../kit/present.js';
import { askAdmin, downloadFromAdmin, postToAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, indent, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type Addressed = AdminAddress & { readonly output: Format };
type ListOptions = Addressed & { readonly limit: string; readonly cursor?: string };
type ReplayOptions = Addressed & {
  readonly source?: string;
  readonly from?: string;
  readonly until?: string;
  readonly dryRun?: true;
};

/** `quarantine` lists what could not be read, `show ID` writes its bytes, `replay` reads it once more. */
export function quarantineCommand(terminal: Terminal = process): Command {
  const list = withAdmin(new Command('list').exitOverride().description('list it, newest first'))
    .option('--limit <count>', 'how many at most, up to 500', '50')
    .option('--cursor <next>', 'the page after the one that said this')
    .addOption(outputOption())
    .action(async ({ limit, cursor, output, ...address }: ListOptions) => {
      const query = new URLSearchParams(present({ limit, cursor })).toString();
      const page = (await askAdmin(address, `/api/v1/quarantine?${query}`)) as Page<RequestRecord>;
      if (output === 'json') printJson(terminal, page);
      else printLines(terminal, describePage(page));
    });
  const show = withAdmin(new Command('show').exitOverride().description('write the exact bytes of a request'))
    .argument('<id>', 'id of the request')
    .action(async (id: string, address: AdminAddress) => {
      const path = `/api/v1/alerts/${encodeURIComponent(id)}/raw`;
      const { chunks } = await downloadFromAdmin(address, path, 'get');
      for await (const chunk of chunks) terminal.stdout.write(chunk);
    });
  const replay = withAdmin(new Command('replay').exitOverride().description("read it again by today's sources"))
    .argument('[ids...]', 'ids of requests; none: all that the options select')
    .option('--source <name>', 'only of this source')
    .option('--from <time>', 'received at this time or later, e.g. 2026-03-01T10:00:00Z')
    .option('--until <time>', 'received before this time')
    .option('--dry-run', 'say what would become of it, and change nothing')
    .addOption(outputOption())
    .action(async (ids: readonly string[], { admin, token, output, ...asked }: ReplayOptions) => {
      const body = present({ ids: ids.length > 0 ? ids : undefined, ...asked });
      const answer = await postToAdmin({ admin, ...present({ token }) }, '/api/v1/quarantine/replay', body);
      if (output === 'json') printJson(terminal, answer);
      else printLines(terminal, describeResult(answer as RereadResult));
    });
  return new Command('quarantine')
    .description('authentic requests, or parts of them, that could not be read')
    .addCommand(list, { isDefault: true })
    .addCommand(show)
    .addCommand(replay);
}

function describePage({ items, next }: Page<RequestRecord>): readonly string[] {
  if (items.length === 0) return ['nothing is in the quarantine'];
  const rows = items.map(({ requestId, source, receivedAt, bytes, index, reason }) => [
    new Date(receivedAt).toISOString(),
    requestId,
    source,
    `${bytes} bytes`,
    index === undefined ? 'whole' : `part ${index}`,
    reason,
  ]);
  return [...columns(rows), ...(next === undefined ? [] : [`… more: --cursor ${next}`])];
}

function describeResult(result: RereadResult): readonly string[] {
  const { requests, accepted, duplicates, probes, quarantined, reasons, more } = result;
  return [
    `${requests} requests read: ${accepted} accepted, ${duplicates} duplicates, ${probes} probes, ${quarantined} parts stay`,
    ...indent(reasons.map(({ requestId, reason }) => `${requestId}  ${reason}`)),
    ...(more ? ['there is more: ask again'] : []),
  ];
}
