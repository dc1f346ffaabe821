import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { startScriptedServer, type Reply, type ScriptedServer, type ServedRequest } from './scripted-server.js';

/**
 * A local stand-in for Datadog: one base URL serves every intake, answers and refusals are those of the recorded ones,
 * and it remembers all that it took.
 */
export type Datadog = ScriptedServer & {
  /** The bodies of accepted `POST /api/v1/events`. */
  readonly events: readonly JsonObject[];
  /** The bodies of accepted `POST /api/v2/events`. */
  readonly eventsV2: readonly JsonObject[];
  /** The entries of accepted `POST /api/v2/logs`, one by one. */
  readonly logs: readonly JsonObject[];
  /** How many of each were accepted since the start or `clear()`; counted even where nothing is remembered. */
  readonly counts: Readonly<Record<Intake, number>>;
  /** Changes the key that is accepted, as when an operator revokes or restores one. Undefined: every key is good. */
  acceptKey(apiKey: string | undefined): void;
};

export type Intake = 'events' | 'events-v2' | 'logs';
export type JsonObject = Readonly<Record<string, unknown>>;

export type DatadogOptions = {
  /** Without it every non-empty key is good. */
  readonly apiKey?: string;
  /** With it, events v2 demand it. */
  readonly applicationKey?: string;
  readonly port?: number;
  /** False for benchmarks: only `counts` grow, and `onAccepted` tells the rest. */
  readonly remember?: boolean;
  readonly onAccepted?: (intake: Intake, body: JsonObject, at: number) => void;
};

/** Starts it on 127.0.0.1. */
export async function startDatadog(options: DatadogOptions = {}): Promise<Datadog> {
  const taken: Record<Intake, JsonObject[]> = { events: [], 'events-v2': [], logs: [] };
  const counts: Record<Intake, number> = { events: 0, 'events-v2': 0, logs: 0 };
  let apiKey = options.apiKey;

  const take = (intake: Intake, body: JsonObject, at: number): void => {
    counts[intake] += 1;
    if (options.remember !== false) taken[intake].push(body);
    options.onAccepted?.(intake, body, at);
  };

  const server = await startScriptedServer(async (request) => {
    const path = request.path.split('?', 1)[0];
    const key = request.headers['dd-api-key'];
    if (key === undefined || key === '') {
      return path === '/api/v2/logs' ? errorsV2(401, 'Unauthorized') : errors(403, 'API key required');
    }
    if (apiKey !== undefined && key !== apiKey) {
      return path === '/api/v2/logs' ? errorsV2(403, 'Forbidden') : errors(403, 'Forbidden');
    }
    switch (`${request.method} ${path ?? ''}`) {
      case 'GET /api/v1/validate':
        return { status: 200, body: '{"valid":true}' };
      case 'POST /api/v1/events':
        return takeEvent(request, take);
      case 'POST /api/v2/events':
        if (options.applicationKey !== undefined && request.headers['dd-application-key'] !== options.applicationKey) {
          return errors(403, 'Forbidden');
        }
        return takeEventV2(request, take);
      case 'POST /api/v2/logs':
        return takeLogs(request, take);
      default:
        return errors(404, 'Not found');
    }
  }, options);

  return {
    ...server,
    events: taken.events,
    eventsV2: taken['events-v2'],
    logs: taken.logs,
    counts,
    acceptKey: (key) => {
      apiKey = key;
    },
    clear: () => {
      server.clear();
      for (const intake of ['events', 'events-v2', 'logs'] as const) {
        taken[intake].length = 0;
        counts[intake] = 0;
      }
    },
  };
}

type Take = (intake: Intake, body: JsonObject, at: number) => void;

const maxEventAgeMs = 18 * 3_600_000;
const maxEventAheadMs = 2 * 3_600_000;
const alertTypes = ['error', 'warning', 'info', 'success', 'user_update', 'recommendation', 'snapshot'];

function takeEvent(request: ServedRequest, take: Take): Reply {
  const event = readObject(request.body);
  if (!event) return errors(400, 'Invalid JSON');
  const { title, text, date_happened: date, alert_type: type, priority, aggregation_key: key, tags } = event;
  if (typeof title !== 'string' || title === '') return errors(400, 'Missing required attribute: title');
  if (typeof text !== 'string' || text === '') return errors(400, 'Missing required attribute: text');
  if (text.length > 4_000) return errors(400, 'Text must be at most 4000 characters');
  if (date !== undefined && !Number.isInteger(date)) return errors(400, 'date_happened must be an integer');
  if (typeof date === 'number' && date * 1_000 < request.at - maxEventAgeMs) {
    return { ...errors(400, 'Event too far in the past'), headers: { 'content-type': 'text/plain' } };
  }
  if (typeof date === 'number' && date * 1_000 > request.at + maxEventAheadMs) {
    return errors(400, 'Event too far in the future');
  }
  if (type !== undefined && !alertTypes.includes(type as string)) return errors(400, 'Invalid alert_type');
  if (priority != null && priority !== 'normal' && priority !== 'low') return errors(400, 'Invalid priority');
  if (key !== undefined && (typeof key !== 'string' || key.length > 100)) return errors(400, 'Invalid aggregation_key');
  if (tags !== undefined && !isStrings(tags)) return errors(400, 'Invalid tags');

  take('events', event, request.at);
  const id = nextId();
  return {
    status: 202,
    body: JSON.stringify({
      status: 'ok',
      event: {
        id: Number(id), // rounded, as the real one is: beyond 2^53
        id_str: id,
        title,
        text,
        date_happened: date ?? Math.floor(request.at / 1_000),
        handle: null,
        priority: priority ?? null,
        related_event_id: null,
        tags: tags ?? null,
        url: `https://app.datadoghq.com/event/event?id=${id}`,
      },
    }),
  };
}

function takeEventV2(request: ServedRequest, take: Take): Reply {
  const event = readObject(request.body);
  const attributes = asObject(asObject(event?.['data'])?.['attributes']);
  if (!event || !attributes) return errorsV2(400, 'Bad Request', 'JSON validation failed at $.data.attributes');
  const complaint = complainV2(attributes, request.at);
  if (complaint !== undefined) return errorsV2(400, 'Bad Request', `JSON validation failed at ${complaint}`);

  take('events-v2', event, request.at);
  const uid = `AZ${nextId()}`;
  return {
    status: 202,
    body: JSON.stringify({
      data: { type: 'event', attributes: { attributes: { evt: { id: nextId(), uid } } } },
      links: { self: `https://app.datadoghq.com/event/explorer?event_uid=${uid}` },
    }),
  };
}

function complainV2(event: JsonObject, now: number): string | undefined {
  const { title, message, category, attributes, aggregation_key: key, tags, host, timestamp } = event;
  const at = '$.data.attributes';
  if (category !== 'alert' && category !== 'change') {
    return `${at}.category: value must be one of: ["alert", "change"].`;
  }
  if (typeof title !== 'string' || title === '' || title.length > 500) return `${at}.title: 1 to 500 characters.`;
  if (message !== undefined && (typeof message !== 'string' || message.length > 4_000))
    return `${at}.message: too long.`;
  if (key !== undefined && (typeof key !== 'string' || key.length > 100)) return `${at}.aggregation_key: too long.`;
  if (tags !== undefined && (!isStrings(tags) || tags.length > 100)) return `${at}.tags: at most 100 strings.`;
  if (host !== undefined && (typeof host !== 'string' || host.length > 255)) return `${at}.host: too long.`;
  if (timestamp !== undefined && !(typeof timestamp === 'string' && Date.parse(timestamp) >= now - maxEventAgeMs)) {
    return `${at}.timestamp: not older than 18 hours.`;
  }
  if (category === 'change') return undefined;
  const alert = asObject(attributes);
  if (!alert || !['warn', 'error', 'ok'].includes(alert['status'] as string)) return `${at}.attributes.status.`;
  const { priority, links, custom } = alert;
  if (priority !== undefined && !/^[1-5]$/.test(priority as string)) return `${at}.attributes.priority.`;
  if (links !== undefined && (!Array.isArray(links) || links.length > 20)) return `${at}.attributes.links.`;
  if (custom !== undefined && !isWithin(custom, 10)) return `${at}.attributes.custom: too deep or too wide.`;
  return undefined;
}

const maxRequestBytes = 5_000_000;
const maxEntries = 1_000;
const maxEntryBytes = 1_000_000;

async function takeLogs(request: ServedRequest, take: Take): Promise<Reply> {
  const body = await inflated(request);
  if (body === 'too large') return errorsV2(413, 'Payload Too Large');
  if (body === 'unreadable') return errorsV2(400, 'Bad Request', 'Invalid content encoding');
  const value = readJson(body);
  const entries = Array.isArray(value) ? (value as unknown[]) : [value];
  if (entries.length > maxEntries) return errorsV2(413, 'Payload Too Large');
  if (!entries.every(isObject)) return errorsV2(400, 'Bad Request', 'Invalid JSON');
  const mayHoldLongOnes = body.length > maxEntryBytes;
  for (const entry of entries) take('logs', mayHoldLongOnes ? truncated(entry) : entry, request.at);
  return { status: 202, body: '{}' };
}

/** The real one cuts an entry over 1 MB and says nothing; this one marks it, so that a test can see it. */
function truncated(entry: JsonObject): JsonObject {
  if (Buffer.byteLength(JSON.stringify(entry)) <= maxEntryBytes) return entry;
  return { message: String(entry['message']).slice(0, 1_000), truncatedByDatadog: true };
}

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);

async function inflated(request: ServedRequest): Promise<Buffer | 'too large' | 'unreadable'> {
  const limit = { maxOutputLength: maxRequestBytes };
  try {
    switch (request.headers['content-encoding'] ?? 'identity') {
      case 'identity':
        return request.body.length > maxRequestBytes ? 'too large' : request.body;
      case 'gzip':
        return await gunzipAsync(request.body, limit);
      case 'deflate':
        return await inflateAsync(request.body, limit);
      default:
        return 'unreadable';
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : 'unreadable';
  }
}

/** The form of v1 answers. */
function errors(status: number, message: string): Reply {
  return { status, body: JSON.stringify({ errors: [message] }) };
}

/** The form of v2 answers. */
function errorsV2(status: number, title: string, detail?: string): Reply {
  return { status, body: JSON.stringify({ errors: [{ status: String(status), title, ...(detail && { detail }) }] }) };
}

let lastId = 6_327_818_702_635_911_562n;
function nextId(): string {
  lastId += 1n;
  return String(lastId);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Undefined for what is no JSON in UTF-8. */
function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

function readObject(body: Buffer): JsonObject | undefined {
  return asObject(readJson(body));
}

function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** Datadog's bounds on free JSON in an event: at most 100 properties an object, and so many levels. */
function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  const members = Object.values(value);
  return (Array.isArray(value) || members.length <= 100) && members.every((member) => isWithin(member, levels - 1));
}
