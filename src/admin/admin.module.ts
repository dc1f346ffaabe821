import { Module, ValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { AlertsController } from './alerts.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { HealthController } from './health.controller.js';
import { LedgerController } from './ledger.controller.js';
import { LogService } from './log.service.js';
import { MetricsService } from './metrics.service.js';
import { invalidQuery, ProblemFilter } from './problem.filter.js';
import { RoutesController } from './routes.controller.js';
import { SinksController } from './sinks.controller.js';
import { SourcesController } from './sources.controller.js';
import { TailController } from './tail.controller.js';

/**
 * For the people who run it. Needs `AdminOptions`, `Journal`, `Readiness`, `ActivityStream`, `Router` and `Log` from a global
 * module, and `prepareAdmin(app)` before the application listens.
 */
@Module({
  controllers: [
    HealthController,
    RoutesController,
    SourcesController,
    SinksController,
    AlertsController,
    LedgerController,
    DeadLettersController,
    TailController,
  ],
  providers: [
    LogService,
    MetricsService,
    { provide: APP_FILTER, useClass: ProblemFilter },
    {
      provide: APP_PIPE,
      useValue: new ValidationPipe({
        transform: true,
        whitelist: true,
        forbidNonWhitelisted: true,
        exceptionFactory: invalidQuery,
      }),
    },
  ],
})
export class AdminModule {}
