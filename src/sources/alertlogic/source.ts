import { defineSource, type Source, type SourceContext } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { severityReader } from '../../kit/severity.js';
import type { AlertLogicApiOptions } from './api-options.js';
import { AlertLogic } from './client/alertlogic.js';
import { lookup } from './lookup.js';
import { mappedReader } from './mapping.js';
import { normalize } from './normalize.js';
import { AlertLogicOptions } from './options.js';
import { pull } from './pull.js';
import { threatRatings } from './severity.js';

/** Alert Logic's notifications, by a webhook connection whose template is the customer's; and what its API has. */
export const alertlogic = defineSource({
  type: 'alertlogic',
  vendor: 'alertlogic',
  product: 'Alert Logic MDR',
  options: AlertLogicOptions,
  open: (options, context) => {
    const mapped = options.mapping && mappedReader(options.mapping);
    const severityOf = severityReader(threatRatings, options.severities);
    const reading = () => ({ now: context.now(), severityOf });
    return {
      ...authenticator(options, context),
      read: (request) => normalize(request.body, reading(), mapped),
      ...(options.api && asking(options.api, options, context, reading)),
    };
  },
});

/** The part of the source that goes out to the vendor. */
function asking(
  api: AlertLogicApiOptions,
  options: AlertLogicOptions,
  { now }: SourceContext,
  reading: Parameters<typeof lookup>[1]['context'],
): Pick<Source, 'pull' | 'lookup' | 'close'> {
  const client = clientOf(api);
  const overlapMs = options.pull?.overlap;
  return {
    ...(overlapMs !== undefined && { pull: (from, signal) => pull(client, { overlapMs, now }, from, signal) }),
    lookup: (alert, signal) => lookup(client, { context: reading, payloads: api.payloads }, alert, signal),
    close: () => client.close(),
  };
}

/** The client that a block of the config describes. */
export function clientOf(api: AlertLogicApiOptions): AlertLogic {
  const { accessKeyId, secretKey, accountId, baseUrl, region, timeout, perMinute, allowCidrs } = api;
  return new AlertLogic(
    { accessKeyId, secretKey, baseUrl, region, timeout, perMinute, ...(accountId !== undefined && { accountId }) },
    { egress: allowCidrs ? { allowCidrs } : {} },
  );
}
