import { isIP } from 'node:net';
import type { Resource } from '../../core/alert.js';
import { contentHash } from '../../kit/json.js';
import { present } from '../../kit/present.js';
import { text, titleText, type Flags } from '../../kit/read.js';
import { sentenceOf, type VendorEvent } from './event.js';
import { Members } from './members.js';
import type { Report } from './report.js';

/**
 * Reads what happened to a user of the portal: created, changed, deleted, logged in, failed to. Every event is a report
 * of its own about that user. There is no event id, so two that say the same within the same second are one.
 */
export function readUserEvent(event: VendorEvent, flags: Flags): Report {
  const data = new Members(event.data);
  const user = data.read('user_login_email', text);
  const by = data.read(['created_by', 'updated_by', 'deleted_by'], text);
  const ip = data.read('ip_address', (value) => addressOf(value));
  const reason = data.read('auth_failed_reason', text);
  const whom = user === undefined ? '' : `: ${user}`;
  const how = `${by === undefined ? '' : ` by ${by}`}${ip === undefined ? '' : ` from ${ip}`}`;
  return present({
    kind: 'audit' as const,
    state: 'unknown' as const,
    severity: event.name.endsWith('LOGIN_FAILED') ? ('low' as const) : ('informational' as const),
    title: titleText(`${sentenceOf(event)}${whom}${how}`, flags) ?? 'User event',
    description: reason === undefined ? undefined : `Reason: ${reason}`,
    entity: user === undefined ? undefined : { type: 'user', id: user.toLowerCase() },
    version: JSON.stringify([event.type ?? '', contentHash(event.data), text(event.time) ?? '']),
    vendorIds: present({ user }),
    resources: [
      ...(user === undefined ? [] : [userOf('target', user)]),
      ...(by === undefined ? [] : [userOf('actor', by)]),
      ...(ip === undefined ? [] : [{ role: 'actor', type: 'client', ip } as const]),
    ],
    tags: [],
    enrichment: data.rest(),
  });
}

function userOf(role: Resource['role'], email: string): Resource {
  return { role, type: 'user', id: email, name: email };
}

function addressOf(value: unknown): string | undefined {
  const address = text(value);
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}
