import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { plainToInstance } from 'class-transformer';
import { hash } from 'node:crypto';
import { AdminModule } from '../../src/admin/admin.module.js';
import { prepareAdmin } from '../../src/admin/admin.app.js';
import { AdminOptions } from '../../src/admin/admin.options.js';
import { createLog, Log, NestLog } from '../../src/admin/log.js';
import { ActivityStream } from '../../src/core/activity.js';
import { Journal } from '../../src/core/journal.js';
import { EnrichmentView } from '../../src/core/enrichment-view.js';
import { PullControl, type PullStanding } from '../../src/core/pull-control.js';
import { Readiness } from '../../src/core/readiness.js';
import { Reload, type ReloadResult } from '../../src/core/reload.js';
import { ReplayControl } from '../../src/core/replay-control.js';
import { SinkControl, type SinkTest } from '../../src/core/sink-control.js';
import type { Role } from '../../src/core/role.js';
import { Secret } from '../../src/core/secret.js';
import type { ReplayConfig } from '../../src/delivery/replay-choice.js';
import { Replayer } from '../../src/delivery/replayer.service.js';
import { memory } from '../../src/journal/memory/journal.js';
import { RouteOptions } from '../../src/routing/route.js';
import { Router } from '../../src/routing/router.js';
import type { NamedSource } from '../../src/routing/triage.js';

export type AdminApp = {
  readonly app: NestExpressApplication;
  /** Where it listens, e.g. `http://127.0.0.1:40001`. */
  readonly url: string;
  readonly journal: Journal;
  readonly activity: ActivityStream;
  /** The log so far. */
  readonly lines: readonly string[];
  close(): Promise<void>;
};

export type AdminAppOptions = {
  /** Those that are only a secret are admins. */
  readonly tokens?: readonly (Secret | { readonly name: string; readonly role: Role; readonly token: Secret })[];
  readonly logLevel?: string;
  /** The source pulls. */
  readonly pulls?: boolean;
  /** Since when the routes are in force; for longer than any alert, unless told. */
  readonly routesSince?: number;
};

export const routes = plainToInstance(RouteOptions, [
  { name: 'urgent', match: { severity: '>=high' }, to: ['pager'] },
  { name: 'rest', match: { title: '*disk*' }, to: ['archive', 'pager'], final: true },
]);

/** A source that reads `{"title": …, "severity": …}` and quarantines what has no title. */
export const warden: NamedSource = {
  name: 'warden',
  type: 'warden',
  vendor: 'warden',
  product: 'Warden',
  source: {
    authenticate: () => ({ ok: false }),
    read: ({ body }) => {
      const { title, severity } = JSON.parse(body.toString()) as { title?: string; severity?: 'high' };
      if (title === undefined) return { drafts: [], unread: [{ reason: 'it has no title' }] };
      const draft = { kind: 'detection', state: 'open', severity: severity ?? 'low', title, version: '1' } as const;
      return { drafts: [{ ...draft, vendorIds: {}, resources: [], tags: [], quality: [] }], unread: [] };
    },
  },
};

/** The admin side on a port of its own, over an empty journal in memory. */
export async function startAdminApp({
  tokens,
  logLevel = 'info',
  pulls = false,
  routesSince = 0,
}: AdminAppOptions = {}): Promise<AdminApp> {
  const journal = await memory.open(new memory.options(), { now: Date.now });
  const activity = new ActivityStream();
  const lines: string[] = [];
  const log = createLog(logLevel, { write: (line) => lines.push(line) });
  const options: AdminOptions = {
    host: '127.0.0.1',
    ...(tokens && {
      tokens: tokens.map((each, index) => {
        const { name, role, token } =
          each instanceof Secret ? { name: `token-${index + 1}`, role: 'admin' as const, token: each } : each;
        return { name, role, sha256: hash('sha256', token.reveal(), 'buffer') };
      }),
    }),
    version: '1.2.3',
    sources: [pulls ? { ...warden, source: { ...warden.source, pull: noPages } } : warden],
    routes,
    routesSince,
    sinks: [
      { name: 'pager', type: 'webhook' },
      { name: 'archive', type: 'file' },
    ],
    maxAge: 600_000,
    maxBody: 10_000,
    pendingLimits: { maxPending: 10, maxPendingBytes: 1_000_000 },
  };
  const router = new Router(routes);
  const kinds = new Map([
    ['pager', { keepsState: true }],
    ['archive', { keepsState: false, maxAge: 3_600_000 }],
  ]);
  const replayConfig: ReplayConfig = { sink: (name) => kinds.get(name), decide: (alert) => router.decide(alert) };
  const surroundings = surround([
    { provide: AdminOptions, useValue: options },
    { provide: Journal, useValue: journal },
    { provide: Readiness, useValue: new Readiness(journal, options.pendingLimits) },
    { provide: ActivityStream, useValue: activity },
    { provide: SinkControl, useValue: new IdleSinks(journal, activity) },
    { provide: PullControl, useValue: new IdlePulls(pulls ? [warden.name] : [], journal) },
    { provide: EnrichmentView, useValue: { standing: () => undefined } satisfies EnrichmentView },
    { provide: Reload, useValue: { reload: () => Promise.resolve(reloaded) } satisfies Reload },
    { provide: ReplayControl, useValue: new Replayer(replayConfig, journal, activity) },
    { provide: Router, useValue: router },
    { provide: Log, useValue: log },
  ]);
  const testing = await Test.createTestingModule({ imports: [surroundings, AdminModule] }).compile();
  const app = testing.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: new NestLog(log) });
  prepareAdmin(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl(), journal, activity, lines, close: () => app.close() };
}

/** What a reload comes to here. */
const reloaded: ReloadResult = { ok: false, problems: ['c.yaml:1:1: there is no config'] };

/** Sinks that can be parked and resumed, and are never sent anything. */
class IdleSinks extends SinkControl {
  constructor(
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {
    super();
  }

  async park(sink: string, reason: string): Promise<void> {
    const parked = await this.journal.park(sink, reason, 'operator');
    this.activity.next({ kind: 'parked', at: Date.now(), sink, ...parked });
  }

  async resume(sink: string): Promise<void> {
    const ended = await this.journal.resume(sink, 'operator');
    if (ended) this.activity.next({ kind: 'resumed', at: Date.now(), sink, since: ended.since, by: 'operator' });
  }

  giveUp(): Promise<number> {
    return Promise.resolve(0);
  }

  test(): Promise<SinkTest> {
    return Promise.resolve({ outcome: 'retry', cause: 'network', reason: 'nobody is there', durationMs: 1 });
  }
}

/** Pulls that can be parked and resumed, and ask for nothing. */
class IdlePulls extends PullControl {
  constructor(
    private readonly sources: readonly string[],
    private readonly journal: Journal,
  ) {
    super();
  }

  async park(source: string, reason: string): Promise<void> {
    await this.journal.parkPull(source, reason, 'operator');
  }

  async resume(source: string): Promise<void> {
    await this.journal.resumePull(source, 'operator');
  }

  standing(source: string): PullStanding | undefined {
    return this.sources.includes(source) ? { kind: 'waiting', nextAt: Date.parse('2026-03-01T12:05:00Z') } : undefined;
  }
}

async function* noPages(): AsyncGenerator<never> {}

@Global()
@Module({})
class Surroundings {}

function surround(providers: NonNullable<DynamicModule['providers']>): DynamicModule {
  return { module: Surroundings, providers, exports: providers };
}
