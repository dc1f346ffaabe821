import type { AlertDraft } from './alert.js';
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

/** What a source makes of a body. One bad element never spoils its neighbours. */
export type Reading = {
  readonly drafts: readonly AlertDraft[];
  /** Elements that could not be read; without an index, the whole body. */
  readonly unread: readonly { readonly index?: number; readonly reason: string }[];
  /** Set for a vendor's set-up or test call: recorded and shown, never routed. Says which. */
  readonly probe?: string;
};

/** A sender that was recognised, and by what: the words shown by explain. Never holds the credential itself. */
export type Authentication = { readonly ok: true; readonly method: string } | { readonly ok: false };

/** A configured sender, as its plugin opens it. */
export type Source = {
  /** Decides on the raw request, in constant time, before anything is parsed. */
  authenticate(request: WebhookRequest): Authentication;
  /** The same as far as it can be told without the body. Left out: it cannot be told. */
  recognize?(head: RequestHead): Recognition;
  /** Bytes to drafts: pure, tolerant, does not throw. */
  read(request: WebhookRequest): Reading;
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
