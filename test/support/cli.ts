import { CommanderError, type Command } from 'commander';
import { IsOptional, IsString } from 'class-validator';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { loadConfig, type LoadedConfig } from '../../src/config/load.js';
import { defineJournal } from '../../src/core/journal.js';
import { defineSink, type Outcome } from '../../src/core/sink.js';
import { defineSource } from '../../src/core/source.js';
import type { Delivery } from '../../src/core/journal.js';
import { SourceOptions } from '../../src/kit/source-options.js';
import { warden } from './admin-app.js';

/** What a command said, as a process would have. */
export class FakeTerminal {
  out = '';
  err = '';
  exitCode: number | string | null | undefined;
  readonly stdout = { write: (text: string | Uint8Array) => (this.out += Buffer.from(text).toString()) };
  readonly stderr = { write: (text: string) => (this.err += text) };
  readonly stdin: Readable;

  constructor(input = '') {
    this.stdin = Readable.from([Buffer.from(input)]);
  }
}

/** Runs a command with arguments; what commander refuses comes back as the error it throws. */
export async function run(command: Command, ...args: string[]): Promise<CommanderError | undefined> {
  for (const each of [command, ...command.commands]) each.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    await command.parseAsync(args, { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error;
    throw error;
  }
}

class BoxOptions {
  @IsOptional()
  @IsString()
  label?: string;
}

/** A config of one source `warden`, two routes and two sinks, with plugins of its own. */
export class CliConfig {
  readonly sent: Delivery[] = [];
  readonly closed: string[] = [];
  outcome: Outcome = { kind: 'delivered' };
  #folder = '';

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
    await this.write(
      'config.yaml',
      [
        'journal: { type: nowhere }',
        'sources:',
        '  warden: { type: warden, auth: none }',
        'sinks:',
        '  pager: { type: box }',
        '  archive: { type: box }',
        'routes:',
        '  - { name: urgent, match: { severity: ">=high" }, to: pager }',
        '  - { name: disks, match: { title: "*disk*" }, to: [archive, pager] }',
      ].join('\n'),
    );
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  /** Writes a file beside the config; returns its path. */
  async write(name: string, content: string | Buffer): Promise<string> {
    await writeFile(this.path(name), content);
    return this.path(name);
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  readonly read = (file: string): Promise<LoadedConfig> => {
    const { type, vendor, product, source } = warden;
    const box = (name: string) => ({
      maxBatch: 1,
      concurrency: 1,
      keepsState: false,
      deliver: (batch: readonly Delivery[]) => {
        this.sent.push(...batch);
        return Promise.resolve(this.outcome);
      },
      close: () => {
        this.closed.push(name);
        return Promise.resolve();
      },
    });
    return loadConfig(file, {
      env: {},
      plugins: {
        sources: [defineSource({ type, vendor, product, options: SourceOptions, open: () => source })],
        sinks: [defineSink({ type: 'box', options: BoxOptions, open: (_options, { name }) => box(name) })],
        journals: [
          defineJournal({ type: 'nowhere', options: BoxOptions, open: () => Promise.reject(new Error('not opened')) }),
        ],
      },
    });
  };
}
