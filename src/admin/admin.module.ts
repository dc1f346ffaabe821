import { Module, ValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AlertsController } from './alerts.controller.js';
import { BackupController } from './backup.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';
import { ExplainService } from './explain.service.js';
import { HealthController } from './health.controller.js';
import { InstancesController } from './instances.controller.js';
import { LedgerController } from './ledger.controller.js';
import { LogService } from './log.service.js';
import { MetricsService } from './metrics.service.js';
import { invalidQuery, ProblemFilter } from './problem.filter.js';
import { QuarantineController } from './quarantine.controller.js';
import { ReconciliationController } from './reconciliation.controller.js';
import { ReplaysController } from './replays.controller.js';
import { RoleGuard } from './role.guard.js';
import { ReloadController } from './reload.controller.js';
import { RoutesController } from './routes.controller.js';
import { SinksController } from './sinks.controller.js';
import { SourcesController } from './sources.controller.js';
import { TailController } from './tail.controller.js';

/**
 * For the people who run it. Needs `AdminOptions`, `Journal`, `Readiness`, `ActivityStream`, `ReplayControl`, `PullControl`, `Router` and `Log` from a global
 * module, and `prepareAdmin(app)` before the application listens.
 */
@Module({
  controllers: [
    HealthController,
    InstancesController,
    RoutesController,
    ReloadController,
    SourcesController,
    SinksController,
    AlertsController,
    LedgerController,
    ReconciliationController,
    DeadLettersController,
    QuarantineController,
    ReplaysController,
    TailController,
    AuditController,
    BackupController,
  ],
  providers: [
    ExplainService,
    LogService,
    MetricsService,
    AuditService,
    { provide: APP_GUARD, useClass: RoleGuard },
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
