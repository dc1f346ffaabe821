import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { prepareAdmin } from './admin/admin.app.js';
import { createLog, NestLog } from './admin/log.js';
import { AppModule, type OnFatal } from './app.module.js';
import type { LoadedConfig } from './config/load.js';

/** The whole router, wired and with its journal open, not yet listening. */
export async function createApp(config: LoadedConfig, onFatal: OnFatal): Promise<NestExpressApplication> {
  const log = createLog(config.logLevel);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.for(config, log, onFatal), {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLog(log),
  });
  prepareAdmin(app);
  return app;
}
