import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedServer, type Reply, type ScriptedServer } from './scripted-server.js';

/** Records of one list, as `datatheorem-api.md` has them; what is missing in a page is for the client to bear. */
export type Records = readonly Readonly<Record<string, unknown>>[];

/** A local stand-in for the Results API. What it was built from is in `datatheorem-api.md`. */
export type DataTheoremApi = ScriptedServer & {
  /** As `baseUrl`. */
  readonly baseUrl: string;
  /** The lists by name, as they are from now on: `policy_violations`, `policy_rules` … `targets`, `mobile_apps`. */
  have(lists: Readonly<Record<string, Records>>): void;
  /** The answers to the next requests, one each; then things are as usual again. */
  answerNext(...replies: readonly Reply[]): void;
  /** Changes what becomes of an answer on its way: pages that repeat, cursors that never end. */
  bend(answer?: (path: string, body: Record<string, unknown>) => Record<string, unknown>): void;
  /** Changes the key that is accepted. */
  acceptKey(apiKey: string): void;
};

export type DataTheoremApiOptions = {
  readonly apiKey?: string;
  /** How many records a page has. */
  readonly pageSize?: number;
  readonly port?: number;
  /** How long each answer takes. */
  readonly delayMs?: number;
};

const violationsPath = '/apis/api_security/results/v1beta1/policy_violations';
const mobilePath = '/apis/mobile_security/results/v2/';

/** Where a mobile list is, and its name in an answer. */
const mobileLists: Readonly<Record<string, string>> = {
  security_findings: 'security_findings',
  security_finding_targets: 'targets',
  mobile_apps: 'mobile_apps',
};

/** Starts it on 127.0.0.1. */
export async function startDataTheoremApi(options: DataTheoremApiOptions = {}): Promise<DataTheoremApi> {
  let { apiKey = 'results-key-1' } = options;
  const { pageSize = 2, delayMs } = options;
  let lists: Readonly<Record<string, Records>> = {};
  let next: Reply[] = [];
  let bent: Parameters<DataTheoremApi['bend']>[0];

  const server = await startScriptedServer(async ({ method, path, headers }) => {
    if (delayMs !== undefined) await sleep(delayMs);
    const scripted = next.shift();
    if (scripted) return scripted;
    if (headers.authorization !== `APIKey ${apiKey}`) return refusal(401, 'The API key is invalid');
    const { pathname, searchParams } = new URL(path, 'http://localhost');
    if (method !== 'GET') return refusal(405, 'Method not allowed');
    const body = answerTo(pathname, searchParams, lists, pageSize);
    if (body === undefined) return refusal(404, 'Not found');
    if (typeof body === 'string') return refusal(400, body);
    return { status: 200, body: JSON.stringify(bent?.(pathname, body) ?? body) };
  }, options);

  return {
    ...server,
    baseUrl: `${server.url}/apis`,
    have: (more) => {
      lists = more;
    },
    answerNext: (...replies) => {
      next.push(...replies);
    },
    bend: (answer) => {
      bent = answer;
    },
    acceptKey: (key) => {
      apiKey = key;
    },
    clear: () => {
      server.clear();
      [lists, next, bent] = [{}, [], undefined];
    },
  };
}

/** Undefined where there is nothing; a text where the request is refused. */
function answerTo(
  path: string,
  query: URLSearchParams,
  lists: Readonly<Record<string, Records>>,
  pageSize: number,
): Record<string, unknown> | string | undefined {
  if (path === violationsPath) {
    const violations = lists['policy_violations'] ?? [];
    const page = slice(violations, query.get('cursor'), pageSize);
    return typeof page === 'string'
      ? page
      : { policy_violations: page.elements, ...relatedTo(page.elements, lists), ...page.rest };
  }
  if (!path.startsWith(mobilePath)) return undefined;
  const [list = '', known] = path.slice(mobilePath.length).split('/').map(decodeURIComponent);
  const name = Object.hasOwn(mobileLists, list) ? mobileLists[list] : undefined;
  if (name === undefined) return undefined;
  const records = lists[name] ?? [];
  if (known !== undefined) return records.find(({ id }) => String(id) === known);
  const page = slice(
    records.filter((record) => isWanted(record, query)),
    query.get('cursor'),
    pageSize,
  );
  return typeof page === 'string' ? page : { [name]: page.elements, ...page.rest };
}

/** A cursor is opaque: here it is the place in the list, in base64. */
function slice(records: Records, cursor: string | null, pageSize: number) {
  const begin = cursor === null ? 0 : Number(Buffer.from(cursor, 'base64').toString());
  if (!Number.isInteger(begin)) return 'The cursor is invalid';
  const end = begin + pageSize;
  const next_cursor = end < records.length ? Buffer.from(String(end)).toString('base64') : null;
  return {
    elements: records.slice(begin, end),
    rest: { pagination_information: { next_cursor, total_count: records.length } },
  };
}

/** As the vendor does, with each page only what its violations refer to. */
function relatedTo(violations: Records, lists: Readonly<Record<string, Records>>): Record<string, Records> {
  const pick = (name: string, ids: ReadonlySet<unknown>): Records =>
    (lists[name] ?? []).filter(({ id }) => ids.has(id));
  const idsIn = (records: Records, member: string) => new Set(records.map((record) => record[member]));
  const policy_rules = pick('policy_rules', idsIn(violations, 'violated_policy_rule_id'));
  const api_operations = pick('api_operations', idsIn(violations, 'affected_api_operation_id'));
  return {
    policy_rules,
    policy_rule_types: pick('policy_rule_types', idsIn(policy_rules, 'policy_rule_type_id')),
    network_services: pick('network_services', idsIn(violations, 'affected_network_service_id')),
    cloud_resources: pick('cloud_resources', idsIn(violations, 'affected_cloud_resource_id')),
    web_applications: pick('web_applications', idsIn(violations, 'affected_web_application_id')),
    api_operations,
    restful_apis: pick('restful_apis', idsIn(api_operations, 'restful_api_id')),
  };
}

/** `last_active` is this stand-in's own: when a scan was last active on the record. */
function isWanted({ last_active, ...record }: Readonly<Record<string, unknown>>, query: URLSearchParams): boolean {
  const since = query.get('results_since');
  if (since !== null && typeof last_active === 'string' && Date.parse(last_active) < Date.parse(since)) return false;
  return ['mobile_app_id', 'security_finding_id', 'issue_type_id', 'severity'].every(
    (name) => !query.has(name) || query.get(name) === String(record[name]),
  );
}

function refusal(status: number, error: string): Reply {
  return { status, body: JSON.stringify({ error }) };
}
