/** How a router is called among those on its journal, and what runs there. */
export type InstanceName = { readonly name: string; readonly version: string };

/** A router on a journal. Times in milliseconds since the epoch. */
export type Instance = InstanceName & {
  readonly startedAt: number;
  /** Its last sign of life; it gives one every ten seconds. */
  readonly seenAt: number;
  /** Set where it ended in good order. */
  readonly endedAt?: number;
  /** Deliveries that it has out now. */
  readonly claims: number;
  /** The one that was asked. */
  readonly isSelf?: true;
};

/** Where a journal is opened by none: a tool, or a test. */
export const noName: InstanceName = { name: 'unnamed', version: '' };
