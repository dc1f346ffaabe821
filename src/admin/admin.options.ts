import type { Secret } from '../core/secret.js';
import type { RouteOptions } from '../routing/route.js';
import type { NamedSource } from '../routing/triage.js';

/** What the admin side knows of the config. A class, so that it is the injection token too. */
export class AdminOptions {
  /** The address listened on: a loopback one is guarded against pages in a browser. */
  readonly host!: string;
  /** Any one of them opens everything but the two health questions; without them all is open. */
  readonly tokens?: readonly Secret[];
  readonly version!: string;
  readonly sources!: readonly NamedSource[];
  readonly routes!: readonly RouteOptions[];
  readonly sinks!: readonly { readonly name: string; readonly type: string }[];
  /** The most bytes that `POST /api/v1/routes/test` takes, as ingest does after inflating. */
  readonly maxBody!: number;
}
