import { PullError } from '../../core/source.js';
import {
  ThreatStackAuthError,
  ThreatStackError,
  ThreatStackPagingError,
  type ApiRecord,
  type Page,
} from './client/threatstack.js';
import { madeAt, reportOf } from './vendor-api.js';

/** When it was made; 0 where that cannot be told. */
export type Dated = { readonly alert: ApiRecord; readonly at: number };

export type Stretch = {
  /** Oldest first, each report once. */
  readonly alerts: readonly Dated[];
  /** There are more. */
  readonly isCut: boolean;
  /** The vendor's pages lead nowhere: what was read is not all there is. */
  readonly trouble?: PullError;
};

/** Reads a list to its end, or until there are `most` alerts. */
export async function readStretch(
  pages: AsyncIterable<Page<ApiRecord>>,
  most: number,
  signal: AbortSignal,
): Promise<Stretch> {
  const alerts = new Map<string, Dated>();
  const inOrder = () => [...alerts.values()].sort((a, b) => a.at - b.at);
  try {
    for await (const { items } of pages) {
      for (const alert of items) {
        const report = reportOf(alert);
        if (!alerts.has(report)) alerts.set(report, { alert, at: madeAt(alert) ?? 0 });
      }
      if (alerts.size >= most) return { alerts: inOrder(), isCut: true };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ThreatStackPagingError)) throw failureOf(error);
    return { alerts: inOrder(), isCut: false, trouble: failureOf(error) };
  }
  return { alerts: inOrder(), isCut: false };
}

function failureOf(error: unknown): PullError {
  if (!(error instanceof ThreatStackError)) throw error;
  const { message: reason, status, retryAfter } = error;
  // 404: where the API should be, there is none.
  const isForOperator = error instanceof ThreatStackAuthError || status === 404;
  return new PullError(
    isForOperator
      ? { kind: 'parked', reason }
      : { kind: 'retry', reason, ...(retryAfter !== undefined && { afterMs: retryAfter }) },
    { cause: error },
  );
}
