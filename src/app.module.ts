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
import { ConfigInForce } from './config/in-force.js';
import type { LoadedConfig } from './config/load.js';
import { tokenDigest } from './config/tokens.js';
import { ActivityStream } from './core/activity.js';
import type { JournalUnavailableError } from './core/errors.js';
import { Journal } from './core/journal.js';
import { Readiness } from './core/readiness.js';
import type { Sink } from './core/sink.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import type { DeliveryOptions } from './delivery/delivery.options.js';
import { keepRetention } from './journal/retention.js';
import { EnrichmentModule } from './enrichment/enrichment.module.js';
import { holdOf, type AskingSource } from './enrichment/enricher.service.js';
import { ownAlertSource } from './ingest/own-source.js';
import { IngestModule, type IngestModuleOptions } from './ingest/ingest.module.js';
import type { PullingSource } from './ingest/pull-loop.js';
import type { PathsOfSource } from './ingest/source-paths.js';
import { addressList } from './kit/address.js';
import { EnrichOptions, PullOptions, SourceOptions, VerifyOptions } from './kit/source-options.js';
import { ReloadModule } from './reload.module.js';
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

  static for(inForce: ConfigInForce, log: Log, onFatal: OnFatal): DynamicModule {
    const config = inForce.current;
    const provided = [
      {
        provide: Journal,
        useFactory: () => config.journal.open({ onFatal, onGap: tellGap(log), onWarning: tellWarning(log) }),
      },
      {
        provide: Readiness,
        useFactory: (journal: Journal) =>
          new Readiness(
            journal,
            config.ingest,
            (name) => pulls(inForce.current, name),
            (sink) => (inForce.current.sinks.has(sink) ? inForce.current.delivery.maxAge : Infinity),
          ),
        inject: [Journal],
      },
      { provide: Router, useValue: new Router(config.routes, statefulSinksOf(config)) },
      { provide: AdminOptions, useValue: adminOf(inForce) },
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
    const inForce = new ConfigInForce(config);
    const ingest = IngestModule.for(ingestOf(inForce));
    return {
      module: AppModule,
      imports: [
        SignalboxConfigModule.forRoot(config),
        BackboneModule.for(inForce, log, onFatal),
        ingest,
        EnrichmentModule.for(asksOf(config)),
        DeliveryModule.for(deliveryOf(inForce)),
        ReloadModule.for(inForce, { pathsOf, pullsOf, asksOf, sinksOf, statefulSinksOf }, ingest),
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

function tellWarning(log: Log): (problem: string) => void {
  return (problem) => {
    log.warn({ problem }, 'the journal has a problem');
  };
}

function sourcesOf(config: LoadedConfig): readonly NamedSource[] {
  return [...config.sources].map(([name, { type, vendor, product, source, options }]) => {
    const hold = holdOf({ name, source, ...asked(options) });
    return { name, type, vendor, product, source, ...(hold && { hold }) };
  });
}

function asksOf(config: LoadedConfig): readonly AskingSource[] {
  return [...config.sources].flatMap(([name, { source, options }]) => {
    const { enrich, verify } = asked(options);
    if (!source.lookup || (!enrich && !verify)) return [];
    return [{ name, source, ...asked(options) }];
  });
}

/** Whether the vendor is asked for a source's alerts, and how. */
function asked(options: object): Pick<AskingSource, 'enrich' | 'verify'> {
  return {
    ...('enrich' in options && options.enrich instanceof EnrichOptions && { enrich: options.enrich }),
    ...('verify' in options && options.verify instanceof VerifyOptions && { verify: options.verify }),
  };
}

/** What a reload changes is asked of the config in force each time. */
function adminOf(inForce: ConfigInForce): AdminOptions {
  const { admin, ingest } = inForce.current;
  const { host, tokens } = admin;
  return {
    host,
    ...(tokens && {
      tokens: tokens.map((token) => ({ name: token.name, role: token.role, sha256: tokenDigest(token) })),
    }),
    version,
    get sources() {
      return [...sourcesOf(inForce.current), ownAlertSource];
    },
    get routes() {
      return inForce.current.routes;
    },
    get routesSince() {
      return inForce.routesSince;
    },
    get sinks() {
      return [...inForce.current.sinks].map(([name, { type }]) => ({ name, type }));
    },
    get maxAge() {
      return inForce.current.delivery.maxAge;
    },
    maxBody: ingest.maxInflated,
    pendingLimits: ingest,
  };
}

function deliveryOf(inForce: ConfigInForce): DeliveryOptions {
  return {
    sinks: sinksOf(inForce.current),
    get maxAge() {
      return inForce.current.delivery.maxAge;
    },
    get shutdownGrace() {
      return inForce.current.delivery.shutdownGrace;
    },
  };
}

function ingestOf(inForce: ConfigInForce): IngestModuleOptions {
  const { ingest } = inForce.current;
  return {
    options: { ...ingest, trustedProxies: addressList(ingest.trustedProxies) },
    sources: pathsOf(inForce.current),
    pulls: pullsOf(inForce.current),
    health: {
      get isSuccessor() {
        return pathsOf(inForce.current).some(({ paths }) => paths.includes('/api/v1/datadog/event'));
      },
      get datadogSinks() {
        return [...inForce.current.sinks].flatMap(([name, { type }]) => (type === 'datadog' ? [name] : []));
      },
    },
  };
}

/** Only of sources that somebody may post to. */
function pathsOf(config: LoadedConfig): readonly PathsOfSource[] {
  return sourcesOf(config).flatMap((source) => {
    const options = config.sources.get(source.name)?.options;
    if (!(options instanceof SourceOptions)) return [{ source, paths: [] }];
    return options.auth === undefined ? [] : [{ source, paths: options.paths ?? [] }];
  });
}

function pullsOf(config: LoadedConfig): readonly PullingSource[] {
  return sourcesOf(config).flatMap((source) => {
    const pull = pullOptionsOf(config.sources.get(source.name)?.options);
    return pull ? [{ source, pull }] : [];
  });
}

function pulls(config: LoadedConfig, name: string): boolean {
  return pullOptionsOf(config.sources.get(name)?.options) !== undefined;
}

function pullOptionsOf(options: object | undefined): PullOptions | undefined {
  return options && 'pull' in options && options.pull instanceof PullOptions ? options.pull : undefined;
}

function sinksOf(config: LoadedConfig): ReadonlyMap<string, Sink> {
  return new Map([...config.sinks].map(([name, { sink }]) => [name, sink]));
}

function statefulSinksOf(config: LoadedConfig): ReadonlySet<string> {
  return new Set([...config.sinks].flatMap(([name, { sink }]) => (sink.keepsState ? [name] : [])));
}
