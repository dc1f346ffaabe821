import { Type } from 'class-transformer';
import { IsFQDN, IsObject, IsOptional, ValidateBy, ValidateNested } from 'class-validator';
import { defineSource, type Source, type SourceContext } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { OneOrMany } from '../../kit/options.js';
import { severityReader } from '../../kit/severity.js';
import { IsPull, PullOptions, SourceOptions } from '../../kit/source-options.js';
import { ResultsApiOptions } from './api-options.js';
import { DataTheorem } from './client/datatheorem.js';
import { linkReader } from './links.js';
import { normalize } from './normalize.js';
import { pull } from './pull.js';
import { severityTable } from './report.js';

const apiHint = 'api must be a block such as { apiKey: ${DATATHEOREM_API_KEY} }';

export class DataTheoremOptions extends SourceOptions {
  /** Hosts whose links, and whose subdomains' links, are given as links; all others are kept as text. */
  @IsOptional()
  @OneOrMany()
  @IsFQDN(undefined, { each: true, message: '$property must hold host names such as securetheorem.com' })
  linkHosts: readonly string[] = ['securetheorem.com', 'datatheorem.com'];

  /** The vendor's Results API. */
  @IsOptional()
  @Type(() => ResultsApiOptions)
  @IsObject({ message: apiHint })
  @ValidateNested({ message: apiHint })
  api?: ResultsApiOptions;

  /** Asks the Results API for what the webhook did not bring. */
  @IsPull()
  @NeedsApi()
  pull?: PullOptions;
}

/** An option that is of use only together with `api`. */
function NeedsApi(): PropertyDecorator {
  const rule = ValidateBy({
    name: 'needsApi',
    validator: {
      validate: (_value, args) => (args?.object as DataTheoremOptions).api !== undefined,
      defaultMessage: () => '$property needs api: { apiKey: ${DATATHEOREM_API_KEY} } beside it',
    },
  });
  return (target, key) => {
    rule(target, String(key));
  };
}

/** Data Theorem: the events that its portal posts, one a call; and what its Results API has. */
export const datatheorem = defineSource({
  type: 'datatheorem',
  vendor: 'datatheorem',
  product: 'Data Theorem',
  options: DataTheoremOptions,
  open: (options, context) => {
    const severityOf = severityReader(severityTable, options.severities);
    const linkOf = linkReader(options.linkHosts);
    return {
      ...authenticator(options, context),
      read: (request) => normalize(request, { now: context.now(), severityOf, linkOf }),
      ...(options.api && asking(options.api, options, context)),
    };
  },
});

/** The part of the source that goes out to the vendor. */
function asking(
  api: ResultsApiOptions,
  options: DataTheoremOptions,
  { now }: SourceContext,
): Pick<Source, 'pull' | 'close'> {
  const { apiKey, baseUrl, timeout, perMinute, allowCidrs, products } = api;
  const egress = allowCidrs ? { allowCidrs } : {};
  const client = new DataTheorem({ apiKey, baseUrl, timeout, perMinute }, { egress });
  const overlapMs = options.pull?.overlap;
  return {
    ...(overlapMs !== undefined && {
      pull: (from, signal) => pull(client, { products, overlapMs, now }, from, signal),
    }),
    close: () => client.close(),
  };
}
