import type { AlertDraft } from '../../core/alert.js';
import type { Reading } from '../../core/source.js';
import { readList } from '../../kit/batch.js';
import { parseJson } from '../../kit/json.js';
import { field, isObject } from '../../kit/read.js';
import { event } from './events.js';
import { health } from './health.js';
import { consoleWebhook, herald, heraldPayload } from './herald.js';
import { incident } from './incident.js';
import { legacyIncident } from './legacy.js';
import type { MappedReader } from './mapping.js';
import { observation } from './observation.js';
import { repaired } from './repair.js';
import { sampleIncident, sampleObservation } from './sample-template.js';
import type { Context, Shape } from './shape.js';

/** Each form Alert Logic is known to report in; the first that recognises an element reads it. */
const shapes: readonly Shape[] = [
  herald,
  consoleWebhook,
  observation,
  incident,
  heraldPayload,
  sampleIncident,
  event,
  legacyIncident,
  health,
  sampleObservation,
];

/**
 * A body to drafts: one report, a list of them, or a page of the API (`iris_items`). A configured mapping is tried first
 * and reads whatever it finds a title in. Pure; does not throw.
 */
export function normalize(body: Buffer, context: Context, mapped?: MappedReader): Reading {
  const parsed = parseJson(body);
  if (parsed.kind === 'json') return readAll(parsed.value, parsed.flags, context, mapped);
  const mended = repaired(body.toString('utf8'));
  if (mended !== undefined) return readAll(mended, ['json_repaired'], context, mapped);
  const advice = parsed.reason.startsWith('not_json') ? jqAdvice : '';
  return { drafts: [], unread: [{ reason: `${parsed.reason}${advice}` }] };
}

const jqAdvice =
  "; a template in the vendor's JSON format breaks on a quotation mark in a text: use the one in JQ from this source's README";

function readAll(value: unknown, flags: readonly string[], context: Context, mapped?: MappedReader): Reading {
  const page = field(value, 'iris_items');
  const elements = Array.isArray(value) ? value : page;
  const read = (element: unknown): AlertDraft | string => {
    const draft = readOne(element, context, mapped);
    if (draft === undefined) return reasonOf(element, mapped !== undefined);
    return { ...draft, quality: [...new Set([...flags, ...draft.quality])] };
  };
  if (Array.isArray(elements)) return readList(elements, (element, index) => withIndex(read(element), index));
  const draft = read(value);
  return typeof draft === 'string' ? { drafts: [], unread: [{ reason: draft }] } : { drafts: [draft], unread: [] };
}

function withIndex(draft: AlertDraft | string, index: number): AlertDraft | string {
  return typeof draft === 'string' ? draft : { ...draft, index };
}

function readOne(element: unknown, context: Context, mapped?: MappedReader): AlertDraft | undefined {
  if (!isObject(element)) return undefined;
  return mapped?.(element, context) ?? shapes.find((shape) => shape.recognises(element))?.read(element, context);
}

function reasonOf(element: unknown, isMapped: boolean): string {
  if (!isObject(element)) return 'not_an_object: a report is a JSON object';
  const advice = isMapped
    ? "the configured mapping finds no title in it; mend the mapping, or use a template of this source's README"
    : "set `mapping` on this source, or use a template of this source's README";
  return `unknown_shape: this is no known form of an Alert Logic report; ${advice}`;
}
