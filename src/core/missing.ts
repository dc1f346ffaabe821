/** Numbers that the journal gave, both inclusive. */
export type NumberRange = { readonly from: number; readonly to: number };

/**
 * What a journal had on disk once and has no longer, noticed when it was opened: the mark beside it had come further.
 * Without `requests` and `alerts` nothing that was accepted is missing, only what became of deliveries: those are made
 * again.
 */
export type Missing = {
  /** Milliseconds since the epoch. */
  readonly noticedAt: number;
  /** Transactions. */
  readonly writes: NumberRange;
  readonly requests?: NumberRange;
  /** None where the missing requests brought nothing new. Alone: of requests whose first part, or first reading, is there. */
  readonly alerts?: NumberRange;
  /**
   * The mark was lost or damaged: nobody can tell whether there was more after that alert. `backupAt`, milliseconds
   * since the epoch: the journal was restored from a backup of then.
   */
  readonly endUnknown?: { readonly lastAlert: number; readonly backupAt?: number };
  /** When an operator said that they know of it: until then the router is degraded. */
  readonly acknowledgedAt?: number;
};

/** How many numbers a range has. */
export function sizeOf(range: NumberRange | undefined): number {
  return range ? range.to - range.from + 1 : 0;
}

/** In words for the operator. */
export function describeMissing({ writes, requests, alerts, endUnknown }: Missing): string {
  if (endUnknown) return describeUnknown(endUnknown);
  const why = 'the end of the journal was damaged, cut off or deleted while the router was down';
  if (alerts) {
    const of = requests ? `requests ${words(requests)}` : 'of requests that are there';
    return `accepted alerts missing: seq ${words(alerts)} (${of}): ${why}`;
  }
  if (requests) return `accepted requests missing: seq ${words(requests)}, no alert among them: ${why}`;
  return `no accepted alert is missing, but writes ${words(writes)}: ${why}; some deliveries are made again`;
}

function describeUnknown({ lastAlert, backupAt }: NonNullable<Missing['endUnknown']>): string {
  const tell = `nobody can tell whether accepted alerts after seq ${lastAlert} are missing`;
  if (backupAt === undefined) return `the mark beside the journal is gone or damaged: ${tell}`;
  const at = new Date(backupAt).toISOString();
  return `restored from the backup of ${at}, without the mark: what was accepted after that is not here, and ${tell}`;
}

function words({ from, to }: NumberRange): string {
  return `${from} to ${to}`;
}
