import type { JournalPlugin } from '../core/journal.js';
import { ownSourceName } from '../core/own-source.js';
import type { OptionsClass, SourcePlugin } from '../core/source.js';
import { check } from './check.js';
import { quoteKey, type ConfigDocument, type Path } from './config-document.js';
import { instead } from './nearest.js';

/** A block of the config, the plugin its `type` names, and its options held against the plugin's class. */
export type Chosen<Plugin> = {
  readonly name: string;
  readonly path: Path;
  readonly plugin: Plugin;
  readonly options: object;
};

type AnyPlugin = { readonly type: string; readonly options: OptionsClass<object> };

/**
 * The configured sources. Each must say how its senders prove themselves, or in so many words that they need not; one
 * that pulls need not have any.
 */
export function chooseSources(
  document: ConfigDocument,
  plugins: readonly SourcePlugin[],
): readonly Chosen<SourcePlugin>[] {
  return chooseNamed(document, 'sources', plugins, (path, name) => {
    checkNotOurs(document, path, name);
    if (document.has([...path, 'auth']) || document.has([...path, 'pull'])) return [];
    document.errorAtKey(
      path,
      `${document.describe(path)} has no auth: write one such as auth: { type: bearer, secret: "\${NAME}" }, ` +
        'or auth: none if anybody may post',
    );
    return ['auth'];
  });
}

function checkNotOurs(document: ConfigDocument, path: Path, name: string): void {
  if (name !== ownSourceName) return;
  document.errorAtKey(path, `the name ${ownSourceName} is that of the router's own alerts: choose another`);
}

/** The blocks of a section, each under a name of its own. `look` may deal with keys of a block itself. */
export function chooseNamed<Plugin extends AnyPlugin>(
  document: ConfigDocument,
  section: string,
  plugins: readonly Plugin[],
  look: (path: Path, name: string) => readonly string[] = () => [],
): readonly Chosen<Plugin>[] {
  return document.keys([section]).flatMap((name) => {
    const path = [section, name];
    checkName(document, path, name);
    const plugin = choosePlugin(document, path, plugins);
    return plugin
      ? [{ name, path, plugin, options: check(document, path, plugin.options, ['type', ...look(path, name)]) }]
      : [];
  });
}

/** The journal. It has no default: where what was accepted is kept, an operator must know. */
export function chooseJournal(
  document: ConfigDocument,
  plugins: readonly JournalPlugin[],
): Chosen<JournalPlugin> | undefined {
  const path = ['journal'];
  if (!document.has(path)) {
    const types = plugins.map(({ type }) => type).join(', ');
    document.errorAtKey(path, `journal is missing: it must be a block of keys with a type, one of ${types}`);
    return undefined;
  }
  const plugin = choosePlugin(document, path, plugins);
  return plugin && { name: 'journal', path, plugin, options: check(document, path, plugin.options, ['type']) };
}

function choosePlugin<Plugin extends AnyPlugin>(
  document: ConfigDocument,
  path: Path,
  plugins: readonly Plugin[],
): Plugin | undefined {
  const name = document.describe(path);
  const types = plugins.map((plugin) => plugin.type);
  const at = [...path, 'type'];
  if (!document.isBlock(path)) {
    if (!document.isUnfilled(path)) document.errorAtValue(path, `${name} must be a block of keys with a type`);
  } else if (!document.has(at)) {
    document.errorAtKey(path, `${name}.type is missing: it must be one of ${types.join(', ')}`);
  } else if (!document.isUnfilled(at)) {
    const type = document.value(at);
    const plugin = plugins.find((candidate) => candidate.type === type);
    if (plugin) return plugin;
    document.errorAtValue(at, `${name}.type: unknown type ${document.quote(at)}${instead(String(type), types)}`);
  }
  return undefined;
}

const nameForm = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Names are parts of URLs and metric labels. */
function checkName(document: ConfigDocument, path: Path, name: string): void {
  if (nameForm.test(name)) return;
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  const quoted = quoteKey(name);
  document.errorAtKey(
    path,
    `${quoted === undefined ? 'this name' : `the name ${quoted}`} must be lower-case letters, digits and dashes, 63 at most` +
      (better === '' ? '' : `; write ${better}`),
  );
}
