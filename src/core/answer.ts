/** Why an attempt did not end in `delivered`; few values, so that it can label a metric. */
export type Cause = 'http' | 'network' | 'dns' | 'tls' | 'deadline' | 'refused' | 'io' | 'plugin' | 'size';

/** What the other side said, kept for explain: at most 2 kB of the body, credentials redacted. */
export type Answer = { readonly status: number; readonly excerpt?: string };
