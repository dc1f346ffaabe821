import { isIP } from 'node:net';
import type { Resource } from '../../core/alert.js';
import { present } from '../present.js';
import type { OcsfDevice, OcsfEndpoint, OcsfEvidence, OcsfObservable, OcsfResource, RoleLabel } from './finding.js';

const roles: Readonly<Record<Resource['role'], RoleLabel>> = {
  target: { role_id: 1, role: 'Target' },
  actor: { role_id: 2, role: 'Actor' },
  affected: { role_id: 3, role: 'Affected' },
  related: { role_id: 4, role: 'Related' },
};

/** An alert's resource as `resource_details`, which must have a uid or a name: without either, it is lent one. */
export function toResourceDetails(resource: Resource): OcsfResource {
  const { id, name, type, hostname, group, labels, port, url, region, accountId } = resource;
  const ip = ipOf(resource);
  const data = present({ port, url, region, accountId });
  const tags = Object.entries(labels ?? {}).map(([key, value]) => ({ name: key, value }));
  return present({
    ...roles[resource.role],
    type,
    uid: id,
    name: name ?? (id === undefined ? (hostname ?? ip ?? url ?? type) : undefined),
    hostname,
    ip,
    group: group === undefined ? undefined : { name: group },
    tags: tags.length === 0 ? undefined : tags,
    data: Object.keys(data).length === 0 ? undefined : data,
  });
}

/** The other way; a name that could have been lent is taken as lent. */
export function fromResourceDetails(details: OcsfResource): Resource {
  const { type, uid: id, hostname, ip, group, tags, data } = details;
  const isLent = id === undefined && details.name === (hostname ?? ip ?? data?.url ?? type);
  return present({
    role: roleOf(details),
    type,
    id,
    name: isLent ? undefined : details.name,
    hostname,
    ip,
    ...data,
    group: group?.name,
    labels: tags && Object.fromEntries(tags.map((tag) => [tag.name, tag.value])),
  });
}

/** The first machine that something was done to. */
export function deviceOf(resources: readonly Resource[]): OcsfDevice | undefined {
  const machine = resources.find((resource) => isTarget(resource) && isOnNetwork(resource));
  if (machine === undefined) return undefined;
  const { id: uid, name, hostname, region } = machine;
  return present({ type_id: 0 as const, type: 'Unknown' as const, uid, name, hostname, ip: ipOf(machine), region });
}

/**
 * The two ends of an attack over the network, for alerts that name an attacker's end. One of each are taken to have met;
 * of several it is not known who met whom.
 */
export function evidencesOf(resources: readonly Resource[]): readonly OcsfEvidence[] {
  const machines = resources.filter(isOnNetwork);
  const sources = machines.filter(({ role }) => role === 'actor').map(toEndpoint);
  const targets = machines.filter(isTarget).map(toEndpoint);
  const [src_endpoint, ...otherSources] = sources;
  const [dst_endpoint, ...otherTargets] = targets;
  if (src_endpoint === undefined) return [];
  if (dst_endpoint && otherSources.length + otherTargets.length === 0) return [{ src_endpoint, dst_endpoint }];
  return [
    ...sources.map((endpoint) => ({ src_endpoint: endpoint })),
    ...targets.map((endpoint) => ({ dst_endpoint: endpoint })),
  ];
}

/** What an analyst searches other events for; `name` is where in the finding the value stands. */
export function observablesOf(resources: readonly Resource[]): readonly OcsfObservable[] {
  return resources.flatMap((resource, index) => {
    const { id, name, hostname, url, type } = resource;
    const observed = [
      { type_id: 2, type: 'IP Address', name: 'ip', value: ipOf(resource) } as const,
      { type_id: 1, type: 'Hostname', name: 'hostname', value: hostname } as const,
      { type_id: 4, type: 'User Name', name: 'name', value: type.toLowerCase() === 'user' ? name : undefined } as const,
      { type_id: 6, type: 'URL String', name: 'data.url', value: url } as const,
      { type_id: 10, type: 'Resource UID', name: 'uid', value: id } as const,
    ];
    return observed.flatMap(({ value, ...observable }) =>
      value === undefined ? [] : [{ ...observable, name: `resources[${index}].${observable.name}`, value }],
    );
  });
}

function toEndpoint(resource: Resource): OcsfEndpoint {
  const { id: uid, name, hostname, port } = resource;
  return present({ uid, name, hostname, ip: ipOf(resource), port });
}

function isTarget({ role }: Resource): boolean {
  return role === 'target' || role === 'affected';
}

function isOnNetwork(resource: Resource): boolean {
  return resource.hostname !== undefined || ipOf(resource) !== undefined;
}

/** A vendor's "ip" may hold anything; the schema's may not. */
function ipOf({ ip }: Resource): string | undefined {
  return ip !== undefined && isIP(ip) !== 0 ? ip : undefined;
}

function roleOf({ role_id }: OcsfResource): Resource['role'] {
  return (['target', 'actor', 'affected', 'related'] as const)[role_id - 1] ?? 'related';
}
