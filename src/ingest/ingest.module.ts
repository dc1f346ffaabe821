import { Module, type DynamicModule } from '@nestjs/common';
import { ActivityStream } from '../core/activity.js';
import { Journal } from '../core/journal.js';
import { Readiness } from '../core/readiness.js';
import { IngestHealth, type HealthOptions } from './ingest.health.js';
import { IngestListener } from './ingest.listener.js';
import { IngestOptions } from './ingest.options.js';
import { IngestService } from './ingest.service.js';
import { OwnAlerts } from './own-alerts.js';
import { Pressure } from './pressure.js';
import { SourcePaths, type PathsOfSource } from './source-paths.js';

/** What the receiving half is made from. */
export type IngestModuleOptions = {
  readonly options: IngestOptions;
  readonly sources: readonly PathsOfSource[];
  readonly health: HealthOptions;
};

@Module({})
export class IngestModule {
  static for({ options, sources, health }: IngestModuleOptions): DynamicModule {
    return {
      module: IngestModule,
      providers: [
        { provide: IngestOptions, useValue: options },
        { provide: SourcePaths, useValue: new SourcePaths(sources) },
        {
          provide: IngestHealth,
          useFactory: (journal: Journal, readiness: Readiness) => new IngestHealth(health, journal, readiness),
          inject: [Journal, Readiness],
        },
        {
          provide: Pressure,
          useFactory: (journal: Journal, activity: ActivityStream) =>
            new Pressure(options, sources.length, journal, activity),
          inject: [Journal, ActivityStream],
        },
        IngestService,
        IngestListener,
        OwnAlerts,
      ],
      exports: [IngestListener, SourcePaths],
    };
  }
}
