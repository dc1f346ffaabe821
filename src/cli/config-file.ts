import { existsSync } from 'node:fs';
import type { LoadedConfig } from '../config/load.js';

/** The config file when none is named: `config/signalbox.yaml` where there is one, else that of the machine. */
export function defaultConfigFile(): string {
  const [local, machine] = ['config/signalbox.yaml', '/etc/signalbox/signalbox.yaml'] as const;
  return !existsSync(local) && existsSync(machine) ? machine : local;
}

/** Reads a config file. Throws `ConfigError`. The plugins are loaded only here: most verbs need none of them. */
export async function readConfig(file: string): Promise<LoadedConfig> {
  const { readConfig: read } = await import('../config/read.js');
  return read(file);
}
