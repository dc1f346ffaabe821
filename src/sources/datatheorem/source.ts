import { Type } from 'class-transformer';
import { IsFQDN, IsObject, IsOptional, ValidateNested } from 'class-validator';
import { defineSource, type Source } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { OneOrMany } from '../../kit/options.js';
import { severityReader } from '../../kit/severity.js';
import { ApiSourceOptions } from '../../kit/source-options.js';
import { ResultsApiOptions } from './api-options.js';
import { DataTheorem } from './client/datatheorem.js';
import { linkReader } from './links.js';
import { lookupIn } from './lookup.js';
import { draftOf, normalize } from './normalize.js';
import { pull } from './pull.js';
import { severityTable, type Context } from './report.js';

const apiHint = 'api must be a block such as { apiKey: ${DATATHEOREM_API_KEY} }';

export class DataTheoremOptions extends ApiSourceOptions {
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
    const reading = (): Context => ({ now: context.now(), severityOf, linkOf });
    return {
      ...authenticator(options, context),
      read: (request) => normalize(request, reading()),
      ...(options.api && asking(options.api, options, context.now, reading)),
    };
  },
});

/** The part of the source that goes out to the vendor. */
function asking(
  { apiKey, baseUrl, timeout, perMinute, allowCidrs, products }: ResultsApiOptions,
  { pull: pulling }: DataTheoremOptions,
  now: () => number,
  reading: () => Context,
): Pick<Source, 'pull' | 'lookup' | 'close'> {
  const client = new DataTheorem({ apiKey, baseUrl, timeout, perMinute }, { egress: allowCidrs ? { allowCidrs } : {} });
  return {
    ...(pulling && {
      pull: (from, signal) => pull(client, { products, overlapMs: pulling.overlap, now }, from, signal),
    }),
    lookup: lookupIn(client, (event) => draftOf(event, reading(), new Set())),
    close: () => client.close(),
  };
}
