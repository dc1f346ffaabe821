import { Command, Option } from 'commander';
import { hash, randomBytes } from 'node:crypto';
import { roles, type Role } from '../core/role.js';
import { outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

/** Twice of what is needed for a token that nobody guesses. */
const tokenBytes = 32;

type TokenCommandOptions = { readonly name: string; readonly role: Role; readonly output: Format };

/** `token`: mints a token for the admin side, and prints it with the line for the config that lets it in. */
export function tokenCommand(terminal: Terminal = process): Command {
  return new Command('token')
    .description('mint a token for the admin side')
    .requiredOption('--name <name>', 'whose it is; the audit log shows it')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).default('viewer'))
    .addOption(outputOption())
    .action(({ name, role, output }: TokenCommandOptions) => {
      // The prefix tells those who search for leaked credentials what they found.
      const token = `sbx_${randomBytes(tokenBytes).toString('base64url')}`;
      const sha256 = hash('sha256', token, 'hex');
      if (output === 'json') {
        printJson(terminal, { name, role, token, sha256 });
        return;
      }
      printLines(terminal, [
        `token   ${token}`,
        `sha256  ${sha256}`,
        '',
        'Give the token to whom it is for: it is kept nowhere. Into the config, under admin.tokens, goes:',
        `  - { name: ${JSON.stringify(name)}, role: ${role}, sha256: ${JSON.stringify(sha256)} }`,
      ]);
    });
}
