import { IsBoolean, IsIn, IsInt, IsNotEmpty, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { Secret } from '../../core/secret.js';
import { IsCidr } from '../../kit/address.js';
import { IsDuration, IsSecret, OneOrMany } from '../../kit/options.js';
import { IsOutgoingUrl } from '../../kit/target.js';
import { residencies, usualBaseUrl, type Residency } from './client/alertlogic.js';

/** `api`: how Alert Logic's API is called. */
export class AlertLogicApiOptions {
  /** An access key of a user who may read incidents. */
  @IsString()
  @IsNotEmpty()
  accessKeyId!: string;

  @IsSecret()
  secretKey!: Secret;

  /** The account to ask; the user's own unless said otherwise. */
  @IsOptional()
  @Matches(/^\d{1,20}$/, { message: '$property must be the number of an account, in quotes' })
  accountId?: string;

  @IsOutgoingUrl({ isBase: true })
  baseUrl = usualBaseUrl;

  /** Whose endpoint is asked: by `default` the account's own. */
  @IsIn(residencies)
  region: Residency = 'default';

  /** Networks that are not public and may be called all the same. */
  @IsOptional()
  @OneOrMany()
  @IsCidr({ each: true })
  allowCidrs?: readonly string[];

  /** For each request, to the last byte of its answer. */
  @IsDuration({ minMs: 100, maxMs: 120_000 })
  timeout = 30_000;

  /** The vendor documents no limit. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  perMinute = 120;

  /** Sends what the packets of an alert's events hold along with it, to its sinks; without the credentials in them. */
  @IsBoolean()
  payloads = false;
}
