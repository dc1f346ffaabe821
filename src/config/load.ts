import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import type { Journal, JournalContext } from '../core/journal.js';
import type { MoveTarget } from '../core/move.js';
import { Secret } from '../core/secret.js';
import type { Sink } from '../core/sink.js';
import type { Source } from '../core/source.js';
import { redactor } from '../kit/redact.js';
import type { RouteOptions } from '../routing/route.js';
import { check } from './check.js';
import { chooseJournal, chooseNamed, chooseSources, type Chosen } from './choose.js';
import { ConfigDocument } from './config-document.js';
import { describeOptions } from './describe.js';
import { fill } from './fill.js';
import { knownPlugins, type Plugins } from './plugins.js';
import { digestOf, type SecretFile } from './secret-files.js';
import { Settings, type AdminSettings, type DeliverySettings, type IngestSettings, type LogLevel } from './settings.js';
import { readTextFile } from './text-file.js';
import { version } from '../version.js';
import { checkRoutes, checkTogether } from './wiring.js';

/** A source as configured and opened; its name is its key. */
export type LoadedSource = {
  readonly type: string;
  readonly vendor: string;
  readonly product: string;
  /** An instance of the plugin's options class. */
  readonly options: object;
  readonly source: Source;
};

/** A sink as configured and opened; its name is its key. */
export type LoadedSink = { readonly type: string; readonly options: object; readonly sink: Sink };

/** A config without errors: every plugin built, nothing listening yet, and the journal still closed. */
export type LoadedConfig = {
  readonly file: string;
  /** The file as it was read, and the files it takes credentials from. */
  readonly text: string;
  readonly secretFiles: readonly SecretFile[];
  /** How this router is called among others on its journal, where the file says so. */
  readonly instance: string | undefined;
  readonly ingest: IngestSettings;
  readonly admin: AdminSettings;
  readonly delivery: DeliverySettings;
  readonly logLevel: LogLevel;
  readonly journal: {
    readonly type: string;
    readonly options: object;
    open(context?: Omit<JournalContext, 'now' | 'instance'>): Promise<Journal>;
    /** Where another journal can be moved into it. */
    readonly moveInto?: () => Promise<MoveTarget>;
  };
  readonly sources: ReadonlyMap<string, LoadedSource>;
  readonly sinks: ReadonlyMap<string, LoadedSink>;
  readonly routes: readonly RouteOptions[];
  readonly warnings: readonly ConfigProblem[];
  /** The config in force, defaults included, as plain data: with `[secret]` for every credential. */
  describe(): Record<string, unknown>;
};

export type LoadOptions = {
  /** Where `${NAME}` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Taken in place of what the file holds: a config already in force, whose credentials alone are read again. */
  readonly text?: string;
  /** The types the config may name. */
  readonly plugins?: Plugins;
  /** Milliseconds since the epoch, handed to the plugins. */
  readonly now?: () => number;
};

/**
 * Reads a config file and builds what it describes. Throws `ConfigError` with every problem found, each with its place;
 * then no plugin is left open.
 */
export async function loadConfig(
  file: string,
  { env, text, plugins = knownPlugins, now = Date.now }: LoadOptions,
): Promise<LoadedConfig> {
  const document = text === undefined ? readDocument(file) : new ConfigDocument(file, text);
  document.throwIfErrors();
  fill(document, { env, folder: dirname(file) });

  const settings = check(document, [], Settings, ['journal'], ['sources', 'sinks', 'routes']);
  const journal = chooseJournal(document, plugins.journals);
  const chosenSources = chooseSources(document, plugins.sources);
  const chosenSinks = chooseNamed(document, 'sinks', plugins.sinks);
  const routes = checkRoutes(document);
  checkTogether(document, settings, chosenSources);
  if (document.errorCount > 0 || !journal) throw new ConfigError(document.problems);

  const sources = openEach(document, chosenSources, ({ name, plugin, options }): LoadedSource => {
    const { type, vendor, product } = plugin;
    return { type, vendor, product, options, source: plugin.open(options, { name, now }) };
  });
  const sinks = openEach(document, chosenSinks, ({ name, plugin, options }): LoadedSink => {
    return { type: plugin.type, options, sink: plugin.open(options, { name, now }) };
  });
  checkApis(document, sources);
  if (document.errorCount > 0) {
    for (const { source } of sources.values()) await source.close?.();
    for (const { sink } of sinks.values()) await sink.close?.();
    throw new ConfigError(document.problems);
  }
  const { ingest, admin, delivery, logLevel, instance } = settings;
  const { plugin } = journal;
  const moveInto = plugin.moveInto?.bind(plugin);
  const always = { now, instance: { name: instance ?? `${hostname()}:${ingest.port}`, version } };
  // Not in `describe`, which would keep the whole document in memory.
  const fromFiles = document.inserts([]).flatMap(({ text: put, file: from }) => (from === undefined ? [] : [put]));
  return {
    file,
    text: document.source,
    secretFiles: secretFilesOf(document),
    instance,
    ingest,
    admin,
    delivery,
    logLevel,
    journal: {
      type: plugin.type,
      options: journal.options,
      open: (context) => plugin.open(journal.options, { ...context, ...always }),
      ...(moveInto && { moveInto: () => moveInto(journal.options, always) }),
    },
    sources,
    sinks,
    routes,
    warnings: document.problems,
    describe: () => {
      const block = (type: string, options: object) => ({ type, ...describeOptions(options, fromFiles) });
      const blocks = (loaded: ReadonlyMap<string, { type: string; options: object }>) =>
        Object.fromEntries([...loaded].map(([name, { type, options }]) => [name, block(type, options)]));
      return {
        ...describeOptions({ ingest, admin, delivery, logLevel, instance }, fromFiles),
        journal: block(journal.plugin.type, journal.options),
        sources: blocks(sources),
        sinks: blocks(sinks),
        routes: routes.map((route) => describeOptions(route, fromFiles)),
      };
    },
  };
}

/** A source that is to pull, or to look alerts up, has what it takes to ask its vendor. */
function checkApis(document: ConfigDocument, sources: ReadonlyMap<string, LoadedSource>): void {
  for (const [name, { source }] of sources) {
    const needs = [
      ['pull', source.pull !== undefined, 'nothing to pull from'],
      ['enrich', source.lookup !== undefined, 'nobody to ask'],
      ['verify', source.lookup !== undefined, 'nobody to ask'],
    ] as const;
    for (const [key, isAble, lack] of needs) {
      const path = ['sources', name, key];
      if (!document.has(path) || isAble) continue;
      document.errorAtKey(path, `${document.describe(path)} has ${lack}: write an api block beside it`);
    }
  }
}

function secretFilesOf(document: ConfigDocument): readonly SecretFile[] {
  const digests = new Map<string, string>();
  for (const { file, text } of document.inserts([])) if (file !== undefined) digests.set(file, digestOf(text));
  return [...digests].map(([path, digest]) => ({ path, digest }));
}

const maxReasonBytes = 500;

/** Builds what was chosen. A plugin that throws becomes a problem of its block. */
function openEach<Plugin, Opened>(
  document: ConfigDocument,
  chosen: readonly Chosen<Plugin>[],
  open: (one: Chosen<Plugin>) => Opened,
): ReadonlyMap<string, Opened> {
  const opened = new Map<string, Opened>();
  for (const one of chosen) {
    try {
      opened.set(one.name, open(one));
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it failed';
      const shown = redactor([...secretsIn(one.options), ...document.credentials(one.path)])(reason, maxReasonBytes);
      document.errorAtKey(one.path, `${document.describe(one.path)} cannot be opened: ${shown}`);
    }
  }
  return opened;
}

/** Every credential in some options. */
function secretsIn(value: unknown): readonly Secret[] {
  if (value instanceof Secret) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

const maxFileBytes = 1_000_000;

function readDocument(file: string): ConfigDocument {
  const read = readTextFile(file, maxFileBytes);
  if (read.problem === undefined) return new ConfigDocument(file, read.text);
  throw new ConfigError([{ file, line: 1, column: 1, message: `the config ${read.problem}`, severity: 'error' }]);
}
