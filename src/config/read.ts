import { existsSync } from 'node:fs';
import { loadConfig, type LoadedConfig } from './load.js';

/**
 * Reads `.env` of the current folder, as far as the environment does not say otherwise, and then the config file, or
 * takes a text in its place. Throws `ConfigError`.
 */
export async function readConfig(file: string, text?: string): Promise<LoadedConfig> {
  if (existsSync('.env')) {
    const { ConfigModule } = await import('@nestjs/config');
    await ConfigModule.forRoot();
  }
  return loadConfig(file, { env: process.env, ...(text !== undefined && { text }) });
}
