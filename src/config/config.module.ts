import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigModule, getConfigToken, registerAs } from '@nestjs/config';
import type { LoadedConfig } from './load.js';

const key = 'signalbox';

/** What the loaded config is injected by: `constructor(@Inject(loadedConfig) private readonly config: LoadedConfig)`. */
export const loadedConfig = getConfigToken(key);

/** Carries the loaded config to whoever injects it. */
@Module({})
export class SignalboxConfigModule {
  static forRoot(loaded: LoadedConfig): DynamicModule {
    const carrier = ConfigModule.forRoot({ ignoreEnvFile: true, load: [registerAs(key, () => loaded)] });
    return { module: SignalboxConfigModule, global: true, imports: [carrier], exports: [ConfigModule] };
  }
}
