import type { AlertDraft, NewAlert } from './alert.js';
import type { Knowledge } from './knowledge.js';
import type { IncomingHttpHeaders } from 'node:http';

/** A webhook as it arrived: nothing parsed, content coding undone. */
export type WebhookRequest = {
  readonly headers: IncomingHttpHeaders;
  /** The inflated bytes; what an HMAC is computed over. */
  readonly body: Buffer;
  /** The URL's path, without the query. */
  readonly path: string;
  /** The last path segment of the capability form `/v1/ingest/{source}/{key}`, when it was used. */
  readonly pathKey?: string;
  /** The sender's address, after trusted proxies. */
  readonly remoteAddress: string;
};

/** What is known of a request before its body is read. */
export type RequestHead = Omit<WebhookRequest, 'body'>;

/** What the head of a request says of its sender; `unproven`: it shows a signature, which only the body can prove. */
export type Recognition = 'known' | 'unproven' | 'stranger';

/** What a source makes of a body. */
export type Reading = ReadElements & {
  /** Set for a vendor's set-up or test call: recorded and shown, never routed. Says which. */
  readonly probe?: string;
};

/** What a source makes of some elements of a body, in order. One bad element never spoils its neighbours. */
export type ReadElements = {
  readonly drafts: readonly AlertDraft[];
  /** Elements that could not be read; without an index, the whole body. */
  readonly unread: readonly { readonly index?: number; readonly reason: string }[];
  /** Reads on, where there is more than a moment's work in the body. */
  readonly rest?: () => ReadElements;
};

/** A sender that was recognised, and by what: the words shown by explain. Never holds the credential itself. */
export type Authentication = { readonly ok: true; readonly method: string } | { readonly ok: false };

/** One page of a vendor's API: bytes that are kept, and read by the source's own `read`, like a webhook's body. */
export type PulledPage = {
  readonly body: Buffer;
  readonly contentType: string;
  /** Where to go on after this page: the plugin's own text. Kept together with the page's alerts. */
  readonly cursor: string;
  /** Nothing comes after it for now: the next pull begins a while later, after this page's cursor. */
  readonly isLast: boolean;
  /** How many alerts the vendor itself says it has, by UTC day (`2026-03-01`), where it says so. */
  readonly totals?: Readonly<Record<string, number>>;
};

/** Where a pull goes on: after `cursor`; without one, at `since`, milliseconds since the epoch. */
export type PullFrom = { readonly cursor?: string; readonly since: number };

/** Why a pull ended before its last page. */
export type PullFailure =
  /** 429, 5xx, network: again later. `afterMs`: what the vendor asked for. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** 401, 403: an operator must act. */
  | { readonly kind: 'parked'; readonly reason: string }
  /** The vendor does not know the cursor any longer: it is forgotten, and the next pull begins anew at `since`. */
  | { readonly kind: 'lost'; readonly reason: string };

/** What `Source.pull` throws. Anything else that it throws is taken for a failure that may pass. */
export class PullError extends Error {
  override readonly name = 'PullError';

  constructor(
    readonly failure: PullFailure,
    options?: ErrorOptions,
  ) {
    super(failure.reason, options);
  }
}

/** What the vendor's API says of one alert: what it adds, or that the vendor has no such alert. */
export type Lookup = { readonly kind: 'known'; readonly knowledge: Knowledge } | { readonly kind: 'unknown' };

/** A configured sender, as its plugin opens it. */
export type Source = {
  /** Decides on the raw request, in constant time, before anything is parsed. */
  authenticate(request: WebhookRequest): Authentication;
  /** The same as far as it can be told without the body. Left out: it cannot be told. */
  recognize?(head: RequestHead): Recognition;
  /** Bytes to drafts: pure, tolerant, does not throw. */
  read(request: WebhookRequest): Reading;
  /**
   * Pages of the vendor's API, oldest alerts first, from where the last pull ended. What may have come late is read
   * again: the overlap is the plugin's, and what is read twice is kept once. A page is asked for when the one before is
   * on disk. Throws `PullError`, or the signal's reason once that aborts.
   */
  pull?(from: PullFrom, signal: AbortSignal): AsyncIterable<PulledPage>;
  /**
   * Asks the vendor's API for one alert, as the vendor's own record of it stands. `unknown` only where the vendor says
   * so (its 404); throws when it cannot tell, and the signal's reason once that aborts. What it throws is shown to people.
   */
  lookup?(alert: NewAlert, signal: AbortSignal): Promise<Lookup>;
  /** Gives up what it holds open: when its block is changed or gone, and at the end. */
  close?(): Promise<void>;
};

/** A class whose class-validator decorators describe a plugin's block of the config. */
export type OptionsClass<Options extends object> = new () => Options;

/** What a plugin is told besides its own options. */
export type SourceContext = {
  /** The configured name. */
  readonly name: string;
  readonly now: () => number;
};

export type SourcePlugin<Options extends object = object> = {
  /** Equals the folder's name. */
  readonly type: string;
  readonly vendor: string;
  readonly product: string;
  readonly options: OptionsClass<Options>;
  open(options: Options, context: SourceContext): Source;
};

/** Declares a source plugin; the one export of `sources/x/source.ts`. */
export function defineSource<Options extends object>(plugin: SourcePlugin<Options>): SourcePlugin<Options> {
  return plugin;
}
