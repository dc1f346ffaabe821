import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateNested } from 'class-validator';
import { defineSource, type Source, type SourceContext } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { severityReader } from '../../kit/severity.js';
import { ApiSourceOptions } from '../../kit/source-options.js';
import { ThreatStackApiOptions } from './api-options.js';
import { lookup } from './lookup.js';
import { normalize, severityTable, type NormalizeContext } from './normalize.js';
import { pull } from './pull.js';
import { openVendorApi } from './vendor-api.js';

const apiHint = 'api must be a block such as { apiKey: ${THREATSTACK_API_KEY}, orgId: …, userId: … }';

export class ThreatStackOptions extends ApiSourceOptions {
  /** The vendor's API. */
  @IsOptional()
  @Type(() => ThreatStackApiOptions)
  @IsObject({ message: apiHint })
  @ValidateNested({ message: apiHint })
  api?: ThreatStackApiOptions;
}

/** Threat Stack (F5 Distributed Cloud App Infrastructure Protection): webhooks, and alerts in either API's shape. */
export const threatstack = defineSource({
  type: 'threatstack',
  vendor: 'threatstack',
  product: 'Threat Stack',
  options: ThreatStackOptions,
  open: (options, context) => {
    const severityOf = severityReader(severityTable, options.severities);
    const organization = options.api?.orgId;
    const read: Source['read'] = (request) => {
      const now = context.now();
      const normalizing: NormalizeContext = { now, severityOf, ...(organization !== undefined && { organization }) };
      const { probe, ...reading } = normalize(request, normalizing);
      // A pull that finds nothing is no call of the vendor's.
      return probe === undefined || request.path === pulledPath ? reading : { ...reading, probe };
    };
    return {
      ...authenticator(options, context),
      read,
      ...(options.api && asking(options.api, options, read, context)),
    };
  },
});

/** Where pulled pages are read as if they had come to it. */
const pulledPath = '/pull';

/** The part of the source that goes out to the vendor. */
function asking(
  apiOptions: ThreatStackApiOptions,
  options: ThreatStackOptions,
  read: Source['read'],
  { now }: SourceContext,
): Pick<Source, 'pull' | 'lookup' | 'close'> {
  const api = openVendorApi(apiOptions);
  const overlapMs = options.pull?.overlap;
  const dismissedMs = apiOptions.dismissals;
  return {
    ...(overlapMs !== undefined && {
      pull: (from, signal) => pull(api, { overlapMs, dismissedMs, now }, from, signal),
    }),
    lookup: (alert, signal) => lookup(api, read, alert, signal),
    close: () => api.close(),
  };
}
