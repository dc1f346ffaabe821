import { IsIn, IsInt, IsNotEmpty, IsOptional, IsString, Max, Min, ValidateIf } from 'class-validator';
import type { Secret } from '../../core/secret.js';
import { IsCidr } from '../../kit/address.js';
import { IsDuration, IsSecret, OneOrMany } from '../../kit/options.js';
import { IsOutgoingUrl } from '../../kit/target.js';

/** How Threat Stack's API is called. */
export class ThreatStackApiOptions {
  @IsSecret()
  apiKey!: Secret;

  /** The organization's id. Also that of alerts that do not name one, so that all copies of an alert are the same finding. */
  @IsString()
  @IsNotEmpty()
  orgId!: string;

  /** The user in whose name version 2 is asked. */
  @ValidateIf(({ apiVersion, userId }: ThreatStackApiOptions) => apiVersion === 2 || userId !== undefined)
  @IsString({ message: '$property must be the id of a user, which version 2 of the API needs' })
  @IsNotEmpty()
  userId?: string;

  @IsIn([1, 2])
  apiVersion: 1 | 2 = 2;

  /** The vendor's for the version unless said otherwise. */
  @IsOptional()
  @IsOutgoingUrl({ isBase: true })
  baseUrl?: string;

  /** For each attempt of a request. */
  @IsDuration({ minMs: 100 })
  timeout = 30_000;

  /** At most so many requests a minute; the vendor allows an organization 200. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  perMinute = 200;

  /** How far back a pull looks for alerts that were dismissed since; version 2 only. */
  @IsDuration({ minMs: 0, maxMs: 90 * 86_400_000 })
  dismissals = 7 * 86_400_000;

  /** Networks that are not public and may be called all the same. */
  @IsOptional()
  @OneOrMany()
  @IsCidr({ each: true })
  allowCidrs?: readonly string[];
}
