import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { downloadFromAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type BackupOptions = AdminAddress & { readonly output: Format };

/** Every SQLite database begins with it (https://www.sqlite.org/fileformat.html, §1.2). */
const magic = 'SQLite format 3\0';

/** `backup FILE`: a copy of the journal of a running router, on the disk, readable by its owner alone. Exit 0, or 1. */
export function backupCommand(terminal: Terminal = process): Command {
  return withAdmin(
    new Command('backup')
      .description('copy the journal of a running router into a new file')
      .argument('<file>', 'must not exist yet'),
  )
    .addOption(outputOption())
    .action(async (file: string, { output, ...address }: BackupOptions) => {
      if (existsSync(file)) throw new Error(`${file} is there already: name a new file.`);
      const started = performance.now();
      const bytes = await keep(file, (part) => download(address, part));
      const durationMs = Math.round(performance.now() - started);
      if (output === 'json') printJson(terminal, { file, bytes, durationMs });
      else printLines(terminal, [`${file}: ${bytes} bytes in ${(durationMs / 1_000).toFixed(1)} s`]);
    });
}

/** A file has its name only once it is whole and on the disk: what was cut off must not be taken for a backup. */
async function keep(file: string, write: (part: FileHandle) => Promise<number>): Promise<number> {
  const partName = `${file}.part`;
  const part = await open(partName, 'wx', 0o600);
  try {
    const bytes = await write(part);
    await part.sync();
    await rename(partName, file);
    await syncFolder(dirname(file));
    return bytes;
  } catch (error) {
    await rm(partName, { force: true });
    throw error;
  } finally {
    await part.close();
  }
}

async function download(address: AdminAddress, part: FileHandle): Promise<number> {
  const { bytes, chunks } = await downloadFromAdmin(address, '/api/v1/backup');
  let written = 0;
  for await (const chunk of chunks) {
    if (written === 0 && chunk.toString('latin1', 0, magic.length) !== magic) throw new Error('That is no backup.');
    await part.writeFile(chunk);
    written += chunk.length;
  }
  if (written !== bytes) throw new Error(`The backup was cut off after ${written} of ${bytes} bytes.`);
  return bytes;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
