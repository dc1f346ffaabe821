/**
 * What both of Threat Stack's APIs have in common. Names are the vendor's, and fields that are not named here are kept.
 * Of none is it sure that it is always sent.
 */
export type ApiRecord = { readonly [field: string]: unknown };

/** One page of a list, as the vendor sent it. */
export type Page<Item> = {
  readonly items: readonly Item[];
  /** When the vendor answered, by its own clock, in milliseconds; absent where it does not say. */
  readonly answeredAt?: number;
};

/** A time as text or as a `Date`. A text without a zone is UTC; a day (`2026-03-01`) is sent as it is. */
export type Time = string | Date;

/** The time range of a list; the vendor's default (a week, mostly) where it is left out. */
export type TimeRange = { readonly start?: Time; readonly end?: Time };
