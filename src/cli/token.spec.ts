import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { ConfigFolder, rest } from '../../test/support/config-file.js';
import { tokenCommand } from './token.js';

let folder: ConfigFolder;
let terminal: FakeTerminal;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());
beforeEach(() => {
  terminal = new FakeTerminal();
});

describe('signalbox token', () => {
  it('prints a token, its digest, and the line that the config takes', async () => {
    await run(tokenCommand(terminal), '--name', 'alice@example', '--role', 'operator');
    const [, token = ''] = /^token +(\S+)$/m.exec(terminal.out) ?? [];
    const [, sha256 = ''] = /^sha256 +(\S+)$/m.exec(terminal.out) ?? [];
    expect(token).toMatch(/^sbx_[\w-]{43}$/);
    expect(sha256).toBe(hash('sha256', token, 'hex'));
    const line = terminal.out.split('\n').find((text) => text.startsWith('  - '));
    const { admin } = await folder.load(`admin:\n  tokens:\n  ${line ?? ''}\n${rest}`);
    expect(admin.tokens).toEqual([{ name: 'alice@example', role: 'operator', sha256 }]);
  });

  it('makes another one each time, of a viewer unless told otherwise', async () => {
    const minted = new Set<unknown>();
    for (let count = 0; count < 20; count++) {
      const each = new FakeTerminal();
      await run(tokenCommand(each), '--name', 'bob', '-o', 'json');
      const { token, ...others } = JSON.parse(each.out) as { token: string };
      expect(others).toEqual({ name: 'bob', role: 'viewer', sha256: hash('sha256', token, 'hex') });
      minted.add(token);
    }
    expect(minted.size).toBe(20);
  });

  it('knows no other role, and wants a name', async () => {
    expect(await run(tokenCommand(terminal), '--name', 'bob', '--role', 'owner')).toMatchObject({ exitCode: 1 });
    expect(await run(tokenCommand(terminal), '--role', 'admin')).toMatchObject({ exitCode: 1 });
    expect(terminal.out).toBe('');
  });
});
