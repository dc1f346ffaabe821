import type { AlertDraft } from '../../core/alert.js';
import type { severityReader } from '../../kit/severity.js';

/** An element of a body: one JSON object. */
export type Body = Readonly<Record<string, unknown>>;

/** What a reader knows besides the body. */
export type Context = {
  /** Our clock in milliseconds, against which times are judged. */
  readonly now: number;
  /** The severity of a word, by the vendor's words and the configured ones. */
  readonly severityOf: ReturnType<typeof severityReader>;
};

/** One of the forms in which Alert Logic reports: how it is told from the others, and what it becomes. */
export type Shape = {
  recognises(body: Body): boolean;
  /** Pure and tolerant: does not throw. */
  read(body: Body, context: Context): AlertDraft;
};
