import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type LoadedConfig } from '../../src/config/load.js';
import { ConfigError, describeProblem } from '../../src/core/errors.js';
import { plugins, PostOptions } from './config-plugins.js';

/** The smallest config, in parts: what a spec does not replace. */
export const source = 'sources:\n  gate: { type: hook, auth: none }\n';
export const sink = 'sinks:\n  mail: { type: post, apiKey: k }\n';
export const route = 'routes:\n  - { name: all, to: mail }\n';
export const rest = source + sink + route;

export const env = {
  KEY: 'k3y-from-the-environment',
  WORD: 'w0rd-from-the-environment',
  SITE: 'noth.example',
  PORT: '8181',
  YES: 'true',
  EMPTY: '',
  RAW: 'a ${KEY}',
};

/** What is wrong, the YAML, and the problems as a terminal shows them, without the file's name. */
export type Broken = readonly [what: string, yaml: string, problems: readonly string[]];

/** A temporary folder with secret files of every sort, and `c.yaml`, which each call writes anew and loads. */
export class ConfigFolder {
  private constructor(readonly path: string) {}

  static async create(): Promise<ConfigFolder> {
    const path = await mkdtemp(join(tmpdir(), 'signalbox-config-'));
    await writeFile(join(path, 'secret'), 's3cret-from-a-file\n', { mode: 0o600 });
    await writeFile(join(path, 'open-secret'), '0pen-secret-from-a-file\r\n');
    await chmod(join(path, 'open-secret'), 0o644);
    await writeFile(join(path, 'latin1'), Buffer.from([0x61, 0xe4]), { mode: 0o600 });
    await writeFile(join(path, 'long'), 'x'.repeat(70_000), { mode: 0o600 });
    return new ConfigFolder(path);
  }

  async load(yaml: string | Uint8Array): Promise<LoadedConfig> {
    const file = join(this.path, 'c.yaml');
    await writeFile(file, typeof yaml === 'string' ? withJournal(yaml) : yaml);
    return loadConfig(file, { env, plugins, now: () => 0 });
  }

  /** The problems of a config that must not load. */
  async problemsOf(yaml: string | Uint8Array): Promise<string[]> {
    const loaded = await this.load(yaml).catch((error: unknown) => error);
    if (!(loaded instanceof ConfigError)) throw new Error('it loaded', { cause: loaded });
    return loaded.problems.map((problem) => this.#shown(problem));
  }

  /** The warnings of a config that loads. */
  async warningsOf(yaml: string): Promise<string[]> {
    const { warnings } = await this.load(yaml);
    return warnings.map((warning) => this.#shown(warning));
  }

  /** The options of a sink of type `post`, of which these are the lines. */
  async post(...lines: readonly string[]): Promise<PostOptions> {
    const block = lines.map((line) => `    ${line}\n`).join('');
    const { sinks } = await this.load(`sinks:\n  mail:\n    type: post\n${block}${source}${route}`);
    const options = sinks.get('mail')?.options;
    if (!(options instanceof PostOptions)) throw new Error('no options');
    return options;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true });
  }

  #shown(problem: ConfigError['problems'][number]): string {
    return describeProblem(problem).replace(`${this.path}/c.yaml:`, '');
  }
}

/** At the end, so that no line moves; none for a text that is about YAML and not about a config. */
function withJournal(yaml: string): string {
  return /^sources:/m.test(yaml) && !/^journal:/m.test(yaml) ? `${yaml}journal: { type: paper }\n` : yaml;
}
