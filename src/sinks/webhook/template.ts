import { Liquid, LiquidError } from 'liquidjs';
import type { Delivery } from '../../core/journal.js';
import { toOcsf } from '../../kit/ocsf.js';
import { sampleDeliveries } from './samples.js';

/** What a body is made of; both the name of a format and what a template finds beside `alert` and `delivery`. */
export type Format = 'alert' | 'ocsf';

/** Writes the body for a delivery; the same for each attempt. Throws `TemplateError`. */
export type WriteBody = (delivery: Delivery) => string;

export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const maxTemplateLength = 65_536;
/** Far more than a body takes, even on a busy machine; a loop that does not end meets it. */
const maxRenderMs = 2_000;
/** In the engine's own measure, roughly characters made. */
const maxMemory = 20_000_000;

/**
 * Compiles a Liquid template (https://liquidjs.com) and tries it on two sample alerts, so that a mistake shows when the
 * config is read: throws `TemplateError`, which names the line. An alert is data to it and nothing else: only an
 * object's own members are found, nothing that an alert says is read as a template or an expression, and every output is
 * escaped as the content type wants it.
 */
export function compileTemplate(source: string, contentType: string, format: Format): WriteBody {
  const manner = mannerOf(contentType);
  const engine = openEngine(manner.escape);
  const template = explained(() => engine.parse(source));
  const write: WriteBody = (delivery) => {
    const body = explained(() => engine.renderSync(template, scopeOf(delivery, format)) as string);
    manner.check(body);
    return body;
  };
  for (const sample of sampleDeliveries('sample')) write(sample);
  return write;
}

/** How words get into a body of some content type, and what such a body must be. */
type Manner = { readonly escape: (value: unknown) => string; readonly check: (body: string) => void };

function mannerOf(contentType: string): Manner {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const check = (): void => undefined;
  if (/[/+]json$/.test(type)) return { escape: jsonEscaped, check: checkJson };
  if (/[/+](?:xml|html)$/.test(type)) return { escape: (value) => textOf(value).replace(/[&<>"']/g, entityOf), check };
  if (type === 'application/x-www-form-urlencoded')
    return { escape: (value) => encodeURIComponent(textOf(value)), check };
  return { escape: textOf, check };
}

/** Fits between the quotes that the template has around it; what is no text fits where a value stands. */
function jsonEscaped(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value).slice(1, -1) : textOf(value);
}

function checkJson(body: string): void {
  try {
    JSON.parse(body);
  } catch (error) {
    const said = error instanceof Error ? error.message.replace(/^Unexpected token .*?, (?=".*" is)/s, '') : '';
    throw new TemplateError(`what it writes is not JSON: is every text in quotes? ${said.slice(0, 200)}`, {
      cause: error,
    });
  }
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return Buffer.from(value).toString();
  return JSON.stringify(value);
}

function entityOf(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}

function scopeOf({ id, sink, routes, alert }: Delivery, format: Format): object {
  return { alert, delivery: { id, sink, routes }, ...(format === 'ocsf' && { ocsf: toOcsf(alert) }) };
}

/** They read files, leave the escaping out, take a text for an expression, or give another body at each attempt. */
const unfit = {
  tags: ['include', 'render', 'layout', 'block'],
  filters: [
    ...['raw', 'where_exp', 'reject_exp', 'group_by_exp', 'has_exp', 'find_exp', 'find_index_exp'],
    ...['sample', 'inspect'],
  ],
} as const;

function openEngine(escape: (value: unknown) => string): Liquid {
  const engine = new Liquid({
    ownPropertyOnly: true,
    strictVariables: true,
    strictFilters: true,
    // `default` and `if` are how a template says what to do without a field.
    lenientIf: true,
    outputEscape: escape,
    templates: {},
    parseLimit: maxTemplateLength,
    renderLimit: maxRenderMs,
    memoryLimit: maxMemory,
    timezoneOffset: 0,
    locale: 'en-US',
  });
  for (const name of unfit.tags) Reflect.deleteProperty(engine.tags, name);
  for (const name of unfit.filters) Reflect.deleteProperty(engine.filters, name);
  // `raw`: it writes its own quotes and escapes.
  const json = { raw: true, handler: (value: unknown) => JSON.stringify(value ?? null) };
  engine.registerFilter('json', json);
  engine.registerFilter('jsonify', json);
  return engine;
}

/** `line 3, column 5: undefined filter: shout`, without the engine's picture of the template around it. */
function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const place = LiquidError.is(error) ? placeOf(error) : '';
    const words = (error.message.split('\n', 1)[0] ?? '').replace(/, (?:file:.*?, )?line:\d+, col:\d+$/, '');
    throw new TemplateError(place + words.slice(0, 300), { cause: error });
  }
}

function placeOf({ token }: LiquidError): string {
  const [line, column] = token.getPosition();
  return `line ${line}, column ${column}: `;
}
