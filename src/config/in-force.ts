import type { LoadedConfig } from './load.js';
import { isSame } from './same.js';

/** What only a start can change: ports and their limits, who may in, where alerts are kept. */
const fixed = ['ingest', 'admin', 'journal', 'logLevel', 'instance'] as const;

/** What a reload changed. */
export type Change = {
  readonly sources: readonly string[];
  readonly sinks: readonly string[];
  readonly routes: boolean;
  readonly needsRestart: readonly string[];
};

/** The config that the router runs by. A reload puts another in its place, as far as that can be done while running. */
export class ConfigInForce {
  #current: LoadedConfig;
  #routesSince: number;

  constructor(
    config: LoadedConfig,
    private readonly now: () => number = Date.now,
  ) {
    this.#current = config;
    this.#routesSince = now();
  }

  get current(): LoadedConfig {
    return this.#current;
  }

  /** Since when its routes are in force, in milliseconds since the epoch: the start, or the last reload that changed them. */
  get routesSince(): number {
    return this.#routesSince;
  }

  /** Takes a loaded config over. A source or sink that is as it was stays the one that runs, and its double is closed. */
  async replace(next: LoadedConfig): Promise<Change> {
    const before = this.#current;
    const sources = await keepSame(before.sources, next.sources, ({ source }) => source.close?.());
    const sinks = await keepSame(before.sinks, next.sinks, ({ sink }) => sink.close?.());
    const { ingest, admin, journal, logLevel, instance } = before;
    this.#current = { ...next, sources, sinks, ingest, admin, journal, logLevel, instance };
    const routes = !isSame(before.routes, next.routes);
    if (routes) this.#routesSince = this.now();
    return {
      sources: changed(before.sources, next.sources),
      sinks: changed(before.sinks, next.sinks),
      routes,
      needsRestart: fixed.filter((key) => !isSame(plain(before, key), plain(next, key))),
    };
  }
}

type Block = { readonly type: string; readonly options: object };

async function keepSame<Opened extends Block>(
  before: ReadonlyMap<string, Opened>,
  next: ReadonlyMap<string, Opened>,
  close: (double: Opened) => Promise<void> | undefined,
): Promise<ReadonlyMap<string, Opened>> {
  const kept = new Map(next);
  for (const [name, opened] of next) {
    const running = before.get(name);
    if (!running || !isSameBlock(running, opened)) continue;
    kept.set(name, running);
    await close(opened);
  }
  return kept;
}

function isSameBlock(one: Block, other: Block): boolean {
  return one.type === other.type && isSame(one.options, other.options);
}

function changed(before: ReadonlyMap<string, Block>, after: ReadonlyMap<string, Block>): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => {
    const [one, other] = [before.get(name), after.get(name)];
    return !one || !other || !isSameBlock(one, other);
  });
}

/** Without functions, which are never the same. */
function plain(config: LoadedConfig, key: (typeof fixed)[number]): unknown {
  if (key !== 'journal') return config[key];
  const { type, options } = config.journal;
  return { type, options };
}
