/** How the lookups of a source do. */
export type EnrichmentStanding = {
  /** `asking`; or `resting`: the vendor's API failed so often that it is left alone until `until`. */
  readonly state: 'asking' | 'resting';
  /** Why it rests, and until when; milliseconds since the epoch. */
  readonly reason?: string;
  readonly until?: number;
  /** Calls under way, and alerts that wait for their turn. */
  readonly running: number;
  readonly waiting: number;
};

/** What the admin side asks of whoever looks alerts up; a type and an injection token in one. */
export abstract class EnrichmentView {
  /** Undefined for a source that looks nothing up. */
  abstract standing(source: string): EnrichmentStanding | undefined;
}
