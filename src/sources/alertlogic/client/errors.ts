/** What a client of Alert Logic throws: no answer, or one that says no. Holds no credential. */
export class AlertLogicError extends Error {
  override readonly name = 'AlertLogicError';
  /** Of the last answer; absent where there was none. 401: the key is not accepted; 403: it may not do this. */
  readonly status?: number;
  /** The vendor's own word, e.g. `mfa_code_required`, where it gives one. */
  readonly code?: string;
  /** As the vendor's support may ask for it. */
  readonly requestId?: string;
  /** How long the vendor asks us to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(
    message: string,
    about: {
      readonly status?: number;
      readonly code?: string;
      readonly requestId?: string;
      readonly retryAfterMs?: number;
    } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    if (about.status !== undefined) this.status = about.status;
    if (about.code !== undefined) this.code = about.code;
    if (about.requestId !== undefined) this.requestId = about.requestId;
    if (about.retryAfterMs !== undefined) this.retryAfterMs = about.retryAfterMs;
  }
}
