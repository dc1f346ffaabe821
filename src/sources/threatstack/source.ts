import { defineSource } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { severityReader } from '../../kit/severity.js';
import { SourceOptions } from '../../kit/source-options.js';
import { normalize, severityTable } from './normalize.js';

export class ThreatStackOptions extends SourceOptions {}

/** Threat Stack (F5 Distributed Cloud App Infrastructure Protection): webhooks, and alerts in either API's shape. */
export const threatstack = defineSource({
  type: 'threatstack',
  vendor: 'threatstack',
  product: 'Threat Stack',
  options: ThreatStackOptions,
  open: (options, context) => {
    const severityOf = severityReader(severityTable, options.severities);
    return {
      ...authenticator(options, context),
      read: (request) => normalize(request, { now: context.now(), severityOf }),
    };
  },
});
