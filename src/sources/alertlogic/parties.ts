import { isIP } from 'node:net';
import type { Resource } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { field, id, number, text, type Flags } from '../../kit/read.js';
import { part } from './part.js';
import { pythonList } from './python.js';

export type Labels = Readonly<Record<string, string>>;
type Role = Resource['role'];

const maxListed = 1_000;

/**
 * As many elements of a list as are looked at: `parties_truncated` past 1,000. A list inside a list is none of them.
 */
function elementsOf(value: readonly unknown[], flags: Flags): readonly unknown[] {
  if (value.length > maxListed) flags.add('parties_truncated');
  return value.slice(0, maxListed).filter((item) => !Array.isArray(item));
}

/** What stands where one value or several may: a text, a list, a Python list printed into a text. */
export function textsOf(value: unknown, flags: Flags): readonly string[] {
  if (Array.isArray(value)) return elementsOf(value, flags).flatMap((item) => textsOf(item, flags));
  const written = text(value);
  if (written === undefined) return [];
  const printed = pythonList(written);
  if (printed === undefined) return [written];
  flags.add('python_list_read');
  return printed.map(text).filter((item) => item !== undefined);
}

/** Hosts by address or name, as `extra.target_host` and a legacy incident's `victims` list them. */
export function hosts(role: Role, value: unknown, flags: Flags): readonly Resource[] {
  return textsOf(value, flags).map((name) => host(role, name));
}

export function host(role: Role, name: string): Resource {
  return isIP(name) > 0 ? { role, type: 'host', ip: name } : { role, type: 'host', hostname: name };
}

/**
 * The parties of an `attacker` or `victim` object, or of an element of their `_lset` lists: addresses under `ip`, users
 * under `value` or `userName`. What a notification's flat `attacker` and `victim` hold is a bare text.
 */
export function partiesOf(role: Role, value: unknown, flags: Flags): readonly Resource[] {
  if (Array.isArray(value)) return elementsOf(value, flags).flatMap((item) => partiesOf(role, item, flags));
  if (typeof value !== 'object' || value === null) return named(role, value, flags);
  const details = present({
    id: id(field(value, 'instanceId')),
    port: portOf(field(value, 'port')),
    region: text(field(value, 'region')),
    accountId: id(field(value, 'account')),
  });
  const addressed = hosts(role, part(value, 'ip'), flags).map((party) => ({ ...party, ...details }));
  const isInstance = addressed.length === 0 && details.id !== undefined;
  return [
    ...addressed,
    ...(isInstance ? [{ role, type: 'host', ...details }] : []),
    ...named(role, field(value, 'value'), flags),
    ...named(role, field(value, 'userName'), flags),
  ];
}

/** A name that is no address belongs to a user: "applies to attacks originating from a user" (incident schema). */
function named(role: Role, value: unknown, flags: Flags): readonly Resource[] {
  return textsOf(value, flags).map((name) => (isIP(name) > 0 ? host(role, name) : { role, type: 'user', name }));
}

function portOf(value: unknown): number | undefined {
  const port = number(value);
  return port !== undefined && Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
}

/** The parties with where their addresses are, as `geo_ip_map` and a legacy incident's `geoip` tell by address. */
export function located(parties: readonly Resource[], geography: unknown): readonly Resource[] {
  return parties.map((party) => {
    const place = party.ip === undefined ? undefined : field(geography, party.ip);
    const labels = labelsOf({
      country: field(place, 'country') ?? field(place, 'country_code'),
      countryName: field(place, 'countryname') ?? field(place, 'country_name'),
      city: field(place, 'city'),
    });
    return labelled(party, labels);
  });
}

/** Those of the fields that hold a text. */
export function labelsOf(fields: Readonly<Record<string, unknown>>): Labels {
  const entries = Object.entries(fields).map(([name, value]) => [name, text(value)] as const);
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

/** The resource with more labels; its own win. */
export function labelled(resource: Resource, labels: Labels): Resource {
  const all = { ...labels, ...resource.labels };
  return Object.keys(all).length === 0 ? resource : { ...resource, labels: all };
}

/**
 * The targets with the facts of their deployment: on the first host among them, else on a resource of its own. `place`
 * is where the deployment is.
 */
export function deployed(
  targets: readonly Resource[],
  labels: Labels,
  place: Pick<Resource, 'region' | 'accountId'> = {},
): readonly Resource[] {
  if (Object.keys(labels).length === 0) return targets;
  const first = targets.find((target) => target.type !== 'user');
  if (first !== undefined) {
    return targets.map((target) => (target === first ? labelled({ ...place, ...target }, labels) : target));
  }
  const names = present({ id: labels['deploymentId'], name: labels['deployment'] });
  return [...targets, { role: 'affected', type: 'deployment', ...names, ...place, labels }];
}

const maxResources = 200;

/** Each party once in a role, with all that is known of it; the first mention wins. `resources_truncated` past 200. */
export function merged(parties: readonly Resource[], flags: Flags): readonly Resource[] {
  const byName = new Map<string, Resource>();
  for (const party of parties) {
    const name = JSON.stringify([party.role, party.ip ?? party.hostname ?? party.name ?? party.id]);
    const known = byName.get(name);
    byName.set(name, known === undefined ? party : labelled({ ...party, ...known }, party.labels ?? {}));
  }
  if (byName.size > maxResources) flags.add('resources_truncated');
  return [...byName.values()].slice(0, maxResources);
}
