import { Command, Option } from 'commander';
import type { AuditEntry, Page } from '../core/journal.js';
import { askAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { columns, outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type AuditOptions = AdminAddress & { readonly limit: string; readonly output: Format };

/** `audit`: who changed what by the admin side of a running router, or tried to; newest first. */
export function auditCommand(terminal: Terminal = process): Command {
  return withAdmin(new Command('audit').description('who changed what, or tried to'))
    .addOption(new Option('-n, --limit <count>', 'how many, newest first').default('50'))
    .addOption(outputOption())
    .action(async ({ limit, output, ...address }: AuditOptions) => {
      const page = await askAdmin(address, `/api/v1/audit?${new URLSearchParams({ limit }).toString()}`);
      if (output === 'json') printJson(terminal, page);
      else printLines(terminal, columns((page as Page<AuditEntry>).items.map(describe)));
    });
}

function describe({ at, who, role, remoteAddress, outcome, status, action, detail }: AuditEntry): readonly string[] {
  const caller = role === undefined ? who : `${who} (${role})`;
  return [new Date(at).toISOString(), outcome, String(status), caller, remoteAddress, action, detail ?? ''];
}
