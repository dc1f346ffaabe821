import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoadBalancer, type LoadBalancer } from '../../support/load-balancer.js';
import { RouterProcess, type AdminToken } from '../../support/router-process.js';
import { FakeSink, type FakeSinkOptions } from './fake-sink.js';
import { checkInvariant, type Account, type InvariantOptions } from './invariant.js';
import { LedgerClient, sourceToken } from './ledger-client.js';
import { TestBuild } from './test-build.js';

export type RouterOptions = {
  /** Blocks of the config, in the place of the usual ones: see `usualConfig`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Further settings of the usual block of the journal. */
  readonly journal?: Readonly<Record<string, unknown>>;
  /** Further settings of the `ingest` block. */
  readonly ingest?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly adminTokens?: readonly AdminToken[];
  /** Where its journal is; `data` in the folder of the scene unless told. */
  readonly data?: string;
};

/** The stage of one case: a folder, fake sinks, a router before them and a client that keeps the account. */
export class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), 'signalbox-fault-'));
  readonly client = new LedgerClient(this.folder, () => `${this.#entrance ?? this.router.ingest}/v1/ingest/vendor`);
  /** How a start of the router differs, so that it dies at a point or has another clock. */
  readonly testBuild = new TestBuild(this.folder);
  readonly #sinks: FakeSink[] = [];
  readonly #routers: RouterProcess[] = [];
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #entrance: string | undefined;

  /** Starts a fake sink; before the router, whose config names it. */
  async sink(options: FakeSinkOptions = {}): Promise<FakeSink> {
    const sink = await FakeSink.start(this.folder, options);
    this.#sinks.push(sink);
    return sink;
  }

  /** Prepares the router of this scene, with a fake sink where there is none yet; does not start it. */
  async prepare(options: RouterOptions = {}): Promise<RouterProcess> {
    if (this.#sinks.length === 0) await this.sink();
    const folder = join(this.folder, `router-${String(this.#routers.length + 1)}`);
    mkdirSync(folder);
    const { config, journal, data = join(this.folder, 'data'), ...rest } = options;
    const blocks = { ...this.#usualConfig(data, journal), ...config };
    const text = Object.entries(blocks).map(([name, block]) => `${name}: ${JSON.stringify(block)}\n`);
    const router = await RouterProcess.prepare(folder, text.join(''), rest);
    this.#routers.push(router);
    return router;
  }

  /** The same, started. */
  async start(options: RouterOptions = {}): Promise<RouterProcess> {
    const router = await this.prepare(options);
    await router.start();
    return router;
  }

  /** Puts a load balancer before the routers prepared so far: from now on the client posts to it. */
  async balance(): Promise<LoadBalancer> {
    const balancer = await startLoadBalancer(this.#routers.map(({ ingest }) => ingest));
    this.#entrance = balancer.url;
    this.finally(() => balancer.close());
    return balancer;
  }

  /** The router that was prepared first: the client posts to it, and the invariant asks it. */
  get router(): RouterProcess {
    const [router] = this.#routers;
    if (!router) throw new Error('prepare a router first');
    return router;
  }

  get sinks(): readonly FakeSink[] {
    return this.#sinks;
  }

  get journalPath(): string {
    return join(this.folder, 'data', 'journal.db');
  }

  /** I0, once the router runs and is idle; starts it where it does not run. */
  async account(options: InvariantOptions = {}): Promise<Account> {
    if (!this.router.isRunning) await this.router.start();
    const others = this.#routers.filter((router) => router !== this.router && router.isRunning);
    return checkInvariant({ router: this.router, others, client: this.client, sinks: this.#sinks }, options);
  }

  /** Waits until it holds. */
  async until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!(await holds())) {
      if (performance.now() > end) {
        const said = this.#routers.map(({ output }) => output.slice(-8_000)).join('\n');
        throw new Error(`not within ${String(withinMs)} ms: ${holds.toString()}\nthe router said:\n${said}`);
      }
      await sleep(25);
    }
  }

  /** To be done at the end, whatever happens; the last one first. */
  finally(cleanup: () => Promise<void> | void): void {
    this.#cleanups.unshift(cleanup);
  }

  async close(): Promise<void> {
    for (const router of this.#routers) await router.stop('SIGKILL');
    for (const sink of this.#sinks) await sink.close();
    this.client.close();
    for (const cleanup of this.#cleanups) await cleanup();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** One source for the client, all fake sinks, and a route from the one to the others. */
  #usualConfig(data: string, journal: object = {}): Readonly<Record<string, unknown>> {
    return {
      journal: { type: 'sqlite', path: join(data, 'journal.db'), ...journal },
      sources: { vendor: { type: 'threatstack', auth: { type: 'bearer', secret: sourceToken } } },
      sinks: Object.fromEntries(this.#sinks.map(({ name, block }) => [name, block])),
      routes: [{ name: 'all', to: this.#sinks.map(({ name }) => name) }],
    };
  }
}
