import { Global, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { AdminModule } from './admin/admin.module.js';
import { SignalboxConfigModule } from './config/config.module.js';
import type { LoadedConfig } from './config/load.js';
import { ActivityStream } from './core/activity.js';
import { Journal } from './core/journal.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { IngestModule, type IngestModuleOptions } from './ingest/ingest.module.js';
import { addressList } from './kit/address.js';
import { SourceOptions } from './kit/source-options.js';
import { Router } from './routing/router.js';

/** What the halves share: the journal they meet at, the router, and the stream of what happens. */
@Global()
@Module({})
export class BackboneModule implements OnApplicationShutdown {
  constructor(private readonly journal: Journal) {}

  static for(config: LoadedConfig): DynamicModule {
    const provided = [
      { provide: Journal, useFactory: () => config.journal.open() },
      { provide: Router, useValue: new Router(config.routes, statefulSinks(config)) },
      ActivityStream,
    ];
    return { module: BackboneModule, providers: provided, exports: [Journal, Router, ActivityStream] };
  }

  /** After ingest and delivery have ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.journal.close();
  }
}

/** The feature modules in one list. */
@Module({})
export class AppModule {
  static for(config: LoadedConfig): DynamicModule {
    const { maxAge, shutdownGrace } = config.delivery;
    const sinks = new Map([...config.sinks].map(([name, { sink }]) => [name, sink]));
    return {
      module: AppModule,
      imports: [
        SignalboxConfigModule.forRoot(config),
        BackboneModule.for(config),
        IngestModule.for(ingestOf(config)),
        DeliveryModule.for({ sinks, maxAge, shutdownGrace }),
        AdminModule,
      ],
    };
  }
}

function ingestOf(config: LoadedConfig): IngestModuleOptions {
  const sources = [...config.sources].map(([name, { type, vendor, product, source, options }]) => ({
    source: { name, type, vendor, product, source },
    paths: options instanceof SourceOptions ? (options.paths ?? []) : [],
  }));
  return {
    options: { ...config.ingest, trustedProxies: addressList(config.ingest.trustedProxies) },
    sources,
    health: {
      isSuccessor: sources.some(({ paths }) => paths.includes('/api/v1/datadog/event')),
      datadogSinks: [...config.sinks].flatMap(([name, { type }]) => (type === 'datadog' ? [name] : [])),
    },
  };
}

function statefulSinks(config: LoadedConfig): ReadonlySet<string> {
  return new Set([...config.sinks].flatMap(([name, { sink }]) => (sink.keepsState ? [name] : [])));
}
