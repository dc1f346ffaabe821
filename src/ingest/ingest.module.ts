import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ActivityStream } from '../core/activity.js';
import { Journal } from '../core/journal.js';
import { Readiness } from '../core/readiness.js';
import { IngestHealth, type HealthOptions } from './ingest.health.js';
import { IngestListener } from './ingest.listener.js';
import { IngestOptions } from './ingest.options.js';
import { IngestService } from './ingest.service.js';
import { OwnAlerts } from './own-alerts.js';
import { Pressure } from './pressure.js';
import type { PullingSource } from './pull-loop.js';
import { Puller } from './puller.service.js';
import { PullControl } from '../core/pull-control.js';
import { SourcePaths, type PathsOfSource } from './source-paths.js';

/** What the receiving half is made from. */
export type IngestModuleOptions = {
  readonly options: IngestOptions;
  /** Those that somebody may post to, and those that are asked. */
  readonly sources: readonly PathsOfSource[];
  readonly pulls: readonly PullingSource[];
  readonly health: HealthOptions;
};

/** Global, for the admin side asks for `PullControl` and knows nothing of who has it. */
@Global()
@Module({})
export class IngestModule {
  static for({ options, sources, pulls, health }: IngestModuleOptions): DynamicModule {
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
            new Pressure(options, namesOf(sources, pulls).size, journal, activity),
          inject: [Journal, ActivityStream],
        },
        IngestService,
        IngestListener,
        OwnAlerts,
        {
          provide: Puller,
          useFactory: (ingest: IngestService, journal: Journal, pressure: Pressure, activity: ActivityStream) =>
            new Puller(pulls, ingest, journal, pressure, activity),
          inject: [IngestService, Journal, Pressure, ActivityStream],
        },
        { provide: PullControl, useExisting: Puller },
      ],
      exports: [IngestListener, SourcePaths, Puller, PullControl],
    };
  }
}

function namesOf(sources: readonly PathsOfSource[], pulls: readonly PullingSource[]): ReadonlySet<string> {
  return new Set([...sources, ...pulls].map(({ source }) => source.name));
}
