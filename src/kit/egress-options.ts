import { IsOptional } from 'class-validator';
import { IsCidr } from './address.js';
import { OneOrMany } from './options.js';
import { IsPorts } from './target.js';

/** What opens the guard of a sink that calls out (`http.ts`); its own options class extends it. */
export class EgressSinkOptions {
  /** Networks that are not public and may be called all the same, e.g. that of a private link. */
  @IsOptional()
  @OneOrMany()
  @IsCidr({ each: true })
  allowCidrs?: readonly string[];

  /** Ports that may be called at public addresses, beside the usual ones. */
  @IsOptional()
  @OneOrMany()
  @IsPorts()
  allowPorts?: readonly number[];
}
