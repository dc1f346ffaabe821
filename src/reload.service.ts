import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { readConfig } from './config/read.js';
import { ConfigInForce } from './config/in-force.js';
import type { LoadedConfig } from './config/load.js';
import { changedFiles } from './config/secret-files.js';
import { ActivityStream } from './core/activity.js';
import { ConfigError, describeProblem } from './core/errors.js';
import { Reload, type ReloadResult, type ReloadTrigger } from './core/reload.js';
import type { Sink } from './core/sink.js';
import { Dispatcher } from './delivery/dispatcher.service.js';
import type { PullingSource } from './ingest/pull-loop.js';
import { Enricher, type AskingSource } from './enrichment/enricher.service.js';
import { Puller } from './ingest/puller.service.js';
import { SourcePaths, type PathsOfSource } from './ingest/source-paths.js';
import { Router } from './routing/router.js';

/** A changed file of credentials is taken when two looks found the same in it: it may be half written at the first. */
const lookEveryMs = 5_000;

/** How the parts of the router see a config; `app.module.ts` knows. */
export abstract class ConfigViews {
  abstract pathsOf(config: LoadedConfig): readonly PathsOfSource[];
  abstract pullsOf(config: LoadedConfig): readonly PullingSource[];
  abstract asksOf(config: LoadedConfig): readonly AskingSource[];
  abstract sinksOf(config: LoadedConfig): ReadonlyMap<string, Sink>;
  abstract statefulSinksOf(config: LoadedConfig): ReadonlySet<string>;
}

/** Puts a changed config in the place of the one in force: between two requests, with every listener as it is. */
@Injectable()
export class ReloadService extends Reload implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  #running: Promise<unknown> = Promise.resolve();
  #looking: NodeJS.Timeout | undefined;
  /** What the last look found changed, and what was tried last. */
  #seen = '';
  #tried = '';
  #isEnding = false;

  constructor(
    private readonly inForce: ConfigInForce,
    private readonly views: ConfigViews,
    private readonly router: Router,
    private readonly paths: SourcePaths,
    private readonly puller: Puller,
    private readonly enricher: Enricher,
    private readonly dispatcher: Dispatcher,
    private readonly activity: ActivityStream,
  ) {
    super();
  }

  onApplicationBootstrap(): void {
    this.#looking = setInterval(() => {
      this.#lookForSecrets();
    }, lookEveryMs).unref();
  }

  onModuleDestroy(): void {
    this.#isEnding = true;
    clearInterval(this.#looking);
  }

  /** What pulled has ended by then. */
  async onApplicationShutdown(): Promise<void> {
    for (const { source } of this.inForce.current.sources.values()) await source.close?.();
  }

  reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    const result = this.#running.then(() => this.#reload(trigger));
    this.#running = result.catch(() => undefined);
    return result;
  }

  async #reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    if (this.#isEnding) return { ok: false, problems: ['the router is shutting down'] };
    const { file, text } = this.inForce.current;
    try {
      // What somebody is writing into the config is not asked for when a credential changes.
      const next = await readConfig(file, trigger === 'secret' ? text : undefined);
      return await this.#use(next, trigger);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const problems = error.problems.map(describeProblem);
      this.activity.next({ kind: 'reload-failed', at: Date.now(), trigger, problems });
      return { ok: false, problems };
    }
  }

  async #use(next: LoadedConfig, trigger: ReloadTrigger): Promise<ReloadResult> {
    const { current: before } = this.inForce;
    const change = await this.inForce.replace(next);
    const { current } = this.inForce;
    this.router.use(current.routes, this.views.statefulSinksOf(current));
    this.paths.use(this.views.pathsOf(current));
    this.enricher.use(this.views.asksOf(current));
    await this.puller.use(this.views.pullsOf(current));
    await this.dispatcher.use(this.views.sinksOf(current));
    const kept = new Set([...current.sources.values()].map(({ source }) => source));
    for (const { source } of before.sources.values()) if (!kept.has(source)) await source.close?.();
    const result = { ok: true, ...change, warnings: next.warnings.map(describeProblem) } as const;
    this.activity.next({ kind: 'reloaded', at: Date.now(), trigger, ...result });
    return result;
  }

  #lookForSecrets(): void {
    const changed = changedFiles(this.inForce.current.secretFiles);
    const found = changed.length === 0 ? '' : JSON.stringify(changed);
    if (found !== '' && found === this.#seen && found !== this.#tried) {
      this.#tried = found;
      this.reload('secret').catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.activity.next({ kind: 'fault', at: Date.now(), part: 'config', reason });
      });
    }
    this.#seen = found;
  }
}
