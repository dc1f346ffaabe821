/** What asked for it: SIGHUP, the admin port, or a file of credentials that changed. */
export type ReloadTrigger = 'signal' | 'request' | 'secret';

export type ReloadResult =
  | {
      readonly ok: true;
      /** What is another than before: the names of sources and sinks that are new, changed or gone; the routes. */
      readonly sources: readonly string[];
      readonly sinks: readonly string[];
      readonly routes: boolean;
      /** The blocks of the config that changed, and are as they were until a restart. */
      readonly needsRestart: readonly string[];
      readonly warnings: readonly string[];
    }
  /** The config before goes on. Each problem begins with `file:line:column`. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Takes up a changed config while running. A type and an injection token in one. */
export abstract class Reload {
  /** Resolves when the new config is in force, or with what is wrong with it. One at a time. */
  abstract reload(trigger: ReloadTrigger): Promise<ReloadResult>;
}
