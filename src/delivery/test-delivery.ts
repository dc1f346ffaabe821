import { hash } from 'node:crypto';
import { ownSource, ownSourceName } from '../core/own-source.js';
import { mintId, toAlert } from '../core/identity.js';
import type { Delivery } from '../core/journal.js';

/** A delivery that is owed to nobody: an alert that says of itself that it is a test. */
export function testDelivery(sink: string, now = Date.now()): Delivery {
  const id = mintId();
  const text = `An operator tries the sink ${sink}. Nothing happened, and nothing needs to be done.`;
  const draft = {
    kind: 'test',
    state: 'open',
    severity: 'informational',
    title: 'Signalbox test event',
    description: text,
    version: id,
    vendorIds: {},
    resources: [],
    tags: ['test'],
    quality: [],
  } as const;
  const request = { id, sha256: hash('sha256', text, 'hex'), bytes: text.length, contentType: 'text/plain' };
  const receivedAt = new Date(now).toISOString();
  const alert = toAlert(
    { ...draft, entity: { type: 'test', id } },
    { ...ownSource, sourceId: ownSourceName, receivedAt, request },
  );
  return {
    id: `${alert.id}:${sink}`,
    sink,
    alert: { ...alert, action: 'create' },
    routes: [],
    attempt: 1,
    acceptedAt: now,
    lease: { seq: 0, token: 0 },
  };
}
