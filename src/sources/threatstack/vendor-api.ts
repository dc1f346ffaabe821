import { present } from '../../kit/present.js';
import { at, bool, field, id, list } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import type { ThreatStackApiOptions } from './api-options.js';
import { ThreatStack, ThreatStackError, type ApiRecord, type Page } from './client/threatstack.js';

/** What a source asks of either version of the API. Each throws `ThreatStackError`, or the signal's reason. */
export type VendorApi = {
  /** Pages of the alerts made from `start` to `end`, both inclusive, in every state; in what order, the vendor does not say. */
  alerts(start: number, end: number | undefined, signal: AbortSignal): AsyncIterable<Page<ApiRecord>>;
  /** Pages of the dismissed ones among them; undefined where they cannot be asked for by themselves. */
  dismissed(start: number, end: number, signal: AbortSignal): AsyncIterable<Page<ApiRecord>> | undefined;
  /** An alert with its rule, its agent and its latest events, in the shape that `normalize` reads; undefined: unknown. */
  details(alertId: string, signal: AbortSignal): Promise<ApiRecord | undefined>;
  /** How many alerts the vendor has that were made from `start` to `end`; undefined where it does not say. */
  total(start: number, end: number, signal: AbortSignal): Promise<number | undefined>;
  close(): Promise<void>;
};

export function openVendorApi(options: ThreatStackApiOptions): VendorApi {
  const { apiKey, orgId, userId = '', baseUrl, timeout, perMinute, allowCidrs } = options;
  const common = { apiKey, orgId, timeout, perMinute, ...(baseUrl !== undefined && { baseUrl }) };
  const surroundings = { egress: allowCidrs ? { allowCidrs } : {} };
  return options.apiVersion === 1
    ? overV1(new ThreatStack({ ...common, apiVersion: 1 }, surroundings))
    : overV2(new ThreatStack({ ...common, apiVersion: 2, userId }, surroundings));
}

/** Version 1 has the rule and the events in the alert itself, and no counts. */
function overV1(client: ThreatStack): VendorApi {
  return {
    alerts: (start, end, signal) => client.alerts.pages(rangeOf(start, end), signal),
    dismissed: () => undefined,
    details: async (alertId, signal) => {
      const alert = await client.alerts.get(alertId, {}, signal);
      const agentId = id(alert?.agent_id);
      if (alert === undefined || agentId === undefined) return alert;
      const agent = await client.agents.get(agentId, {}, signal);
      return { ...alert, ...(agent && { agent }) };
    },
    total: () => Promise.resolve(undefined),
    close: () => client.close(),
  };
}

/** Enough of the events to see what happened. */
const maxEvents = 50;

function overV2(client: ThreatStack<2>): VendorApi {
  return {
    alerts: (start, end, signal) => client.alerts.pages(rangeOf(start, end), signal),
    dismissed: (start, end, signal) => client.alerts.pages({ status: 'dismissed', ...rangeOf(start, end) }, signal),
    details: async (alertId, signal) => {
      const alert = await client.alerts.get(alertId, signal);
      if (alert === undefined) return undefined;
      const [agentId, rulesetId, ruleId] = [id(alert.agentId), id(alert.rulesetId), id(alert.ruleId)];
      const [agent, rule, events] = await Promise.all([
        agentId === undefined ? undefined : client.agents.get(agentId, signal),
        rulesetId === undefined || ruleId === undefined ? undefined : client.rules.get(rulesetId, ruleId, signal),
        latestEvents(client, alertId, signal),
      ]);
      return present({
        ...alert,
        agent: agent && present({ id: agent.id, hostname: agent.hostname, ip_address: ipOf(agent) }),
        rule: rule && present({ id: rule.id, name: rule.name, type: rule.type }),
        events,
      });
    },
    total: async (start, end, signal) => {
      try {
        const counts = await client.alerts.severityCounts(rangeOf(start, end), signal);
        return counts.reduce((sum, { count }) => sum + count, 0);
      } catch (error) {
        // A number for people is no reason to give up a pull that has all its alerts.
        if (error instanceof ThreatStackError) return undefined;
        throw error;
      }
    },
    close: () => client.close(),
  };
}

async function latestEvents(client: ThreatStack<2>, alertId: string, signal: AbortSignal): Promise<ApiRecord[]> {
  const events: ApiRecord[] = [];
  for await (const event of client.alerts.events(alertId, signal)) {
    events.push(event);
    // One more than is kept, so that it shows that there are more.
    if (events.length > maxEvents) break;
  }
  return events;
}

function ipOf(agent: ApiRecord): unknown {
  return list(at(agent, 'ipAddresses', 'private'))[0] ?? list(at(agent, 'ipAddresses', 'public'))[0];
}

function rangeOf(start: number, end: number | undefined) {
  return { start: new Date(start), ...(end !== undefined && { end: new Date(end) }) };
}

/** When an alert of either version was made, in milliseconds since the epoch, whatever our clock thinks of it. */
export function madeAt(alert: ApiRecord): number | undefined {
  const made = field(alert, 'created_at') ?? field(alert, 'createdAt');
  const time = timeText(made, 'ms', Number.MAX_SAFE_INTEGER, new Set());
  return time === undefined ? undefined : Date.parse(time);
}

/** An alert and its state: what makes two copies of it one. */
export function reportOf(alert: ApiRecord): string {
  const isDismissed = bool(field(alert, 'dismissed') ?? field(alert, 'isDismissed')) === true;
  return JSON.stringify([id(field(alert, 'id')) ?? alert, isDismissed]);
}
