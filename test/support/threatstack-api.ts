import hawk from 'hawk';
import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedServer, type Reply, type ScriptedServer, type ServedRequest } from './scripted-server.js';
import type { ThreatStackRecords, VendorRecord } from './threatstack-records.js';

/** A local stand-in for both of Threat Stack's APIs. What it was built from is in `threatstack-api.md`. */
export type ThreatStackApi = ScriptedServer & {
  /** As `baseUrl`, by version. */
  readonly baseUrls: Readonly<Record<1 | 2, string>>;
  /** What it has from now on. */
  have(records: Partial<ThreatStackRecords>): void;
  /** The answers to the next requests, one each, before anything is looked at; then things are as usual again. */
  answerNext(...replies: readonly LateReply[]): void;
  /** Changes what becomes of the body of an answer on its way: pages that repeat, tokens that never end. */
  bend(answer?: (request: ServedRequest, body: unknown) => unknown): void;
  /** Changes the key that is accepted. */
  acceptKey(apiKey: string): void;
  /** At most so many requests a minute, 429 with `Retry-After` to all others. Undefined: any number. */
  limit(perMinute: number | undefined, retryAfterSeconds?: number): void;
  /** How far its clock is ahead of ours. */
  setClock(aheadMs: number): void;
  /** The bodies of dismissals that were accepted. */
  readonly dismissals: readonly VendorRecord[];
};

export type LateReply = Reply & { readonly delayMs?: number };

export type ThreatStackApiOptions = {
  readonly apiKey?: string;
  readonly userId?: string;
  readonly orgId?: string;
  /** How many records a page of v2 has, and at most one of v1. */
  readonly pageSize?: number;
  readonly port?: number;
};

type State = {
  readonly apiKey: string;
  readonly userId: string;
  readonly orgId: string;
  readonly pageSize: number;
  readonly records: ThreatStackRecords;
  readonly clockAheadMs: number;
  readonly nonces: Set<string>;
  readonly dismissals: VendorRecord[];
};

const none: ThreatStackRecords = {
  agents: [],
  alerts: [],
  logs: [],
  organizations: [],
  users: {},
  policies: [],
  events: {},
  rulesets: [],
  rules: [],
  cves: [],
  servers: [],
  suppressions: [],
};

/** Starts it on 127.0.0.1. */
export async function startThreatStackApi(options: ThreatStackApiOptions = {}): Promise<ThreatStackApi> {
  const { apiKey = 'ts-key-1', userId = 'user-1', orgId = 'org-1', pageSize = 2 } = options;
  let state: State = {
    ...{ apiKey, userId, orgId, pageSize },
    records: none,
    clockAheadMs: 0,
    nonces: new Set(),
    dismissals: [],
  };
  let next: LateReply[] = [];
  let bent: Parameters<ThreatStackApi['bend']>[0];
  let limit: { readonly perMinute: number; readonly retryAfterSeconds: number } | undefined;

  const server = await startScriptedServer(async (request) => {
    const scripted = next.shift();
    if (scripted) {
      if (scripted.delayMs !== undefined) await sleep(scripted.delayMs);
      return scripted;
    }
    if (limit !== undefined && lastMinute(server.requests) > limit.perMinute) {
      const headers = { 'retry-after': String(limit.retryAfterSeconds), 'x-rate-limit-remaining': '0' };
      return { ...refusal(429, 'Too many requests'), headers };
    }
    const reply = request.path.startsWith('/v2/') ? await answerV2(request, state) : answerV1(request, state);
    if (bent === undefined || reply.status !== 200) return reply;
    const body: unknown = reply.body === undefined ? undefined : JSON.parse(reply.body);
    return { ...reply, body: JSON.stringify(bent(request, body)) };
  }, options);

  return {
    ...server,
    baseUrls: { 1: `${server.url}/api/v1`, 2: `${server.url}/v2` },
    dismissals: state.dismissals,
    have: (records) => {
      state = { ...state, records: { ...none, ...records } };
    },
    answerNext: (...replies) => {
      next.push(...replies);
    },
    bend: (answer) => {
      bent = answer;
    },
    acceptKey: (key) => {
      state = { ...state, apiKey: key };
    },
    limit: (perMinute, retryAfterSeconds = 1) => {
      limit = perMinute === undefined ? undefined : { perMinute, retryAfterSeconds };
    },
    setClock: (clockAheadMs) => {
      state = { ...state, clockAheadMs };
    },
    clear: () => {
      server.clear();
      state.dismissals.length = 0;
      state = { ...state, apiKey, records: none, clockAheadMs: 0 };
      [next, bent, limit] = [[], undefined, undefined];
    },
  };
}

function lastMinute(requests: readonly ServedRequest[]): number {
  const since = Date.now() - 60_000;
  return requests.filter(({ at }) => at > since).length;
}

type Query = URLSearchParams;

/** Version 1: the bare key, lists without a name, `page` and `count`. */
function answerV1({ method, path, headers }: ServedRequest, state: State): Reply {
  if (headers.authorization !== state.apiKey) return refusalV1(401, 'Invalid API key');
  const organization = headers['organization'];
  if (organization !== undefined && organization !== state.orgId) return refusalV1(403, 'Not your organization');
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  if (method !== 'GET' || !pathname.startsWith('/api/v1/')) return refusalV1(404, 'Not found');
  const [resource = '', id, detail, ...rest] = pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
  if (rest.length > 0) return refusalV1(404, 'Not found');
  if (resource === 'organizations' && id !== undefined) {
    const users = detail === 'users' ? state.records.users[id] : undefined;
    return users ? ok(users) : refusalV1(404, 'Not found');
  }
  const records = v1Records(resource, state.records);
  if (records === undefined || detail !== undefined || (resource === 'logs' && id !== undefined)) {
    return refusalV1(404, 'Not found');
  }
  if (id !== undefined) {
    const found = records.find((record) => record['id'] === id);
    return found ? ok(only(found, searchParams)) : refusalV1(404, 'Not found');
  }
  const word = searchParams.get('q') ?? '';
  const isWithin = within(searchParams, 'start', 'end');
  const wanted = records.filter((record) => isWithin(record) && JSON.stringify(record).includes(word));
  const page = Number(searchParams.get('page') ?? 0);
  const count = Math.min(Number(searchParams.get('count') ?? 20), state.pageSize);
  if (!Number.isInteger(page) || page < 0) return refusalV1(400, 'Invalid page');
  const isPaged = resource === 'agents' || resource === 'alerts' || resource === 'logs';
  const shown = isPaged ? wanted.slice(page * count, (page + 1) * count) : wanted;
  // The details of an alert are had one by one.
  return ok(shown.map(({ rule: _rule, latest_events: _events, ...record }) => only(record, searchParams)));
}

function v1Records(resource: string, records: ThreatStackRecords): readonly VendorRecord[] | undefined {
  switch (resource) {
    case 'agents':
    case 'alerts':
    case 'logs':
    case 'organizations':
    case 'policies':
      return records[resource];
    default:
      return undefined;
  }
}

function only(record: VendorRecord, query: Query): VendorRecord {
  const fields = query.get('fields')?.split(',');
  return fields ? Object.fromEntries(Object.entries(record).filter(([name]) => fields.includes(name))) : record;
}

/** Version 2: Hawk, lists with a name and a token. */
async function answerV2(request: ServedRequest, state: State): Promise<Reply> {
  const refused = await refusalByHawk(request, state);
  if (refused) return refused;
  const { pathname, searchParams } = new URL(request.path, 'http://localhost');
  const parts = pathname
    .slice('/v2/'.length)
    .split('/')
    .map(decodeURIComponent)
    .filter((each) => each !== '');
  if (request.method === 'POST') return parts.join('/') === 'alerts/dismiss' ? dismiss(request, state) : notFound;
  if (request.method !== 'GET') return notFound;
  const { records } = state;
  const [resource, id, detail, detailId, ...rest] = parts;
  if (rest.length > 0) return notFound;
  switch (resource) {
    case 'alerts':
      if (id === 'severity-counts') return countSeverities(searchParams, records.alerts);
      if (detail === 'events') return named('events', records.events[id ?? ''] ?? [], searchParams, state);
      return id === undefined ? listAlerts(searchParams, state) : one(records.alerts, id);
    case 'agents':
      if (id !== undefined) return one(records.agents, id);
      if (!['online', 'offline'].includes(searchParams.get('status') ?? '')) return badStatus;
      return named(
        'agents',
        records.agents.filter((record) => record['status'] === searchParams.get('status')),
        searchParams,
        state,
      );
    case 'rulesets': {
      if (id === undefined) return named('rulesets', records.rulesets, searchParams, state);
      if (detail === undefined) return one(records.rulesets, id);
      const rules = records.rules.filter((rule) => rule['rulesetId'] === id);
      return detailId === undefined ? named('rules', rules, searchParams, state) : one(rules, detailId);
    }
    case 'vulnerabilities':
      if (id === undefined) return named('cves', records.cves, searchParams, state);
      if (id === 'suppressions') return named('suppressions', records.suppressions, searchParams, state);
      if (id === 'package' && detail !== undefined) {
        return named(
          'packages',
          records.cves.filter((cve) => String(cve['reportedPackage']).startsWith(`${detail} `)),
          searchParams,
          state,
        );
      }
      return detail === 'servers' ? named('servers', records.servers, searchParams, state) : notFound;
    case 'aws':
      return id === 'ec2' ? named('servers', records.servers, searchParams, state) : notFound;
    case 'auditlogs':
      return named('recs', records.logs, searchParams, state);
    default:
      return notFound;
  }
}

/** The server's half of the hawk package decides; a nonce is good once. */
async function refusalByHawk(request: ServedRequest, state: State): Promise<Reply | undefined> {
  const { method, path, headers, body } = request;
  const [host, port] = (headers.host ?? '').split(':');
  const asked = {
    ...{ method, url: path, host, port: port ?? 80 },
    authorization: headers.authorization ?? '',
    contentType: headers['content-type'] ?? '',
  };
  const credentialsOf = (id: string) => {
    if (id !== state.userId) throw new Error('nobody of this id');
    return { key: state.apiKey, algorithm: 'sha256' as const, user: id };
  };
  try {
    const { artifacts } = await hawk.server.authenticate(asked as never, credentialsOf, {
      localtimeOffsetMsec: state.clockAheadMs,
      ...(body.length > 0 && { payload: body.toString() }),
      nonceFunc: (_key, nonce, ts) => {
        if (state.nonces.has(`${ts} ${nonce}`)) throw new Error('used before');
        state.nonces.add(`${ts} ${nonce}`);
      },
    });
    return artifacts.ext === state.orgId ? undefined : refusal(403, 'Not your organization');
  } catch (error) {
    const challenge = challengeOf(error);
    return { ...refusal(401, 'Unauthorized'), ...(challenge !== undefined && { headers: challenge }) };
  }
}

/** What the package would have a server answer: the reason and, to a stale request, the time with a proof of it. */
function challengeOf(error: unknown): Readonly<Record<string, string>> | undefined {
  const { output } = error as { output?: { headers?: Record<string, string> } };
  const challenge = output?.headers?.['WWW-Authenticate'];
  return challenge === undefined ? undefined : { 'www-authenticate': challenge };
}

function listAlerts(query: Query, state: State): Reply {
  const status = query.get('status');
  if (status !== 'active' && status !== 'dismissed') return badStatus;
  return named('alerts', alertsFor(query, state.records.alerts), query, state);
}

function alertsFor(query: Query, alerts: readonly VendorRecord[]): readonly VendorRecord[] {
  const status = query.get('status');
  const isWithin = within(query, 'from', 'until');
  const wanted = ['severity', 'agentId', 'ruleId', 'rulesetId'].filter((name) => query.has(name));
  return alerts.filter(
    (alert) =>
      (status === null || (alert['isDismissed'] === true) === (status === 'dismissed')) &&
      isWithin(alert) &&
      wanted.every((name) => query.get(name) === String(alert[name])),
  );
}

function countSeverities(query: Query, alerts: readonly VendorRecord[]): Reply {
  const wanted = alertsFor(query, alerts);
  const severityCounts = [1, 2, 3].map((severity) => ({
    severity,
    count: wanted.filter((alert) => Number(alert['severity']) === severity).length,
  }));
  return ok({ severityCounts });
}

const reasons = ['BUSINESS_OP', 'COMPANY_POLICY', 'MAINTENANCE', 'OTHER'];

function dismiss({ body }: ServedRequest, state: State): Reply {
  const { ids, from, until, dismissReason, ...rest } = JSON.parse(body.toString()) as VendorRecord;
  if (!reasons.includes(String(dismissReason))) return refusal(400, 'Invalid dismissReason');
  const isById = Array.isArray(ids) && ids.length > 0 && ids.length <= 512;
  if (!isById && (typeof from !== 'string' || typeof until !== 'string')) return refusal(400, 'Invalid request');
  state.dismissals.push({ ...(isById ? { ids } : { from, until }), dismissReason, ...rest });
  return { status: 204 };
}

/** A token is opaque: here it is the place in the list, in base64. */
function named(name: string, records: readonly VendorRecord[], query: Query, { pageSize }: State): Reply {
  const token = query.get('token');
  const begin = token === null ? 0 : Number(Buffer.from(token, 'base64').toString());
  if (!Number.isInteger(begin)) return refusal(400, 'Invalid token');
  const end = begin + pageSize;
  const next = end < records.length ? Buffer.from(String(end)).toString('base64') : null;
  return ok({ [name]: records.slice(begin, end), token: next });
}

function one(records: readonly VendorRecord[], id: string): Reply {
  const found = records.find((record) => record['id'] === id);
  return found ? ok(found) : notFound;
}

/** Of what has no time everything is within. Both ends are. */
function within(query: Query, from: string, until: string): (record: VendorRecord) => boolean {
  const first = Date.parse(query.get(from) ?? '0000-01-01');
  const last = Date.parse(query.get(until) ?? '9999-01-01');
  return (record) => {
    const created = record['created_at'] ?? record['createdAt'];
    const at = typeof created === 'string' ? Date.parse(created) : created;
    return typeof at !== 'number' || (at >= first && at <= last);
  };
}

function ok(body: unknown): Reply {
  return { status: 200, body: JSON.stringify(body) };
}

function refusalV1(status: number, message: string): Reply {
  return { status, body: JSON.stringify({ status: 'error', message }) };
}

function refusal(status: number, error: string): Reply {
  return { status, body: JSON.stringify({ errors: [error] }) };
}

const notFound = refusal(404, 'Not found');
const badStatus = refusal(400, 'status is required');
