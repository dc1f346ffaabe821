import { ArrayNotEmpty, IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { Secret } from '../../core/secret.js';
import { IsCidr } from '../../kit/address.js';
import { IsDuration, IsSecret, OneOrMany } from '../../kit/options.js';
import { IsOutgoingUrl } from '../../kit/target.js';
import { usualBaseUrl } from './client/datatheorem.js';

/** What the Results API has lists of: policy violations of API Secure, finding targets of Mobile Secure. */
export const products = ['api', 'mobile'] as const;
export type Product = (typeof products)[number];

/** `api`: how the Results API is called. */
export class ResultsApiOptions {
  /** A key with access to the results. */
  @IsSecret()
  apiKey!: Secret;

  /** Which of its lists the key may read. */
  @OneOrMany()
  @ArrayNotEmpty()
  @IsIn(products, { each: true })
  @JSONSchema(() => ({ type: 'array', items: { enum: [...products] }, minItems: 1 }))
  products: readonly Product[] = products;

  @IsOutgoingUrl({ isBase: true })
  baseUrl = usualBaseUrl;

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
}
