import { startScriptedServer, type Reply, type ScriptedServer, type ServedRequest } from './scripted-server.js';

type ApiRecord = Readonly<Record<string, unknown>>;

/** A local stand-in for AIMS, the endpoints service, IRIS v3 and the older incident API. See `alertlogic-api.md`. */
export type AlertLogicApi = ScriptedServer & {
  /** The incidents of the account as they are from now on; `createTime` in seconds decides what a span holds. */
  have(incidents: readonly ApiRecord[]): void;
  /** The evidence of an incident. */
  haveEvidence(
    incidentId: string,
    evidence: { readonly event?: readonly unknown[]; readonly log?: readonly unknown[] },
  ): void;
  /** Incidents of the older API. */
  haveLegacy(incidents: readonly ApiRecord[]): void;
  /** The answers to the next requests that are no sign-in, one each; then things are as usual again. */
  answerNext(...replies: readonly Reply[]): void;
  /** What every sign-in is answered with from now on, until called without. */
  answerSignIn(reply?: Reply): void;
  /** What the endpoints service answers from now on; this server itself until told otherwise. */
  nameEndpoint(reply?: Reply): void;
  /** Tokens given so far are not accepted any longer. */
  revoke(): void;
  /** How many sign-ins were answered with a token. */
  readonly signIns: number;
  /** In what order a page has its incidents: by creation, rising unless told otherwise. */
  order(order: 'oldest-first' | 'newest-first'): void;
};

export type AlertLogicApiOptions = {
  readonly accessKeyId?: string;
  readonly secretKey?: string;
  readonly accountId?: string;
  readonly legacyKey?: string;
  /** Milliseconds that a token lives. */
  readonly tokenMs?: number;
  readonly now?: () => number;
  readonly port?: number;
};

const weekSeconds = 7 * 86_400;

/** Starts it on 127.0.0.1. */
export async function startAlertLogicApi(options: AlertLogicApiOptions = {}): Promise<AlertLogicApi> {
  const { accessKeyId = 'a1b2c3d4e5f60718', secretKey = 'secret-key-1', accountId = '134310777' } = options;
  const { legacyKey = 'legacy-key-1', tokenMs = 6 * 3_600_000, now = Date.now } = options;
  let incidents: readonly ApiRecord[] = [];
  const evidence = new Map<string, { readonly event?: readonly unknown[]; readonly log?: readonly unknown[] }>();
  let legacy: readonly ApiRecord[] = [];
  let next: Reply[] = [];
  let signInReply: Reply | undefined;
  let endpointReply: Reply | undefined;
  let order: 'oldest-first' | 'newest-first' = 'oldest-first';
  const tokens = new Map<string, number>();
  let signIns = 0;

  const signIn = ({ headers }: ServedRequest): Reply => {
    if (signInReply) return signInReply;
    const expected = `Basic ${Buffer.from(`${accessKeyId}:${secretKey}`).toString('base64')}`;
    // A wrong key is answered without a word.
    if (headers.authorization !== expected) return { status: 401 };
    signIns += 1;
    const token = `token-${String(signIns)}`;
    const expiresAt = Math.floor((now() + tokenMs) / 1_000);
    tokens.set(token, expiresAt * 1_000);
    return answer({
      authentication: {
        user: { id: 'USER-1', account_id: accountId, name: 'Router', email: 'router@example.com', active: true },
        account: { id: accountId, name: 'Example Account', default_location: 'insight-us-virginia', active: true },
        token,
        token_expiration: expiresAt,
      },
    });
  };

  const iris = (request: ServedRequest, parts: readonly string[], query: URLSearchParams): Reply => {
    const [account = '', what = '', more = '', last] = parts;
    if (account === 'incident_filters') return answer({ class: ['application-attack'], threat_level: ['Info', 'Low'] });
    if (account !== accountId) return { status: 403 };
    if (what === 'incidents_by_time') return byTime(query);
    if (what === 'friendly') {
      const named = incidents.filter(({ humanFriendlyId }) => humanFriendlyId === more);
      return named.length === 0
        ? notFound
        : answer(named.map(({ incidentId }) => ({ accountId, humanFriendlyId: more, incidentId })));
    }
    const incident = incidents.find(({ incidentId }) => incidentId === what);
    if (!incident) return notFound;
    if (more === '') return answer(incident);
    if (more === 'elaborations' && last === 'associated') return associated(what, query);
    return request.method === 'POST' ? changed(incident, more, request.body) : notFound;
  };

  const byTime = (query: URLSearchParams): Reply => {
    const [start, end] = [query.get('start_time'), query.get('end_time')].map((time) =>
      time === null ? NaN : Number(time),
    );
    if (start === undefined || end === undefined || Number.isNaN(start + end)) {
      return refusal(400, 'start_time and end_time query strings must be provided');
    }
    if (end - start > weekSeconds) return refusal(400, 'Invalid arguments');
    const createdAt = (incident: ApiRecord): number => Number(incident['createTime']);
    const sign = order === 'oldest-first' ? 1 : -1;
    const found = incidents
      .filter((incident) => createdAt(incident) >= start && createdAt(incident) <= end)
      .sort((a, b) => sign * (createdAt(a) - createdAt(b)));
    if (query.get('pagination') !== 'true') return answer(found);
    return paged(found, query, `/iris/v3/${accountId}/incidents_by_time`, 'iris_items');
  };

  const associated = (incidentId: string, query: URLSearchParams): Reply => {
    const source = query.get('returnSource') === 'log' ? 'log' : 'event';
    return paged(evidence.get(incidentId)?.[source] ?? [], query, '/associated', 'returnVals');
  };

  const changed = (incident: ApiRecord, what: string, body: Buffer): Reply => {
    const sent = JSON.parse(body.toString()) as ApiRecord;
    if (what === 'feedback') return answer(sent);
    if (what !== 'complete' && what !== 'reopen') return notFound;
    const status = what === 'complete' ? 'completed' : 'open';
    const old = (incident['customer_status'] ?? { status: 'open' }) as ApiRecord;
    if (old['status'] === status) {
      return refusal(400, `Incident ${String(incident['incidentId'])} status is currently the same ${status}`);
    }
    const change = { ...sent, status, status_change_time: '2026-02-17T09:00:00.000000+00:00' };
    incidents = incidents.map((each) => (each === incident ? { ...each, customer_status: change } : each));
    return answer({ new: change, old });
  };

  const legacyIncidents = ({ headers }: ServedRequest, query: URLSearchParams): Reply => {
    const expected = `Basic ${Buffer.from(`${legacyKey}:`).toString('base64')}`;
    if (headers.authorization !== expected) return refusal(401, 'Unauthorized');
    const wanted = query.get('incident_id');
    return answer(wanted === null ? legacy : legacy.filter(({ incident_id }) => String(incident_id) === wanted));
  };

  const server = await startScriptedServer((request) => {
    const { pathname, searchParams } = new URL(request.path, 'http://localhost');
    if (pathname === '/aims/v1/authenticate') return request.method === 'POST' ? signIn(request) : { status: 405 };
    const scripted = next.shift();
    if (scripted) return scripted;
    if (pathname === '/api/incident/v3/incidents') return legacyIncidents(request, searchParams);
    const token = String(request.headers['x-aims-auth-token'] ?? '');
    if ((tokens.get(token) ?? 0) <= now()) return { status: 401 };
    const parts = pathname.split('/').slice(1).map(decodeURIComponent);
    if (parts[0] === 'endpoints' && parts[3] === 'residency' && parts[5] === 'services') {
      return endpointReply ?? answer({ [parts[6] ?? '']: request.headers.host });
    }
    return parts[0] === 'iris' && parts[1] === 'v3' ? iris(request, parts.slice(2), searchParams) : notFound;
  }, options);

  return {
    ...server,
    have: (all) => {
      incidents = all;
    },
    haveEvidence: (incidentId, all) => {
      evidence.set(incidentId, all);
    },
    haveLegacy: (all) => {
      legacy = all;
    },
    answerNext: (...replies) => {
      next.push(...replies);
    },
    answerSignIn: (reply) => {
      signInReply = reply;
    },
    nameEndpoint: (reply) => {
      endpointReply = reply;
    },
    revoke: () => {
      tokens.clear();
    },
    get signIns() {
      return signIns;
    },
    order: (by) => {
      order = by;
    },
    clear: () => {
      server.clear();
      [incidents, legacy, next] = [[], [], []];
      evidence.clear();
      [signInReply, endpointReply, order] = [undefined, undefined, 'oldest-first'];
    },
  };
}

/** With the links of iris.v3.yaml; `next` is null at the end. */
function paged(all: readonly unknown[], query: URLSearchParams, path: string, name: string): Reply {
  const limit = Number(query.get('limit') ?? 100);
  const offset = Number(query.get('offset') ?? 0);
  if (!Number.isInteger(limit) || limit < 1) return refusal(400, "Invalid query parameter 'limit'");
  const link = (at: number): string => `${path}?limit=${String(limit)}&offset=${String(at)}`;
  const end = offset + limit;
  return answer({
    [name]: all.slice(offset, end),
    metadata: {
      limit,
      offset,
      total_count: all.length,
      links: { self: link(offset), first: link(0), next: end < all.length ? link(end) : null },
    },
  });
}

const notFound: Reply = refusal(404, 'Not found');

function answer(body: unknown): Reply {
  return { status: 200, body: JSON.stringify(body) };
}

function refusal(status: number, error: string): Reply {
  return { status, body: JSON.stringify({ error, code: status }) };
}
