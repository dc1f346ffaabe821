import type { PendingLimits } from '../core/pressure.js';
import type { RouteOptions } from '../routing/route.js';
import type { NamedSource } from '../routing/triage.js';
import type { AdminToken } from './token.js';

/** What the admin side knows of the config. A class, so that it is the injection token too. */
export class AdminOptions {
  /** The address listened on: a loopback one is guarded against pages in a browser. */
  readonly host!: string;
  /** One of them is needed for all but the two health questions; without them whoever is local is an admin. */
  readonly tokens?: readonly AdminToken[];
  readonly version!: string;
  readonly sources!: readonly NamedSource[];
  readonly routes!: readonly RouteOptions[];
  /** Since when these routes are in force at this router, in milliseconds since the epoch. */
  readonly routesSince!: number;
  readonly sinks!: readonly { readonly name: string; readonly type: string }[];
  /** Milliseconds after accept when retrying ends in the dead letters. */
  readonly maxAge!: number;
  /** The most bytes that `POST /api/v1/routes/test` takes, as ingest does after inflating. */
  readonly maxBody!: number;
  readonly pendingLimits!: PendingLimits;
}
