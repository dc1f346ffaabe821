/** What the pull of a source does now. Times in milliseconds since the epoch. */
export type PullStanding =
  /** Until `nextAt`. */
  | { readonly kind: 'waiting'; readonly nextAt: number }
  | { readonly kind: 'pulling' }
  /** The last one failed, so many in a row; again at `nextAt`. */
  | { readonly kind: 'failing'; readonly reason: string; readonly failures: number; readonly nextAt: number }
  /** `nextAt`: when the router tries whether it may go on; without it, an operator must say so. */
  | { readonly kind: 'parked'; readonly nextAt?: number }
  /** The backlog is full, or the journal cannot be written: it waits for room. */
  | { readonly kind: 'held up' }
  /** Another router pulls. */
  | { readonly kind: 'standing by' };

/**
 * What an operator can do with the pull of a source. The seam between the admin side and ingest; a type and an injection
 * token in one. `park` and `resume` reject for a name of no source that pulls.
 */
export abstract class PullControl {
  /** Holds the pull until `resume`, over a restart too; the source's webhook goes on. */
  abstract park(source: string, reason: string): Promise<void>;
  /** Ends a parking, whoever began it, and pulls at once. */
  abstract resume(source: string): Promise<void>;
  /** Undefined for a source that does not pull. */
  abstract standing(source: string): PullStanding | undefined;
}
