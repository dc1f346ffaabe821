import type { Resource } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { id, isObject, text, type Flags } from '../../kit/read.js';
import { part } from './part.js';
import { deployed, host, hosts, labelled, labelsOf, located, merged, partiesOf } from './parties.js';

/** Who attacked what, and where the asset is deployed: the `resources` of a full incident. */
export function incidentParties(body: unknown, flags: Flags): readonly Resource[] {
  const attacker = partiesOf('actor', gathered(body, 'attacker'), flags);
  const country = labelsOf({
    country: part(body, 'attacker_country_code'),
    countryName: part(body, 'attacker_country_name'),
  });
  const actors = [
    ...attacker.map((party) => (party.type === 'host' ? labelled(party, country) : party)),
    ...partiesOf('actor', part(body, 'attacker_lset'), flags),
    ...hosts('actor', part(body, 'extra.location_ip'), flags),
  ];
  const targets = [
    ...partiesOf('target', gathered(body, 'victim'), flags),
    ...partiesOf('target', part(body, 'victim_lset'), flags),
    ...hosts('target', part(body, 'extra.target_host'), flags),
  ];
  return located(merged([...actors, ...withDeployment(targets, body)], flags), part(body, 'geo_ip_map'));
}

const partyFields = ['ip', 'port', 'region', 'instanceId', 'account', 'value', 'userName'];

/** The object of a party, also where its fields stand under dotted keys. */
function gathered(body: unknown, name: string): unknown {
  const whole = part(body, name);
  if (whole !== undefined && !isObject(whole)) return whole;
  return Object.fromEntries(partyFields.map((key) => [key, part(body, `${name}.${key}`)]));
}

/** The asset first, where it is named. */
function withDeployment(targets: readonly Resource[], body: unknown): readonly Resource[] {
  const labels = labelsOf({
    // The comma is part of the key in the vendor's schema and in what its TEST button sends.
    deployment: part(body, 'deployment') ?? part(body, 'deployment,'),
    deploymentId: part(body, 'assets.al__deployment'),
    deploymentType: part(body, 'asset_deployment_type'),
    vpc: part(body, 'assets.al__vpc') ?? part(body, 'deployment_vpc'),
    subnet: part(body, 'assets.al__subnet') ?? part(body, 'deployment_subnet'),
  });
  const place = present({
    region: text(part(body, 'assets.al__region')),
    accountId: id(part(body, 'asset_native_account_id')),
  });
  const asset = assetOf(body);
  return deployed(asset === undefined ? targets : [{ ...asset, ...place }, ...targets], labels, place);
}

function assetOf(body: unknown): Resource | undefined {
  const name = text(part(body, 'asset_host_name'));
  const key = id(part(body, 'assets.__asset.key'));
  if (name === undefined && key === undefined) return undefined;
  const asset = name === undefined ? { role: 'target' as const, type: 'host' } : host('target', name);
  return { ...asset, ...present({ type: text(part(body, 'assets.__asset.type')) }), ...present({ id: key }) };
}
