import type { Delivery } from '../../core/journal.js';
import { Secret } from '../../core/secret.js';
import { defineSink, type Outcome, type Sink } from '../../core/sink.js';
import { outcomeOf } from '../../kit/answer.js';
import type { HttpResult } from '../../kit/exchange.js';
import { openHttp } from '../../kit/http.js';
import { toOcsf } from '../../kit/ocsf.js';
import type { Headers } from './headers.js';
import { WebhookOptions } from './options.js';
import { signer } from './signature.js';
import { compileTemplate, TemplateError, type WriteBody } from './template.js';

/** Any URL: one request for each alert, signed as Standard Webhooks say. */
export const webhook = defineSink({ type: 'webhook', options: WebhookOptions, open: openWebhook });

function openWebhook(options: WebhookOptions, { now }: { readonly now: () => number }): Sink {
  const { method, contentType, concurrency, allowCidrs = [], allowPorts = [] } = options;
  // Nothing of an alert is in the URL or in a header: what a vendor writes cannot lead a request elsewhere.
  const url = options.url.reveal();
  const http = openHttp({
    headers: { 'content-type': contentType, ...shownShort(options.headers) },
    confidential: credentialsIn(url),
    allowCidrs,
    allowPorts,
    connections: concurrency,
  });
  const write = writerOf(options);
  const sign = signer(options.secret ?? []);

  const deliver = async (delivery: Delivery, signal: AbortSignal): Promise<Outcome> => {
    const body = written(write, delivery);
    if (typeof body !== 'string') return body;
    const result = await http.send({ method, url, body, headers: sign(delivery.id, body, now()) }, signal);
    return withPage(result, outcomeOf(result, now()));
  };
  return {
    maxBatch: 1,
    concurrency,
    keepsState: false,
    deliver: (batch, signal) => Promise.all(batch.map((delivery) => deliver(delivery, signal))),
    close: () => http.close(),
  };
}

function writerOf({ body, contentType, format }: WebhookOptions): WriteBody {
  if (body !== undefined) return compileTemplate(body, contentType, format);
  return format === 'ocsf' ? ({ alert }) => JSON.stringify(toOcsf(alert)) : ({ alert }) => JSON.stringify(alert);
}

/** The fault is the template's, so ours: it shows as such among the dead letters, to be resent once it is mended. */
function written(write: WriteBody, delivery: Delivery): string | Outcome {
  try {
    return write(delivery);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { kind: 'rejected', cause: 'plugin', reason: `the template cannot write this alert: ${error.message}` };
  }
}

/** A web page may be a receiver's good answer, or that of something in between: what it said is kept to be looked at. */
function withPage(result: HttpResult, outcome: Outcome): Outcome {
  const isPage = result.kind === 'answer' && result.headers['content-type']?.toLowerCase().startsWith('text/html');
  if (outcome.kind !== 'delivered' || isPage !== true) return outcome;
  return { ...outcome, answer: { status: result.status, excerpt: result.excerpt() } };
}

const leastCredentialLength = 8;

/** What is shorter is no credential: cut out of an answer, it would take harmless words with it. */
function shownShort(headers: Headers = {}): Record<string, string | Secret> {
  const entries = Object.entries(headers).map(([name, value]): [string, string | Secret] => {
    const text = value.reveal();
    return [name, text.length < leastCredentialLength ? text : value];
  });
  return Object.fromEntries(entries);
}

/** The parts of a URL that may be a credential, in case an answer repeats them. */
function credentialsIn(text: string): readonly Secret[] {
  const { pathname, search, searchParams } = new URL(text);
  return [pathname + search, ...pathname.split('/'), ...searchParams.values()]
    .filter((part) => part.length >= leastCredentialLength)
    .map((part) => new Secret(part));
}
