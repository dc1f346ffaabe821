import { IsFQDN, IsOptional } from 'class-validator';
import { defineSource } from '../../core/source.js';
import { authenticator } from '../../kit/authenticate.js';
import { OneOrMany } from '../../kit/options.js';
import { severityReader } from '../../kit/severity.js';
import { SourceOptions } from '../../kit/source-options.js';
import { linkReader } from './links.js';
import { normalize } from './normalize.js';
import { severityTable } from './report.js';

export class DataTheoremOptions extends SourceOptions {
  /** Hosts whose links, and whose subdomains' links, are given as links; all others are kept as text. */
  @IsOptional()
  @OneOrMany()
  @IsFQDN(undefined, { each: true, message: '$property must hold host names such as securetheorem.com' })
  linkHosts: readonly string[] = ['securetheorem.com', 'datatheorem.com'];
}

/** Data Theorem: the events that its portal posts, one a call. */
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
    };
  },
});
