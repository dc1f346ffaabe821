import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import type { BackupCopy } from '../core/journal.js';
import { Secret } from '../core/secret.js';
import { backupCommand } from './backup.js';

let admin: AdminApp;
let folder: string;
let terminal: FakeTerminal;
let file: string;
beforeEach(async () => {
  terminal = new FakeTerminal();
  folder = mkdtempSync(join(tmpdir(), 'signalbox-cli-'));
  file = join(folder, 'copy.db');
  admin = await startAdminApp({ tokens: [new Secret('SEKRET')] });
});
afterEach(async () => {
  await admin.close();
  rmSync(folder, { recursive: true });
});

const backup = (...args: string[]) =>
  run(backupCommand(terminal), '--admin', admin.url, '--token', 'SEKRET', ...args, file);
const content = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(500_000, 7)]);
const journalGives = (bytes: Buffer, said = bytes.length) => {
  admin.journal.backup = async (copy: BackupCopy) => {
    copy.begin(said);
    for (let at = 0; at < bytes.length; at += 100_000) await copy.take(bytes.subarray(at, at + 100_000));
    if (said !== bytes.length) throw new Error('it broke');
    return true;
  };
};

describe('signalbox backup', () => {
  it('writes a file that its owner alone can read, and says how much it was and how long it took', async () => {
    journalGives(content);
    await backup();
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(terminal.out).toMatch(/copy\.db: 500016 bytes in \d+\.\d s\n$/);
    expect(readdirSync(folder)).toEqual(['copy.db']);
  });

  it('says it in JSON too', async () => {
    journalGives(content);
    await backup('-o', 'json');
    expect(JSON.parse(terminal.out)).toEqual({ file, bytes: 500_016, durationMs: expect.any(Number) });
  });

  it('writes over nothing', async () => {
    writeFileSync(file, 'mine');
    journalGives(content);
    await expect(backup()).rejects.toThrow('is there already');
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it.each([
    [
      'was cut off',
      () => {
        journalGives(content, content.length + 1);
      },
      'broke off',
    ],
    [
      'is something else',
      () => {
        journalGives(Buffer.from('<html>'));
      },
      'That is no backup',
    ],
    ['cannot be had', () => undefined, 'answered 501'],
  ])('leaves nothing behind of what %s', async (_what, prepare, message) => {
    prepare();
    await expect(backup()).rejects.toThrow(message);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});
