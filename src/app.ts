import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import type { LoadedConfig } from './config/load.js';

/** The whole router, wired and with its journal open, not yet listening. */
export async function createApp(config: LoadedConfig): Promise<NestExpressApplication> {
  return NestFactory.create<NestExpressApplication>(AppModule.for(config), { logger: ['error', 'warn'] });
}
