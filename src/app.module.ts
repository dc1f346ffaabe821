import {
  Global,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { AdminModule } from './admin/admin.module.js';
import { AdminOptions } from './admin/admin.options.js';
import { Log } from './admin/log.js';
import { SignalboxConfigModule } from './config/config.module.js';
import type { LoadedConfig } from './config/load.js';
import { tokenDigest } from './config/tokens.js';
import { ActivityStream } from './core/activity.js';
import type { JournalUnavailableError } from './core/errors.js';
import { Journal } from './core/journal.js';
import { Readiness } from './core/readiness.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { keepRetention } from './journal/retention.js';
import { ownAlertSource } from './ingest/own-source.js';
import { IngestModule, type IngestModuleOptions } from './ingest/ingest.module.js';
import { addressList } from './kit/address.js';
import { SourceOptions } from './kit/source-options.js';
import { Router } from './routing/router.js';
import type { NamedSource } from './routing/triage.js';
import { version } from './version.js';

/** Told once when the journal can do nothing more until a restart. */
export type OnFatal = (error: JournalUnavailableError) => void;

/** What the halves share: the journal they meet at, the router, and the stream of what happens. */
@Global()
@Module({})
export class BackboneModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  #stopRetention: (() => void) | undefined;

  constructor(
    private readonly journal: Journal,
    private readonly readiness: Readiness,
    private readonly activity: ActivityStream,
  ) {}

  static for(config: LoadedConfig, log: Log, onFatal: OnFatal): DynamicModule {
    const provided = [
      { provide: Journal, useFactory: () => config.journal.open({ onFatal, onGap: tellGap(log) }) },
      {
        provide: Readiness,
        useFactory: (journal: Journal) => new Readiness(journal, config.ingest),
        inject: [Journal],
      },
      { provide: Router, useValue: new Router(config.routes, statefulSinks(config)) },
      { provide: AdminOptions, useValue: adminOf(config) },
      { provide: Log, useValue: log },
      ActivityStream,
    ];
    return {
      module: BackboneModule,
      providers: provided,
      exports: [Journal, Readiness, Router, AdminOptions, Log, ActivityStream],
    };
  }

  onApplicationBootstrap(): void {
    this.#stopRetention = keepRetention(this.journal, (error) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.activity.next({ kind: 'fault', at: Date.now(), part: 'journal', reason });
    });
  }

  /** The first thing to happen at shutdown. */
  onModuleDestroy(): void {
    this.readiness.drain();
  }

  /** After ingest and delivery have ended. */
  async onApplicationShutdown(): Promise<void> {
    this.#stopRetention?.();
    await this.journal.close();
  }
}

/** The feature modules in one list. */
@Module({})
export class AppModule {
  static for(config: LoadedConfig, log: Log, onFatal: OnFatal): DynamicModule {
    const { maxAge, shutdownGrace } = config.delivery;
    const sinks = new Map([...config.sinks].map(([name, { sink }]) => [name, sink]));
    return {
      module: AppModule,
      imports: [
        SignalboxConfigModule.forRoot(config),
        BackboneModule.for(config, log, onFatal),
        IngestModule.for(ingestOf(config)),
        DeliveryModule.for({ sinks, maxAge, shutdownGrace }),
        AdminModule,
      ],
    };
  }
}

/** What was answered 202 is no longer in the journal: nobody else can tell, so say it as loudly as a log can. */
function tellGap(log: Log): (gap: string) => void {
  return (gap) => {
    log.error({ gap }, 'the journal lost what it had accepted');
  };
}

function sourcesOf(config: LoadedConfig): readonly NamedSource[] {
  return [...config.sources].map(([name, { type, vendor, product, source }]) => ({
    name,
    type,
    vendor,
    product,
    source,
  }));
}

function adminOf(config: LoadedConfig): AdminOptions {
  const { host, tokens } = config.admin;
  return {
    host,
    ...(tokens && {
      tokens: tokens.map((token) => ({ name: token.name, role: token.role, sha256: tokenDigest(token) })),
    }),
    version,
    sources: [...sourcesOf(config), ownAlertSource],
    routes: config.routes,
    sinks: [...config.sinks].map(([name, { type }]) => ({ name, type })),
    maxBody: config.ingest.maxInflated,
    pendingLimits: config.ingest,
  };
}

function ingestOf(config: LoadedConfig): IngestModuleOptions {
  const sources = sourcesOf(config).map((source) => {
    const options = config.sources.get(source.name)?.options;
    return { source, paths: options instanceof SourceOptions ? (options.paths ?? []) : [] };
  });
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
