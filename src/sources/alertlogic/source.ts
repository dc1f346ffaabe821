import { defineSource } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { severityReader } from '../../kit/severity.js';
import { mappedReader } from './mapping.js';
import { normalize } from './normalize.js';
import { AlertLogicOptions } from './options.js';
import { threatRatings } from './severity.js';

/** Alert Logic's notifications, by a webhook connection whose template is the customer's. */
export const alertlogic = defineSource({
  type: 'alertlogic',
  vendor: 'alertlogic',
  product: 'Alert Logic MDR',
  options: AlertLogicOptions,
  open: (options, context) => {
    const mapped = options.mapping && mappedReader(options.mapping);
    const severityOf = severityReader(threatRatings, options.severities);
    return {
      ...authenticator(options, context),
      read: (request) => normalize(request.body, { now: context.now(), severityOf }, mapped),
    };
  },
});
