import type { NamedSource } from '../routing/triage.js';

const prefix = '/v1/ingest/';

/** Finds the source a path belongs to: `/v1/ingest/{source}`, `/v1/ingest/{source}/{key}`, or one of its own paths. */
export class SourcePaths {
  readonly #sources: ReadonlyMap<string, NamedSource>;
  readonly #ownPaths: ReadonlyMap<string, NamedSource>;

  constructor(sources: readonly { readonly source: NamedSource; readonly paths: readonly string[] }[]) {
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
