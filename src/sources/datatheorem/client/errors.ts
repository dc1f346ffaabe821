/** What a client of Data Theorem throws: no answer, or one that says no. Holds no credential. */
export class DataTheoremError extends Error {
  override readonly name = 'DataTheoremError';
  /** Of the last answer; absent where there was none. 401: the key is not accepted; 403: it may not read this. */
  readonly status?: number;
  /** As the vendor's support may ask for it. */
  readonly requestId?: string;
  /** How long the vendor asks us to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(
    message: string,
    about: { readonly status?: number; readonly requestId?: string; readonly retryAfterMs?: number } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    if (about.status !== undefined) this.status = about.status;
    if (about.requestId !== undefined) this.requestId = about.requestId;
    if (about.retryAfterMs !== undefined) this.retryAfterMs = about.retryAfterMs;
  }
}
