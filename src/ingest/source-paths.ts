import type { NamedSource } from '../routing/triage.js';

const prefix = '/v1/ingest/';

/** A source, and the paths it has beside the usual one. */
export type PathsOfSource = { readonly source: NamedSource; readonly paths: readonly string[] };

/** Finds the source a path belongs to: `/v1/ingest/{source}`, `/v1/ingest/{source}/{key}`, or one of its own paths. */
export class SourcePaths {
  #sources: ReadonlyMap<string, NamedSource> = new Map();
  #ownPaths: ReadonlyMap<string, NamedSource> = new Map();

  constructor(sources: readonly PathsOfSource[]) {
    this.use(sources);
  }

  /** From the next request on, these sources and no others. */
  use(sources: readonly PathsOfSource[]): void {
    this.#sources = new Map(sources.map(({ source }) => [source.name, source]));
    this.#ownPaths = new Map(sources.flatMap(({ source, paths }) => paths.map((path) => [path, source] as const)));
  }

  /** The source and, in the capability form, the key as sent. */
  find(path: string): { readonly source: NamedSource; readonly key?: string } | undefined {
    if (!path.startsWith(prefix)) {
      const source = this.#ownPaths.get(path);
      return source && { source };
    }
    const slash = path.indexOf('/', prefix.length);
    const source = this.#sources.get(path.slice(prefix.length, slash < 0 ? undefined : slash));
    if (!source || slash < 0) return source && { source };
    const key = decode(path.slice(slash + 1));
    return key === undefined ? undefined : { source, key };
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
