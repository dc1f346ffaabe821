import { part, type Connection, type Query } from '../connection.js';
import type { ApiRecord, TimeRange } from '../records.js';
import { utc } from '../utc.js';
import { Alerts } from './alerts.js';
import { TokenList, TokenResource } from './lists.js';
import { pagesOf, type Place } from './pages.js';
import type { Agent, AuditLog, Rule, Ruleset, Server, Vulnerability } from './records.js';

export type AgentQuery = TimeRange & {
  /** Both where it is left out. */
  readonly status?: 'online' | 'offline';
};

export type ServerQuery = {
  /** Only those with an agent, or only those without. */
  readonly monitored?: boolean;
  readonly verbose?: boolean;
};

/** Rules live in rulesets, and are had by both ids. */
export class Rules {
  constructor(private readonly connection: Connection) {}

  async *list(rulesetId: string, signal?: AbortSignal): AsyncGenerator<Rule, void, undefined> {
    yield* all<Rule>(this.connection, { path: `/rulesets/${part(rulesetId)}/rules`, name: 'rules' }, signal);
  }

  /** Undefined where there is none of these ids. */
  async get(rulesetId: string, ruleId: string, signal?: AbortSignal): Promise<Rule | undefined> {
    const path = `/rulesets/${part(rulesetId)}/rules/${part(ruleId)}`;
    return (await this.connection.find(path, {}, signal)) as Rule | undefined;
  }
}

const vulnerabilities = '/vulnerabilities';

export class Vulnerabilities extends TokenList<Vulnerability, object> {
  constructor(connection: Connection) {
    super(connection, { path: vulnerabilities, name: 'cves' }, () => [{}]);
  }

  /** Those of one package. */
  async *ofPackage(name: string, signal?: AbortSignal): AsyncGenerator<Vulnerability, void, undefined> {
    const place = { path: `${vulnerabilities}/package/${part(name)}`, name: 'packages' };
    yield* all<Vulnerability>(this.connection, place, signal);
  }

  /** The servers that have one, by its number (`CVE-2026-1234`). */
  async *servers(cve: string, signal?: AbortSignal): AsyncGenerator<Server, void, undefined> {
    yield* all<Server>(this.connection, { path: `${vulnerabilities}/${part(cve)}/servers`, name: 'servers' }, signal);
  }

  /** What is not to be reported any longer. */
  async *suppressions(signal?: AbortSignal): AsyncGenerator<ApiRecord, void, undefined> {
    yield* all<ApiRecord>(this.connection, { path: `${vulnerabilities}/suppressions`, name: 'suppressions' }, signal);
  }
}

/** What API v2 has. */
export type ResourcesV2 = {
  readonly agents: TokenResource<Agent, AgentQuery>;
  readonly alerts: Alerts;
  readonly rulesets: TokenResource<Ruleset, object>;
  readonly rules: Rules;
  readonly vulnerabilities: Vulnerabilities;
  /** Servers of EC2. */
  readonly servers: TokenList<Server, ServerQuery>;
  readonly auditLogs: TokenList<AuditLog, TimeRange>;
};

export function resourcesV2(connection: Connection): ResourcesV2 {
  return {
    agents: new TokenResource(connection, { path: '/agents', name: 'agents' }, agentsInEachState),
    alerts: new Alerts(connection),
    rulesets: new TokenResource(connection, { path: '/rulesets', name: 'rulesets' }, () => [{}]),
    rules: new Rules(connection),
    vulnerabilities: new Vulnerabilities(connection),
    servers: new TokenList(connection, { path: '/aws/ec2/', name: 'servers' }, serverParameters),
    auditLogs: new TokenList(connection, { path: '/auditlogs', name: 'recs' }, (range) => [rangeParameters(range)]),
  };
}

function agentsInEachState({ status, ...range }: AgentQuery): readonly Query[] {
  const statuses = status === undefined ? ['online', 'offline'] : [status];
  return statuses.map((each) => ({ status: each, ...rangeParameters(range) }));
}

function serverParameters({ monitored, verbose }: ServerQuery): readonly Query[] {
  return [{ monitored: monitored?.toString(), verbose: verbose?.toString() }];
}

function rangeParameters({ start, end }: TimeRange): Query {
  return { from: utc(start), until: utc(end) };
}

async function* all<Item extends ApiRecord>(
  connection: Connection,
  place: Place,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item, void, undefined> {
  for await (const { items } of pagesOf<Item>(connection, place, {}, signal)) yield* items;
}
