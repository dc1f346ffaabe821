import type { AlertDraft } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { id, text, type Flags } from '../../kit/read.js';
import { identityOf } from './identity.js';
import { narrativeOf, titleOf } from './markup.js';
import { part, parts } from './part.js';
import { deployed, hosts, labelsOf, merged, textsOf } from './parties.js';
import { ratingOf } from './severity.js';
import type { Body, Context, Shape } from './shape.js';
import { tagsOf } from './tags.js';

/**
 * A health notification: an agent, appliance or collector that no longer collects (health payload of the connectors).
 * Of kind `posture`: the vendor calls it an exposure, with a remediation. It carries neither a severity nor a time, and
 * nothing says when it is over.
 */
export const health: Shape = {
  recognises: (body) =>
    parts(body, 'remediation_id', 'exposure_impact').some((value) => value !== undefined) &&
    parts(body, 'cid', 'customer_account_name', 'report_description', 'resolution').some(
      (value) => value !== undefined,
    ),
  read: readHealth,
};

function readHealth(body: Body, context: Context): AlertDraft {
  const flags: Flags = new Set();
  const remediationId = id(part(body, 'remediation_id'));
  const deployment = text(part(body, 'deployment_name'));
  const addresses = textsOf(part(body, 'ip_addresses'), flags);
  const assetType = text(part(body, 'target_asset_type'));
  const rating = ratingOf([part(body, 'severity'), part(body, 'threat_level')], context, flags);
  const narrative = narrativeOf(parts(body, 'exposure_impact', 'report_description'), parts(body, 'resolution'), flags);
  const title = titleOf(
    parts(body, 'report_description'),
    narrative.description,
    `Alert Logic health exposure ${remediationId ?? 'without an id'}`,
    flags,
  );
  const assets = hosts('affected', addresses, flags).map((asset) => ({ ...asset, type: assetType ?? asset.type }));
  return {
    ...present({
      kind: 'posture' as const,
      state: 'open' as const,
      ...rating,
      title,
      ...narrative,
      accountId: id(part(body, 'cid')),
      accountName: text(part(body, 'customer_account_name')),
      eventType: 'health',
      rule: remediationId === undefined ? undefined : { id: remediationId },
    }),
    // A remediation says what to do, not where: deployment and addresses make it one exposure among several.
    ...identityOf(
      {
        type: 'health',
        id: remediationId && JSON.stringify([remediationId, deployment ?? '', ...addresses.toSorted()]),
      },
      ['open', narrative.description],
      body,
    ),
    vendorIds: present({ remediation: remediationId }),
    resources: merged(deployed(assets, labelsOf({ deployment })), flags),
    tags: tagsOf({ asset_type: assetType }),
    quality: [...flags],
  };
}
