import { isIP } from 'node:net';
import type { Resource } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { field, id, text } from '../../kit/read.js';
import type { Members } from './members.js';

/** `affected_asset`, or an asset that is reported for itself. Its words for type, hosting and discovery are open lists. */
export function assetOf(asset: Members, role: Resource['role']): Resource {
  const url = asset.read('url', text);
  const labels = present({
    hosted_on: asset.read('hosted_on', text),
    discovered_via: asset.read('discovered_via', text),
  });
  return present({
    role,
    type: asset.read('type', text) ?? 'asset',
    id: asset.read(['uuid', 'id'], id),
    name: asset.read('name', text),
    ...hostOf(url),
    url,
    group: asset.read('belongs_to_asset_group', (group) => text(field(group, 'name'))),
    labels: Object.keys(labels).length > 0 ? labels : undefined,
  });
}

function hostOf(url: string | undefined): { hostname?: string; ip?: string } {
  if (url === undefined || !/^https?:/i.test(url) || !URL.canParse(url)) return {};
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(hostname) === 0 ? { hostname } : { ip: hostname };
}
