/**
 * Why there is nothing to read: `refused`, what time alone will not mend (an unknown name, a bad certificate, an address
 * or a path that is not called); `no_answer`, none that came whole; `not_json` and `too_large`, one that cannot be read;
 * `closed`, by ourselves.
 */
export type ApiErrorKind = 'refused' | 'no_answer' | 'not_json' | 'too_large' | 'closed';

/** No answer of a vendor's API, or none that can be read. Holds no credential. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Of the answer, where there was one. */
  readonly status?: number;
  readonly requestId?: string;

  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    about: { readonly status?: number; readonly requestId?: string } = {},
  ) {
    super(message);
    if (about.status !== undefined) this.status = about.status;
    if (about.requestId !== undefined) this.requestId = about.requestId;
  }
}
