import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigModule, getConfigToken, registerAs } from '@nestjs/config';
import { existsSync } from 'node:fs';
import { loadConfig, type LoadedConfig } from './load.js';

const key = 'signalbox';

/** What the loaded config is injected by: `constructor(@Inject(loadedConfig) private readonly config: LoadedConfig)`. */
export const loadedConfig = getConfigToken(key);

/**
 * Reads `.env` of the current folder, as far as the environment does not say otherwise, and then the config file, or
 * takes a text in its place. Throws `ConfigError`.
 */
export async function readConfig(file: string, text?: string): Promise<LoadedConfig> {
  await ConfigModule.forRoot();
  return loadConfig(file, { env: process.env, ...(text !== undefined && { text }) });
}

/** The config file when none is named: `config/signalbox.yaml` where there is one, else that of the machine. */
export function defaultConfigFile(): string {
  const [local, machine] = ['config/signalbox.yaml', '/etc/signalbox/signalbox.yaml'] as const;
  return !existsSync(local) && existsSync(machine) ? machine : local;
}

/** Carries the loaded config to whoever injects it. */
@Module({})
export class SignalboxConfigModule {
  static forRoot(loaded: LoadedConfig): DynamicModule {
    const carrier = ConfigModule.forRoot({ ignoreEnvFile: true, load: [registerAs(key, () => loaded)] });
    return { module: SignalboxConfigModule, global: true, imports: [carrier], exports: [ConfigModule] };
  }
}
